use std::path::Path;

use super::{Intent, carry_out};
use crate::archive::Request;
use crate::error::Result;
use crate::report::Ui;

/// Remove the base backups beyond `archive.keep`, and the log that only they need
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  odpm archive expire --plan")]
pub struct Args {
    #[command(flatten)]
    intent: Intent,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    carry_out(Request::Expire, "archive expire", &args.intent, start, ui).await
}
