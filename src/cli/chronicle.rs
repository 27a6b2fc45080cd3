//! What belongs into the timeline of an incident.

use jiff::Timestamp;

use super::session::Session;
use crate::error::Result;
use crate::facts::Happening;
use crate::observe;
use crate::plan::Plan;
use crate::report::{self, Ui};
use crate::state::Told;

/// What was done, where an incident is open.
pub fn run(session: &Session, plan: &Plan, result: &Result<()>, ui: Ui) {
    let data = serde_json::json!({ "run": plan.run.as_str(), "steps": report::headlines(plan) });
    let (what, text) = match result {
        Ok(()) => (Happening::Done, format!("odpm {} ({})", plan.command, plan.run)),
        Err(error) => (Happening::Failed, format!("odpm {} ({}): {error}", plan.command, plan.run)),
    };
    session.chronicle(what, &text, data, ui);
}

/// An entry for a timeline, as of now.
pub fn told(what: Happening, text: &str, data: serde_json::Value) -> Told {
    Told { at: Timestamp::now().to_string(), by: observe::author().name, what, text: text.to_owned(), data }
}
