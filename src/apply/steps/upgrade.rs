//! Steps of upgrades.

use super::databases::{done, seen};
use crate::base::time::utc_seconds;
use crate::error::{Error, Result};
use crate::facts::UpgradeOutcome;
use crate::plan::Outcome;
use crate::step::{CloseDatabase, CompareState, RecordUpgrade, RunOdoo, Step};
use crate::world::World;

pub async fn close(step: &CloseDatabase, world: &mut World) -> Result<Outcome> {
    world.databases.close(step, world.hands(&step.operator)?).await?;
    let back = CloseDatabase { closed: !step.closed, ..step.clone() };
    Ok(Outcome::changed(vec![Step::CloseDatabase(back)]))
}

pub async fn run_odoo(step: &RunOdoo, world: &mut World) -> Result<Outcome> {
    let begun = utc_seconds(world.clock.now());
    // The copy that is upgraded goes with the upgrade.
    Ok(done(world.databases.run_odoo(step, begun, world.hands(&step.operator)?).await?))
}

pub async fn compare(step: &CompareState, world: &mut World) -> Result<Outcome> {
    Ok(seen(world.databases.compare_state(step, world.hands(&step.operator)?).await?))
}

pub fn record(step: &RecordUpgrade, world: &mut World) -> Result<Outcome> {
    let outcome = UpgradeOutcome { end: step.end, at: utc_seconds(world.clock.now()), run: step.run.clone() };
    let text = serde_json::to_string_pretty(&outcome)
        .map_err(|e| Error::internal("cannot write JSON").caused_by(&e))?;
    world.files.write(&step.file, &(text + "\n"), 0o644)?;
    Ok(Outcome::changed(Vec::new()))
}
