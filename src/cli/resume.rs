//! `apply --resume` and `apply --abandon`.

use super::admin_password::PasswordSource;
use super::session::Session;
use super::{carry_out, give_up};
use crate::error::{Error, Result};
use crate::grounds::frame;
use crate::report::{self, Ui};
use crate::state;

/// Goes on with the interrupted run, or gives it up.
pub async fn run(
    session: &mut Session,
    abandon: bool,
    confirm: Option<&str>,
    yes: bool,
    password: &PasswordSource,
    ui: Ui,
) -> Result<u8> {
    let Some(journal) = state::unfinished_journal(&session.loaded.state)? else {
        ui.answer("No run was interrupted. Nothing to do.");
        return Ok(0);
    };
    if abandon {
        return give_up::abandon(session, &journal, confirm, ui).await;
    }
    let held = state::contained(&session.loaded.state)?;
    if let Some(held) = held.filter(|_| frame::deploys(&journal.plan.command)) {
        let own = format!("{} is a run of odpm {}", journal.plan.run, journal.plan.command);
        let error = match frame::upgrading(&held) {
            Some(block) => report::refused(&block)
                .because(own)
                .hint("Or give the run up, what it did stays done: odpm apply --abandon"),
            None => Error::refused("an incident is contained: nothing is deployed")
                .because(own)
                .hint("Reopen first: odpm incident reopen; or give the run up: odpm apply --abandon"),
        };
        return Err(error);
    }
    if journal.plan.basis.project != session.loaded.project.inputs {
        ui.insist("odpm.yaml or .env has changed since; this finishes what was planned before that.");
    }
    password.give_for(&journal.plan, session, ui)?;
    carry_out::go_on(session, &journal, yes, ui).await
}
