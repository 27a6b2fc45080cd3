//! Take back what a run did.

use super::{Grounds, frame};
use crate::facts::FileSeen;
use crate::plan::{Block, Guard, Journal, Plan, inverse};
use crate::step::Step;

/// The inverse of the run, and what has been written since.
pub fn plan(journal: &Journal, grounds: &Grounds<'_>) -> Plan {
    let mut plan = frame::empty("undo", grounds);
    plan.blocked.extend(frame::unfinished(grounds));
    plan.blocked.extend(frame::frozen(grounds).filter(|_| frame::deploys(&journal.plan.command)));
    if journal.plan.command == "upgrade run" {
        let block = Block::refused("upgrade", "an upgrade is not undone step by step")
            .because("its way back proves what it brings back, and holds the services until the code fits");
        plan.blocked.push(block.hint(format!("Take it back: odpm upgrade rollback {}", journal.plan.run)));
        return plan;
    }
    let inverse = inverse(journal);
    plan.warnings.extend(inverse.stays.iter().map(|stays| format!("Not taken back: {stays}.")));
    for guard in inverse.steps.iter().flat_map(|step| &step.guards) {
        let Guard::FileIs { path, any_of } = guard else { continue };
        let now = grounds.seen.files.get(path).and_then(FileSeen::digest);
        if grounds.seen.files.contains_key(path) && !any_of.contains(&now) {
            plan.blocked.push(
                Block::refused(
                    "changed_since",
                    format!("{} was changed since {}", path.display(), journal.plan.run),
                )
                .because("taking the run back would lose that change")
                .hint(format!(
                    "Take later runs back first (odpm history), or put {} back by hand.",
                    path.display()
                )),
            );
        }
    }
    for step in &inverse.steps {
        if let Step::ReplaceData(step) = &step.step {
            plan.destroys.extend(step.databases.iter().cloned());
            plan.warnings.push(format!(
                "What was committed since {} goes out of service with {}, which is kept as {}.",
                journal.plan.run,
                step.server.data.display(),
                step.aside.display()
            ));
        }
        let Step::MoveDatabase(step) = &step.step else { continue };
        if step.keep.is_some() {
            plan.destroys.push(step.to.clone());
        } else if !step.open {
            plan.destroys.push(step.from.clone());
        }
        if journal.dropped(&step.from) {
            let block = Block::refused("dropped_since", format!("{} was dropped by the same run", step.from));
            plan.blocked.push(
                block
                    .because("there is nothing to take its place with")
                    .hint("Restore a backup: odpm database list"),
            );
        }
    }
    if !plan.blocked.is_empty() {
        return plan;
    }
    plan.steps = inverse.steps;
    plan
}
