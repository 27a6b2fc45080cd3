//! Steps that bring rows of one database to another.

use super::databases::{done, seen};
use crate::error::Result;
use crate::plan::Outcome;
use crate::step::{CheckTables, CopyTables};
use crate::world::{Ended, World};

pub async fn check(step: &CheckTables, world: &mut World) -> Result<Outcome> {
    let secret = world.secret(&step.source.secret)?;
    Ok(seen(world.databases.check_tables(step, secret, world.hands(&step.operator)?).await?))
}

pub async fn tables(step: &CopyTables, world: &mut World) -> Result<Outcome> {
    let secret = world.secret(&step.source.secret)?;
    let told = world.databases.copy_tables(step, secret, world.hands(&step.operator)?).await?;
    Ok(outcome(step, &told))
}

/// How a copy has ended, as its server says; what was written to a copy of the database is of no matter.
pub async fn committed(step: &CopyTables, world: &World) -> Result<Ended<Outcome>> {
    Ok(match world.databases.committed_tables(step, world.hands(&step.operator)?).await? {
        Ended::Committed(told) => Ended::Committed(outcome(step, &told)),
        Ended::Undone => Ended::Undone,
        Ended::Forgotten => Ended::Forgotten,
    })
}

fn outcome(step: &CopyTables, told: &[String]) -> Outcome {
    match step.anew {
        // It goes with the copy that it was written to.
        Some(_) => done(told.to_vec()),
        None => {
            let back = match &step.before {
                Some(backup) => {
                    format!("odpm database restore {} -d {} --replace", backup.display(), step.database)
                }
                None => "no backup was taken before".to_owned(),
            };
            Outcome::stays(format!("copied rows stay; to have {} as it was: {back}", step.database))
                .detail(told.join(", "))
        }
    }
}
