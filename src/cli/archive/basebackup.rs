use std::path::Path;

use super::{Intent, carry_out};
use crate::archive::Request;
use crate::error::Result;
use crate::report::Ui;

/// Take a base backup of the whole cluster, while it is at work
#[derive(Debug, clap::Args)]
#[command(after_help = "Example, for cron:\n  odpm archive basebackup --yes")]
pub struct Args {
    /// With pgBackRest a full one, whatever one could be made on; without pgBackRest each is full
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    intent: Intent,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    carry_out(Request::BaseBackup { full: args.full }, "archive basebackup", &args.intent, start, ui).await
}
