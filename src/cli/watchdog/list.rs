use std::path::Path;

use crate::cli::session::Session;
use crate::error::Result;
use crate::report::{self, Format, Ui};
use crate::snapshot_file;

/// List the snapshots, oldest first
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  odpm watchdog list --verify")]
pub struct Args {
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// Read each of them whole, and compare it with what is recorded of it
    #[arg(long)]
    verify: bool,
}

pub fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let session = Session::reading(start)?;
    let seen = snapshot_file::list(&session.loaded.state.snapshots())?;
    ui.answer(&match args.format {
        Format::Text => report::snapshots(&seen),
        Format::Json => report::json(&serde_json::json!({ "format_version": 1, "snapshots": seen }))?,
    });
    if args.verify {
        seen.iter().try_for_each(snapshot_file::digest_holds)?;
        ui.say("Every snapshot is what was written.");
    }
    Ok(0)
}
