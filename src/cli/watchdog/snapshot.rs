use std::path::Path;

use super::Choice;
use crate::cli::session::Session;
use crate::error::Result;
use crate::report::{self, Ui};

/// Write down the watched fields of every row, as they are at this moment
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  odpm watchdog snapshot before-the-fix")]
pub struct Args {
    /// What for; a part of the file's name
    label: String,
    /// Compress it with zstd
    #[arg(long)]
    compress: bool,
    #[command(flatten)]
    choice: Choice,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let session = Session::reading(start)?;
    let taken = args.choice.take(&session, &args.label, args.compress).await?;
    ui.answer(&report::snapshot(&taken));
    Ok(0)
}
