//! Steps that bring rows of one database to another.

use super::databases::{done, seen};
use crate::error::Result;
use crate::plan::Outcome;
use crate::step::{CompareTables, CopyTables};
use crate::world::World;

pub async fn tables(step: &CopyTables, world: &mut World) -> Result<Outcome> {
    let secret = world.secret(&step.source.secret)?;
    let told = world.databases.copy_tables(step, secret, world.hands(&step.operator)?).await?;
    Ok(match step.anew {
        // It goes with the copy that it was written to.
        Some(_) => done(told),
        None => {
            Outcome::stays("copied rows stay; the backup before has none of them").detail(told.join(", "))
        }
    })
}

pub async fn compare(step: &CompareTables, world: &mut World) -> Result<Outcome> {
    let secret = world.secret(&step.source.secret)?;
    Ok(seen(world.databases.compare_tables(step, secret, world.hands(&step.operator)?).await?))
}
