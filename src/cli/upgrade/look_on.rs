//! What follows an upgrade that is done: how the shop does on it, for a while.

use jiff::Timestamp;

use super::work::Work;
use crate::error::{Error, Result};
use crate::incident::troubles;
use crate::observe;
use crate::plan::Plan;
use crate::report::{self, Ui};

/// It is done: how the shop does, for a while.
pub async fn look_on(work: &Work<'_>, plan: &Plan, ui: Ui) -> Result<u8> {
    let seconds = work.session.loaded.project.upgrade.watch;
    let services = &work.session.loaded.project.odoo.services;
    if let Some(seen) = work.seen(plan)? {
        ui.answer(&report::upgraded(&seen));
    }
    if seconds == 0 || services.values().all(|service| service.replicas == 0) {
        return Ok(0);
    }
    ui.say(&format!("Watching for {seconds} s."));
    let found = tokio::select! {
        found = trouble(work, seconds) => found?,
        _ = tokio::signal::ctrl_c() => {
            ui.say("It is not watched any longer; the upgrade is done.");
            return Ok(0);
        }
    };
    if found.is_empty() {
        return Ok(0);
    }
    let error = Error::refused("the upgrade is done, and there is trouble");
    Err(found
        .iter()
        .fold(error, Error::because)
        .hint("Look at the logs: odpm logs --since 10m --grep 'Traceback|ERROR'")
        .hint("Go back, if it is worse than before: odpm upgrade rollback"))
}

/// What goes wrong while the services run on the upgraded database: logs, locks, writes, queues, crons, what they answer.
async fn trouble(work: &Work<'_>, seconds: u64) -> Result<Vec<String>> {
    let (loaded, engine, begun) = (&work.session.loaded, work.session.engine.as_ref(), Timestamp::now());
    let calm = observe::calm(loaded, engine, &work.database, begun, seconds).await?;
    let mut found: Vec<String> = troubles(&calm, 0).into_iter().map(|trouble| trouble.0).collect();
    found.extend(observe::failed_work(loaded, &work.database, begun).await?);
    // People are at work in it: nothing is sent that could change something.
    let mut checks = loaded.project.http_checks();
    checks.retain(|_, check| check.only_fetches());
    let gates = observe::http_gates(loaded, engine, checks).await.unwrap_or_default();
    let broken = gates.into_iter().filter(|gate| gate.broken > 0);
    found.extend(broken.map(|gate| format!("{}: {}", gate.name, gate.first)));
    Ok(found)
}
