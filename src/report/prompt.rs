//! Questions to a person at a terminal.

use dialoguer::{Confirm, Input, Password, Select};

use super::plan::written_over;
use super::ui::Ui;
use crate::drift::{Acceptance, Judged, wording};
use crate::error::{Error, Kind, Result};
use crate::plan::Plan;

fn asked<T>(answer: dialoguer::Result<T>) -> Result<T> {
    answer.map_err(|e| Error::new(Kind::Interrupted, "the question was not answered").caused_by(&e))
}

/// Whether to apply the plan.
pub fn confirm(plan: &Plan) -> Result<()> {
    let count = plan.steps.len();
    let question = format!(
        "Run {} on {}: {count} step{}?",
        plan.command,
        plan.project.name,
        if count == 1 { "" } else { "s" }
    );
    match asked(Confirm::new().with_prompt(question).default(false).interact_opt())? {
        Some(true) => Ok(()),
        _ => Err(Error::refused("nothing was done")),
    }
}

/// The name of what is lost, typed by a person.
pub fn type_name(plan: &Plan, name: &str) -> Result<()> {
    let fate = if written_over(plan) {
        "has rows of its own, which may be written over"
    } else {
        "will be lost or replaced"
    };
    let question = format!("{name} {fate}. Type its name to go on");
    let typed: String = asked(Input::new().with_prompt(question).allow_empty(true).interact_text())?;
    if typed == name { Ok(()) } else { Err(Error::refused("that is not its name; nothing was done")) }
}

/// One of two answers: the first is what is done where none is given.
pub fn choose(question: &str, answers: &[&str; 2]) -> Result<bool> {
    let select = Select::new().with_prompt(question).items(answers).default(0);
    Ok(asked(select.interact_opt())? != Some(1))
}

/// A new password, typed twice and not shown.
pub fn new_password(question: &str) -> Result<String> {
    let twice = Password::new().with_prompt(question).with_confirmation("Once more", "They differ.");
    asked(twice.interact())
}

/// What to do about a difference; an answer other than an acceptance stops the apply.
pub fn accept(ui: Ui, judged: &Judged, data: &str) -> Result<Acceptance> {
    let drift = &judged.drift;
    let question = match &drift.note {
        Some(note) => format!("{} ({}). {note}", wording::line(drift), drift.severity.as_str()),
        None => format!("{} ({})", wording::line(drift), drift.severity.as_str()),
    };
    let mut answers = vec!["abort", wording::acceptance(drift)];
    if wording::offers_wipe(drift.kind) {
        answers.push("show how to start over with an empty data directory");
    }
    let select = Select::new().with_prompt(question).items(&answers).default(0);
    match asked(select.interact_opt())? {
        Some(1) => Ok(Acceptance::at_the_prompt(drift)),
        Some(2) => {
            for line in wording::wipe_instructions(data) {
                ui.insist(&line);
            }
            Err(Error::refused("nothing was done"))
        }
        _ => Err(Error::refused(format!("{} was not accepted; nothing was done", drift.kind.as_str()))),
    }
}
