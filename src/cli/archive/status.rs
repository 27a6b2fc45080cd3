use std::path::Path;

use super::described;
use crate::cli::session::Session;
use crate::error::Result;
use crate::observe;
use crate::report::{self, Format, Ui};

/// To which moments one can go back, and what is wrong; exit code 3 where something is
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  odpm archive status\n  odpm archive status --format json")]
pub struct Args {
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let session = Session::reading(start)?;
    let archive = described(&session)?;
    let seen = observe::archive(&session.loaded).await?;
    let status = report::ArchiveStatus::of(archive, &seen, jiff::Timestamp::now());
    ui.answer(&match args.format {
        Format::Text => report::archive_status(&status),
        Format::Json => report::json(&status)?,
    });
    Ok(if status.troubles.is_empty() { 0 } else { 3 })
}
