//! What a person agrees to, with the command or when asked.

use super::session::Session;
use crate::error::Result;
use crate::plan::Plan;
use crate::project::Scenario;
use crate::report::{self, Ui, prompt};

/// What a person has agreed to with the command.
#[derive(Clone, Debug, Default)]
pub struct Consent {
    /// `--yes`.
    pub yes: bool,
    /// `--confirm=NAME`.
    pub confirm: Option<String>,
    /// Whether the database was named with the command.
    pub naming: Naming,
}

/// Whether what is lost was named with a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Naming {
    /// The command has nothing but `--confirm` to name it with.
    #[default]
    Confirm,
    /// It was left out.
    Left,
    /// It was named.
    Given,
}

impl Naming {
    /// Of a command that names a database.
    pub fn of(named: bool) -> Self {
        if named { Self::Given } else { Self::Left }
    }
}

impl Consent {
    /// No more than `--yes`, or not even that.
    pub fn of(yes: bool) -> Self {
        Self { yes, ..Self::default() }
    }
}

/// Whether a person agrees; what is lost has to be named.
pub fn confirm(session: &Session, plan: &Plan, consent: &Consent, ui: Ui) -> Result<()> {
    let Some(lost) = plan.destroys.first() else { return ask(plan, consent.yes, ui) };
    let server = session.loaded.project.scenario == Scenario::Server;
    let given = consent.naming == Naming::Given;
    let named = consent.confirm.as_ref() == Some(lost) || (given && !server && consent.confirm.is_none());
    match (consent.yes && named, ui.can_ask() && !consent.yes) {
        (true, _) => Ok(()),
        (false, true) => prompt::type_name(plan, lost),
        (false, false) => {
            Err(report::unnamed(plan, lost, consent.yes, server, consent.naming == Naming::Left))
        }
    }
}

/// Whether a person agrees.
pub fn ask(plan: &Plan, yes: bool, ui: Ui) -> Result<()> {
    match (yes, ui.can_ask()) {
        (true, _) => Ok(()),
        (false, true) => prompt::confirm(plan),
        (false, false) => Err(report::unconfirmed(plan)),
    }
}
