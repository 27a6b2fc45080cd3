//! What undoes a change: the plan of a rollback, and of a clean-up.

use std::path::PathBuf;

use crate::facts::{Changed, SnapshotSeen};
use crate::grounds::{Grounds, frame, specs};
use crate::plan::{Block, Plan, PlannedStep, Risk};
use crate::step::{RemoveSnapshot, RestoreFields, Step, Via};

/// What is asked for.
#[derive(Debug)]
pub enum Request<'a> {
    /// Puts altered fields back; `orm`: through Odoo.
    Rollback {
        /// What changed.
        changed: &'a Changed,
        /// Whether Odoo writes, so that what is computed follows.
        orm: bool,
    },
    /// Removes the snapshots beyond what is kept, oldest first, and what interrupted ones have left.
    Prune {
        /// All of them, oldest first.
        snapshots: &'a [SnapshotSeen],
        /// Files of none of them.
        leftovers: &'a [PathBuf],
    },
}

/// The plan for a request.
pub fn plan(request: &Request<'_>, ground: &Grounds<'_>) -> Plan {
    let mut plan = frame::empty(
        match request {
            Request::Rollback { .. } => "watchdog rollback",
            Request::Prune { .. } => "watchdog prune",
        },
        ground,
    );
    plan.blocked.extend(frame::unfinished(ground));
    match request {
        Request::Rollback { changed, orm } => rollback(changed, *orm, ground, &mut plan),
        Request::Prune { snapshots, leftovers } => prune(snapshots, leftovers, ground, &mut plan),
    }
    if !plan.blocked.is_empty() {
        plan.steps.clear();
    }
    plan
}

fn rollback(changed: &Changed, orm: bool, ground: &Grounds<'_>, plan: &mut Plan) {
    let told = |counts: &std::collections::BTreeMap<String, u64>| {
        let told: Vec<String> = counts.iter().map(|(what, rows)| format!("{what} ({rows})")).collect();
        told.join(", ")
    };
    if !changed.unwritable.is_empty() {
        let what = told(&changed.unwritable);
        plan.warnings.push(format!("These follow from other values and are not written themselves: {what}."));
    }
    if !changed.came.is_empty() {
        plan.warnings.push(format!("Rows that came are left alone: {}.", told(&changed.came)));
    }
    if !changed.gone.is_empty() {
        let what = told(&changed.gone);
        plan.warnings.push(format!(
            "Rows that are gone cannot come back from a few fields: {what}. A backup has them."
        ));
    }
    if changed.counts.is_empty() {
        return;
    }
    let Some(operator) = frame::operator(ground, plan) else { return };
    let via = match (orm, specs::shell(ground)) {
        (false, _) => Via::Sql,
        (true, Some(shell)) => Via::Orm { shell: Box::new(shell) },
        (true, None) => {
            let block = Block::refused("no_odoo", "there is no Odoo to write through");
            let block = block.because("odpm.yaml names no odoo.source, or this machine has no python for it");
            plan.blocked.push(block.hint("Set odoo.source, or write the fields themselves: --via sql"));
            return;
        }
    };
    if via == Via::Sql {
        plan.warnings.push(
            "SQL writes the fields themselves: what Odoo computes from them and stores does not follow; --via orm does.".to_owned(),
        );
    }
    let reason =
        format!("they were altered in {}; what somebody has written since is left alone", changed.database);
    let step = RestoreFields {
        operator,
        database: changed.database.clone(),
        changes: changed.path.clone(),
        sha256: changed.sha256.clone(),
        sections: changed.sections.clone(),
        counts: changed.counts.clone(),
        via,
        record: changed.path.with_extension("written.jsonl"),
    };
    plan.steps.push(PlannedStep::new("restore-fields", Step::RestoreFields(Box::new(step)), reason));
}

fn prune(snapshots: &[SnapshotSeen], leftovers: &[PathBuf], ground: &Grounds<'_>, plan: &mut Plan) {
    let keep = ground.project.watchdog.keep;
    let late = &snapshots[..snapshots.len().saturating_sub(keep)];
    let late = late.iter().map(|seen| (seen.path.clone(), format!("{keep} newer ones are kept")));
    let left = leftovers.iter().map(|path| (path.clone(), "an interrupted snapshot has left it".to_owned()));
    for (rows, reason) in late.chain(left) {
        let name = rows.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let step = Step::RemoveSnapshot(RemoveSnapshot { rows });
        plan.steps.push(PlannedStep::new(format!("remove-{name}"), step, reason).risk(Risk::Destroys));
    }
}
