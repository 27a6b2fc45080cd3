use std::path::Path;

use super::{Intent, Work};
use crate::backup::Request;
use crate::error::Result;
use crate::report::Ui;

/// Remove the backups beyond `backup.keep`, and the databases that drops and interrupted runs have left
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  odpm database prune --plan\n  odpm database prune")]
pub struct Args {
    #[command(flatten)]
    intent: Intent,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let work = Work::begin(start, "database prune", &args.intent).await?;
    work.carry_out(&Request::Prune, &args.intent, true, ui).await
}
