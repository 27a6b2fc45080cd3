//! The rehearsal: a scratch database is damaged on purpose, and the damage taken back.

use std::path::Path;

use jiff::Timestamp;

use super::frame;
use crate::facts::DrillKind;
use crate::grounds::{Grounds, specs};
use crate::plan::{Plan, PlannedStep};
use crate::step::{DamageScratch, RecordDrill, Step};

pub(super) fn damage(database: &str, grounds: &Grounds<'_>, plan: &mut Plan) {
    let Some(operator) = frame::operator(grounds, plan) else { return };
    let step = DamageScratch { operator, database: database.to_owned() };
    let reason = "nobody else knows of it, and it goes when the rehearsal is over";
    plan.steps.push(PlannedStep::new("damage-scratch", Step::DamageScratch(step), reason));
}

pub(super) fn record(
    backup: &Path,
    database: &str,
    begun: Timestamp,
    grounds: &Grounds<'_>,
    plan: &mut Plan,
) {
    let step = RecordDrill {
        kind: DrillKind::Sidecar,
        backup: backup.to_owned(),
        database: database.to_owned(),
        begun: begun.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        file: specs::drills(grounds.project),
    };
    let reason = "what was damaged is as it was before";
    plan.steps.push(PlannedStep::new("record-drill", Step::RecordDrill(step), reason));
}
