//! The planner of upgrades: a copy is upgraded, proved, and takes the place of the database; what failed is diagnosed.
//!
//! Pure and sync, as every planner. The database itself is never written to before the copy has passed, so it is its own
//! checkpoint.

mod changed;
mod code;
mod diagnose;
mod freeze;
mod preflight;
mod probe;
mod progress;
mod rollback;
mod run;
#[cfg(test)]
mod tests;
mod verdict;
pub mod watched;

use std::path::Path;

use crate::facts::{DatabasesSeen, UpgradeEnd, UpgradeSeen};
use crate::grounds::databases::{Hand, unready};
use crate::grounds::{Grounds, frame, specs};
use crate::plan::{Block, Check, Plan, PlannedStep};
use crate::step::{CloseDatabase, RecordUpgrade, Step};

pub use changed::{Changes, Difference, changed, hashes_to_record};
pub use code::Code;
pub use diagnose::{
    Class, Diagnosis, Evidence, Failure, Finding, FindingKind, Later, Loaded, Phase, Place, Reading, Sql,
    View,
};
pub use preflight::{Action, Because, Moved, Resolved, Wanted, checkpoint, modules, operation, resolve};
pub use probe::{Probe, probe, probe_step};
pub use progress::Progress;
pub use rollback::{Back, misfits};
pub use run::Attempt;
pub use verdict::{Judged, Ran, judge};

/// What a person asked for.
#[derive(Clone, Copy, Debug)]
pub enum Request<'a> {
    /// Upgrade modules.
    Run(&'a Attempt<'a>),
    /// The same on a copy that is thrown away.
    Rehearse(&'a Attempt<'a>),
    /// Take an upgrade back.
    Rollback(Back<'a>),
    /// Let the services go again.
    Reopen(&'a UpgradeSeen),
    /// Throw away what a rehearsal that failed has left.
    Forget(&'a UpgradeSeen),
}

/// What these plans are made on.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// As for every plan.
    pub all: Grounds<'a>,
    /// The databases, their files, the backups.
    pub databases: &'a DatabasesSeen,
    /// What was looked at before an upgrade.
    pub checks: &'a [Check],
}

/// The plan for a request.
pub fn plan(request: Request<'_>, ground: &Ground<'_>) -> Plan {
    let grounds = &ground.all;
    let mut plan = frame::empty(verb(request), grounds);
    plan.blocked.extend(frame::unfinished(grounds));
    plan.blocked.extend(frame::frozen(grounds).filter(|_| !ours(request, grounds)));
    plan.blocked.extend(unready(ground.databases, grounds));
    let judged = |check: &Check| {
        let block = Block::refused("preflight", format!("{}: {}", check.name, check.detail));
        check.remedies.iter().fold(block, |block, remedy| block.hint(remedy))
    };
    plan.blocked.extend(ground.checks.iter().filter(|check| check.good == Some(false)).map(judged));
    let open = ground.checks.iter().filter(|check| check.good.is_none());
    plan.warnings.extend(open.map(|check| format!("{}: {}", check.name, check.detail)));
    let Some(operator) = frame::operator(grounds, &mut plan) else { return plan };
    let make = Make { hand: Hand { operator, grounds: *grounds }, ground: *ground };
    if plan.blocked.is_empty() {
        match request {
            Request::Run(wanted) => run::plan(wanted, &make, &mut plan),
            Request::Rehearse(wanted) => run::rehearse(wanted, &make, &mut plan),
            Request::Rollback(back) => rollback::back(&back, &make, &mut plan),
            Request::Reopen(seen) => rollback::reopen(seen, &make, &mut plan),
            Request::Forget(seen) => rollback::forget(seen, &make, &mut plan),
        }
    }
    if !plan.blocked.is_empty() {
        plan.steps.clear();
        plan.destroys.clear();
    }
    plan
}

/// Whether what is held back is held back by an upgrade of the database that the request is about: one attempt follows another.
fn ours(request: Request<'_>, grounds: &Grounds<'_>) -> bool {
    let held = specs::contained(grounds).filter(|contained| contained.upgrade.is_some());
    let Some(held) = held else { return false };
    let of = |seen: &UpgradeSeen| held.database == seen.record.database;
    match request {
        Request::Run(attempt) => attempt.before.iter().chain(attempt.rolled_back).any(of),
        Request::Rehearse(_) => false,
        Request::Rollback(back) => of(back.seen),
        Request::Reopen(seen) | Request::Forget(seen) => of(seen),
    }
}

fn verb(request: Request<'_>) -> &'static str {
    match request {
        Request::Run(_) => "upgrade run",
        Request::Rehearse(_) | Request::Forget(_) => "upgrade rehearsal",
        Request::Rollback(_) | Request::Reopen(_) => "upgrade rollback",
    }
}

/// What every builder of steps here works with.
struct Make<'a> {
    hand: Hand<'a>,
    ground: Ground<'a>,
}

impl Make<'_> {
    fn closed(&self, database: &str, closed: bool) -> Step {
        let database = database.to_owned();
        Step::CloseDatabase(CloseDatabase { operator: self.hand.operator.clone(), database, closed })
    }

    fn dropped(&self, name: &str, reason: &str) -> PlannedStep {
        PlannedStep::new(format!("drop-{name}"), self.hand.dropped(name), reason)
    }

    /// A database takes a name, and takes connections then.
    fn moved(&self, from: &str, to: &str, keep: Option<(&str, &str)>) -> Step {
        self.hand.moved(from, to, keep, true, "")
    }

    fn ended(&self, folder: &Path, end: UpgradeEnd) -> Step {
        let (file, run) = (folder.join("outcome.json"), self.ground.all.run.clone());
        Step::RecordUpgrade(RecordUpgrade { file, end, run })
    }
}
