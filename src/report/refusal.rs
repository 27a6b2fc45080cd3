//! Why a plan is not applied, as an error with what to do.

use super::plan::written_over;
use crate::drift::wording;
use crate::error::Error;
use crate::plan::{Block, Plan};

/// What stands in the way; `None` when nothing does.
pub fn blocked(plan: &Plan) -> Option<Error> {
    let (first, others) = plan.blocked.split_first()?;
    let also = |error: Error, other: &Block| {
        let error = error.because(format!("also: {}", other.what));
        other.hints.iter().fold(error, Error::hint)
    };
    Some(others.iter().fold(refused(first), also))
}

/// One thing that stands in the way.
pub fn refused(block: &Block) -> Error {
    let error = block.why.iter().fold(Error::new(block.kind, &block.what), Error::because);
    block.hints.iter().fold(error, Error::hint)
}

/// The drift that waits for a person, with the exact flags; `None` when none does.
pub fn pending(plan: &Plan) -> Option<Error> {
    let waiting: Vec<_> = plan.pending().collect();
    if waiting.is_empty() {
        return None;
    }
    let kinds: Vec<&str> = waiting.iter().map(|judged| judged.drift.kind.as_str()).collect();
    let mut error = Error::refused(format!("drift waits for a person: {}", kinds.join(", ")));
    for judged in &waiting {
        let drift = &judged.drift;
        error = error.because(format!("{} ({})", wording::line(drift), drift.severity.as_str()));
        if let Some(note) = &drift.note {
            error = error.because(note);
        }
    }
    let flags = |hash: bool| {
        let flag = |kind: &str, value: &str| {
            if hash {
                format!("--accept-database-drift={kind}={value}")
            } else {
                format!("--accept-database-drift={kind}")
            }
        };
        let all: Vec<String> = waiting.iter().map(|j| flag(j.drift.kind.as_str(), &j.drift.hash)).collect();
        all.join(" ")
    };
    Some(
        error
            .hint(format!("Accept it: odpm apply {}", flags(false)))
            .hint(format!("Accept it with these very values only, as a pipeline should: {}", flags(true)))
            .hint("Or undo the change that caused it; `odpm plan` shows both sides."),
    )
}

/// Nobody is there to confirm.
pub fn unconfirmed(plan: &Plan) -> Error {
    Error::refused(format!(
        "{} steps wait for a confirmation, and there is no terminal to ask at",
        plan.steps.len()
    ))
    .hint("Run the same command with --yes to confirm.")
}

/// Nobody is there to name what is lost, or the command does not name it. `left`: it might have, and left it out.
pub fn unnamed(plan: &Plan, lost: &str, yes: bool, server: bool, left: bool) -> Error {
    let over = written_over(plan);
    let (fate, flag) = match over {
        true => ("has rows of its own, which may be written over", "--to"),
        false => ("would be lost or replaced", "-d"),
    };
    let error = Error::refused(format!("{lost} {fate}, and nobody has confirmed that"));
    let error = match over {
        true => plan
            .warnings
            .iter()
            .filter(|told| told.starts_with("the target holds"))
            .fold(error, Error::because),
        false => error,
    };
    match (yes, server) {
        (true, true) => error
            .because("the scenario is `server`: --yes alone is not enough there")
            .hint(format!("Name it: --yes --confirm={lost}")),
        (true, false) if !left => error.hint(format!("Name it: --yes --confirm={lost}")),
        (true, false) => {
            error.hint(format!("Name it with the command: {flag} {lost} --yes, or --yes --confirm={lost}"))
        }
        (false, true) => error.hint(format!("Run the same command with --yes --confirm={lost}")),
        (false, false) => error.hint("Run the same command with --yes to confirm."),
    }
}
