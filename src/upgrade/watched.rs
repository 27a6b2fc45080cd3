//! What an upgrade did to the rows that matter: a snapshot before, a judged comparison after.

use std::path::{Path, PathBuf};

use crate::plan::PlannedStep;
use crate::project::Expect;
use crate::step::{JudgeChange, Operator, Step, TakeSnapshot, WatchSpec};

/// What is watched of an upgrade.
#[derive(Clone, Copy, Debug)]
pub struct Watch<'a> {
    /// Who looks after the database.
    pub operator: &'a Operator,
    /// The database that is upgraded.
    pub database: &'a str,
    /// What is watched.
    pub spec: &'a WatchSpec,
    /// What may change.
    pub expect: &'a [Expect],
    /// The folder of the upgrade: `.odpm/upgrades/RUN`.
    pub folder: &'a Path,
    /// Who upgrades.
    pub by: &'a str,
    /// Whether what is unexpected stops the run, or is told only.
    pub gate: bool,
}

impl Watch<'_> {
    /// The rows as they were.
    pub fn snapshot(&self) -> PathBuf {
        self.folder.join("before.jsonl.zst")
    }

    /// What was found.
    pub fn changes(&self) -> PathBuf {
        self.folder.join("changes.json")
    }
}

/// The snapshot before the modules are upgraded.
pub fn before(watch: &Watch<'_>) -> PlannedStep {
    let step = TakeSnapshot {
        operator: watch.operator.clone(),
        database: watch.database.to_owned(),
        spec: watch.spec.clone(),
        to: watch.snapshot(),
        by: watch.by.to_owned(),
    };
    let reason = "what the upgrade does to prices, stock and settings is compared with it";
    PlannedStep::new("take-snapshot", Step::TakeSnapshot(Box::new(step)), reason)
}

/// The comparison after it.
pub fn after(watch: &Watch<'_>) -> PlannedStep {
    let step = JudgeChange {
        operator: watch.operator.clone(),
        database: watch.database.to_owned(),
        snapshot: watch.snapshot(),
        spec: watch.spec.clone(),
        expect: watch.expect.to_vec(),
        to: watch.changes(),
        gate: watch.gate,
    };
    let reason = match watch.gate {
        true => "a change that nobody expects stops the upgrade while there is a way back",
        false => "a change that nobody expects is told",
    };
    PlannedStep::new("judge-change", Step::JudgeChange(Box::new(step)), reason)
}
