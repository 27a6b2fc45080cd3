use std::path::Path;

use super::{Intent, Work};
use crate::backup::Request;
use crate::error::Result;
use crate::report::Ui;

/// Drop a database with its files; it is kept under another name, for `odpm undo`
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  odpm database drop -d old\n  odpm database drop -d old --yes --plan")]
pub struct Args {
    /// The database
    #[arg(short, long, value_name = "DB")]
    database: String,
    /// Drop it for good: the disk's room is free at once, and nothing brings it back
    #[arg(long)]
    no_checkpoint: bool,
    #[command(flatten)]
    intent: Intent,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let work = Work::begin(start, "database drop", &args.intent).await?;
    let request = Request::Drop { database: args.database.clone(), keep: !args.no_checkpoint };
    work.carry_out(&request, &args.intent, true, ui).await
}
