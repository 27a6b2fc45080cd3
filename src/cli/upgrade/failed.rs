//! What becomes of an upgrade that has failed.

use super::earlier::{attempts, give_up_run};
use super::rollback;
use super::work::Work;
use crate::engine;
use crate::error::{Error, Kind, Result};
use crate::facts::UpgradeEnd;
use crate::plan::Plan;
use crate::report::{self, Ui, prompt};
use crate::state;

/// What was wished for beforehand; where it is neither, a person is asked, or it goes back.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// Everything goes on resting, to be mended.
    pub forward: bool,
    /// The database of before takes its place again.
    pub back: bool,
}

/// It failed: back, or forward from the checkpoint.
pub async fn failed(wish: Wish, work: &Work<'_>, plan: &Plan, error: Error, ui: Ui) -> Result<u8> {
    // A plan that was not begun has changed nothing; who interrupts goes on or gives up himself.
    let begun = state::find_journal(&work.session.loaded.state, &plan.run)?.is_some();
    let seen = work.seen(plan)?.filter(|_| begun && error.kind() != Kind::Interrupted);
    let Some(seen) = seen else { return Err(error) };
    if seen.ended(UpgradeEnd::Upgraded) {
        // It is in service: whether that is worth less than the database of before, a person says.
        return Err(error
            .because(format!("{} is upgraded and proved; what comes after that failed", work.database))
            .hint("Take it back: odpm upgrade rollback"));
    }
    ui.insist(&report::failure(&error.without_hints("--resume")));
    let log = seen.folder.join("odoo.log");
    let diagnosis = engine::diagnose(&log).ok().filter(|_| seen.verdict.is_some());
    if let Some(failure) = diagnosis.and_then(|diagnosis| diagnosis.failure) {
        ui.insist(&report::first_failure(&failure));
    }
    ui.insist(&format!("The evidence is in {}", seen.folder.display()));
    let back = if wish.forward {
        false
    } else if wish.back || !ui.can_ask() {
        true
    } else {
        prompt::choose(
            "What now",
            &["roll back: the database as it was", "leave it at rest, mend it, go forward"],
        )?
    };
    if !back {
        return Err(Error::environment(format!(
            "the upgrade of {} failed, and everything rests",
            work.database
        ))
        .hint("Mend what failed, then begin anew from the checkpoint: odpm upgrade run --fix-forward")
        .hint("Go back: odpm upgrade rollback"));
    }
    give_up_run(work.session, &work.database, ui).await?;
    let attempts = attempts(work.session, seen)?;
    let back = rollback::back(work.session, &attempts, &rollback::Terms::agreed(), ui).await;
    let error = match back {
        Ok(_) => Error::environment(format!("the upgrade of {} failed, and was rolled back", work.database)),
        // The database is back; whether its services may follow waits for somebody.
        Err(waits) if waits.kind() == Kind::Refused => Error::environment(format!(
            "the upgrade of {} failed; the database is back, and its services wait",
            work.database
        ))
        .also(&waits),
        Err(also) => Error::environment(format!(
            "the upgrade of {} failed, and going back has failed, too",
            work.database
        ))
        .also(&also),
    };
    Err(error.hint(format!("See why: odpm upgrade diagnose {}", log.display())))
}
