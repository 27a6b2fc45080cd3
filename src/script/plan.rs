//! The plan that runs a script for good.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::base::Digest;
use crate::facts::{Rehearsal, Touched};
use crate::grounds::{Grounds, frame};
use crate::plan::{Block, Plan, PlannedStep, Risk};
use crate::step::{RunScript, ScriptTerms, Step};

/// A script that was rehearsed.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The database.
    pub database: String,
    /// The copy that is kept of it.
    pub script: PathBuf,
    /// The SHA-256 of that.
    pub sha256: Digest,
    /// What its rehearsal did.
    pub rehearsal: &'a Rehearsal,
    /// Whether it is run though it cannot be taken back.
    pub without_undo: bool,
    /// How long it may wait and take.
    pub terms: ScriptTerms,
    /// What has to hold before it is committed.
    pub checks: BTreeMap<String, String>,
}

/// The plan.
pub fn plan(wanted: &Wanted<'_>, grounds: &Grounds<'_>) -> Plan {
    let mut plan = frame::empty("sql", grounds);
    plan.blocked.extend(frame::unfinished(grounds));
    plan.blocked.extend(frame::unavailable(grounds));
    let rehearsal = wanted.rehearsal;
    if !rehearsal.writes {
        plan.warnings.push("The script writes nothing.".to_owned());
        return plan;
    }
    let why = rehearsal.without_undo();
    if !wanted.without_undo && !why.is_empty() {
        let block = Block::refused("no_undo", "what the script does could not be taken back");
        let block = why.iter().fold(block, |block, why| block.because(why.clone()));
        plan.blocked.push(
            block
                .hint("Take a copy first, if there is room: odpm database duplicate NAME")
                .hint("Then say that no undo is wanted: --without-undo"),
        );
    }
    if !rehearsal.broken.is_empty() {
        let block = Block::refused("broken_check", "the script would break what has to hold");
        let block = rehearsal.broken.iter().fold(block, |block, broken| block.because(broken.clone()));
        plan.blocked.push(block.hint("Mend the script, or the check under checks in odpm.yaml."));
    }
    if !rehearsal.sequences.is_empty() {
        let named = rehearsal.sequences.join(", ");
        plan.warnings.push(format!("Sequences that advance do not go back with an undo: {named}."));
    }
    let Some(operator) = frame::operator(grounds, &mut plan) else {
        plan.steps.clear();
        return plan;
    };
    if !plan.blocked.is_empty() {
        return plan;
    }
    let step = RunScript {
        operator,
        database: wanted.database.clone(),
        script: wanted.script.clone(),
        sha256: wanted.sha256.clone(),
        counts: rehearsal.tables.clone(),
        definitions: rehearsal.definitions.clone(),
        exclusive: rehearsal.exclusive.clone(),
        checks: wanted.checks.clone(),
        terms: wanted.terms,
        record: (!wanted.without_undo).then(|| wanted.script.with_extension("written.jsonl")),
        attempt: wanted.script.with_extension("attempt.json"),
    };
    let reason = "it did this when it was rehearsed; should it do anything else, all of it is taken back";
    let lost = rehearsal.tables.values().any(|touched: &Touched| touched.rows() > touched.inserted);
    let risk = if wanted.without_undo && lost { Risk::Destroys } else { Risk::None };
    plan.steps.push(PlannedStep::new("run-script", Step::RunScript(Box::new(step)), reason).risk(risk));
    plan
}
