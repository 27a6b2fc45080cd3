//! Steps that bring rows of one database to another.

use super::databases::{done, seen};
use crate::error::Result;
use crate::plan::Outcome;
use crate::step::{CheckTables, CopyTables};
use crate::world::World;

pub async fn check(step: &CheckTables, world: &mut World) -> Result<Outcome> {
    let secret = world.secret(&step.source.secret)?;
    Ok(seen(world.databases.check_tables(step, secret, world.hands(&step.operator)?).await?))
}

pub async fn tables(step: &CopyTables, world: &mut World) -> Result<Outcome> {
    let secret = world.secret(&step.source.secret)?;
    let told = world.databases.copy_tables(step, secret, world.hands(&step.operator)?).await?;
    Ok(outcome(step, &told))
}

/// What a copy has done, where the server says that it was committed; `None` where it was not, or is of no matter.
pub async fn committed(step: &CopyTables, world: &World) -> Result<Option<Outcome>> {
    let told = world.databases.committed_tables(step, world.hands(&step.operator)?).await?;
    Ok(told.map(|told| outcome(step, &told)))
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
