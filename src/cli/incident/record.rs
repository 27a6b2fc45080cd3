use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;

use crate::base::time::stamp;
use crate::cli::chronicle::told;
use crate::cli::session::Session;
use crate::error::{Error, Result};
use crate::facts::Happening;
use crate::report::Ui;
use crate::state;

/// Open an incident: from now on what odpm does is written into its timeline
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  odpm incident open --note 'orders are cancelled that nobody cancelled, since about 17:40'"
)]
pub struct Open {
    /// What was seen, by whom
    #[arg(long, value_name = "TEXT")]
    note: String,
}

/// Write a note or a decision into the timeline of the open incident
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  odpm incident note 'the owner was told at 17:55'\n  odpm incident note --decision 'no cutback: two thousand sound orders came since'"
)]
pub struct Note {
    /// What happened, or what was decided and why
    text: String,
    /// It is a decision
    #[arg(long)]
    decision: bool,
}

/// Close the open incident
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  odpm incident close --note 'the sync has a limit now; the script is reviewed by two'"
)]
pub struct Close {
    /// What was learned
    #[arg(long, value_name = "TEXT")]
    note: String,
}

pub fn open(args: &Open, start: &Path, ui: Ui) -> Result<u8> {
    let state = Session::reading(start)?.loaded.state;
    if let Some(open) = state::open_incident(&state)? {
        return Err(Error::refused(format!("the incident {} is open: {}", open.id, open.note()))
            .hint("Write more into it: odpm incident note TEXT")
            .hint("Or close it: odpm incident close --note TEXT"));
    }
    let id = stamp(Timestamp::now());
    state::tell(&state, &id, told(Happening::Opened, &args.note, Value::Null))?;
    ui.answer(&format!("{id} is open, in {}.", state.incident(&id).display()));
    ui.say("Next: hold back what writes: odpm incident contain");
    Ok(0)
}

pub fn note(args: &Note, start: &Path, ui: Ui) -> Result<u8> {
    let state = Session::reading(start)?.loaded.state;
    let incident = state::wanted_incident(&state)?;
    let what = if args.decision { Happening::Decision } else { Happening::Note };
    state::tell(&state, &incident.id, told(what, &args.text, Value::Null))?;
    ui.say(&format!("Written into {}.", incident.id));
    Ok(0)
}

pub fn close(args: &Close, start: &Path, ui: Ui) -> Result<u8> {
    let state = Session::reading(start)?.loaded.state;
    let incident = state::wanted_incident(&state)?;
    if let Some(held) = state::contained(&state)? {
        return Err(Error::refused("what was held back is held back still")
            .hint(format!("Let it go first: {}", held.ways_out())));
    }
    state::tell(&state, &incident.id, told(Happening::Closed, &args.note, Value::Null))?;
    ui.answer(&format!("{} is closed. Its report: odpm incident report {}", incident.id, incident.id));
    Ok(0)
}
