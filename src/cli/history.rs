use std::path::Path;

use crate::error::Result;
use crate::observe;
use crate::report::{self, Format, History, Ui};
use crate::state;

/// List what was applied, when, by whom, with which outcome
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  odpm history")]
pub struct Args {
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

pub fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let loaded = observe::load(start)?;
    let runs = state::journals(&loaded.state)?.iter().map(|journal| journal.summary()).collect();
    let history = History { format_version: 1, runs };
    ui.answer(&match args.format {
        Format::Text => report::history(&history),
        Format::Json => report::json(&history)?,
    });
    Ok(0)
}
