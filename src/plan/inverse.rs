//! The steps that take a run back, from its journal.

use super::{Journal, PlannedStep, Risk};
use crate::step::Step;

/// What takes a run back, and what of it stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inverse {
    /// The steps, last effect first.
    pub steps: Vec<PlannedStep>,
    /// What stays, and why: one sentence each.
    pub stays: Vec<String>,
}

/// The inverse of what a run did: the undo of each finished step, in reverse.
pub fn inverse(journal: &Journal) -> Inverse {
    let mut inverse = Inverse { steps: Vec::new(), stays: Vec::new() };
    for (id, outcome) in journal.finished.iter().rev() {
        if let Some(why) = &outcome.stays {
            inverse.stays.push(format!("{id}: {why}"));
        }
        for (number, step) in outcome.undo.iter().enumerate() {
            let name = if number == 0 { format!("undo-{id}") } else { format!("undo-{id}-{number}") };
            let risk = match step {
                Step::StopServer(_) | Step::StopService(_) | Step::MoveDatabase(_) => Risk::Interrupts,
                Step::RemoveBaseBackup(_)
                | Step::RemoveSidecar(_)
                | Step::DropDatabase(_)
                | Step::ReplaceData(_) => Risk::Destroys,
                _ => Risk::None,
            };
            let reason = format!("takes back {id} of {}", journal.plan.run);
            inverse.steps.push(PlannedStep::new(name, step.clone(), reason).risk(risk));
        }
    }
    inverse
}
