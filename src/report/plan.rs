//! A plan, drift first.

use std::fmt::Write;

use console::style;

use super::drift::drift;
use super::steps::headline;
use crate::plan::{Plan, Risk};
use crate::step::Step;

/// The plan for people.
pub fn plan(plan: &Plan) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}", style(format!("{}: {}", plan.project.name, plan.command)).bold());
    if !plan.drift.is_empty() {
        let _ = writeln!(text, "\n{}", style("Drift").bold());
        text.push_str(&drift(&plan.drift));
    }
    if !plan.blocked.is_empty() {
        let _ = writeln!(text, "\n{}", style("In the way").red().bold());
        for block in &plan.blocked {
            let _ = writeln!(text, "  {}", block.what);
            for why in &block.why {
                let _ = writeln!(text, "    because: {why}");
            }
            for hint in &block.hints {
                let _ = writeln!(text, "    {} {hint}", style("help:").cyan());
            }
        }
    }
    if !plan.warnings.is_empty() {
        let _ = writeln!(text, "\n{}", style("Note").bold());
        for warning in &plan.warnings {
            let _ = writeln!(text, "  {warning}");
        }
    }
    text.push('\n');
    text.push_str(&steps(plan));
    text
}

/// Whether what a person has to name is not lost, but gets other rows.
pub(super) fn written_over(plan: &Plan) -> bool {
    plan.steps.iter().any(|step| matches!(step.step, Step::CopyTables(_)))
}

/// The steps of a plan, each in a few words.
pub fn headlines(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(|step| headline(&step.step, &plan.project.root)).collect()
}

fn steps(plan: &Plan) -> String {
    let mut text = String::new();
    if plan.steps.is_empty() {
        text.push_str(match plan.blocked.is_empty() {
            true => "Nothing to do.\n",
            false => "Nothing can be done before that is out of the way.\n",
        });
        return text;
    }
    let count = plan.steps.len();
    let _ = writeln!(
        text,
        "{}",
        style(format!("Plan: {count} step{}", if count == 1 { "" } else { "s" })).bold()
    );
    for (number, step) in plan.steps.iter().enumerate() {
        let risk = match step.risk {
            Risk::None => style("").dim(),
            Risk::Interrupts => style(" [interrupts]").yellow(),
            Risk::Access => style(" [changes logins]").yellow(),
            Risk::Destroys => style(" [destroys data]").red().bold(),
        };
        let _ = writeln!(text, "  {:>2}  {}{risk}", number + 1, headline(&step.step, &plan.project.root));
        let _ = writeln!(text, "      {}", style(format!("because {}", step.reason)).dim());
    }
    if !plan.destroys.is_empty() {
        let names = plan.destroys.join(", ");
        let fate =
            if written_over(plan) { "Written over, with rows of its own" } else { "Lost, or out of service" };
        let _ = writeln!(text, "\n{}", style(format!("{fate}: {names}")).red().bold());
    }
    let pending = plan.pending().count();
    if pending > 0 {
        let _ = writeln!(text, "\nBefore anything starts, a person has to accept the drift above.");
    }
    text
}
