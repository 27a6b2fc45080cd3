use std::path::Path;

use super::{Intent, Work};
use crate::backup::Request;
use crate::error::Result;
use crate::report::Ui;

/// Rename a database with its files
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  odpm database rename -d shop shop-2026")]
pub struct Args {
    /// The database
    #[arg(short, long, value_name = "DB")]
    database: String,
    /// Its new name
    #[arg(value_name = "NAME")]
    to: String,
    #[command(flatten)]
    intent: Intent,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let work = Work::begin(start, "database rename", &args.intent).await?;
    let request = Request::Rename { from: args.database.clone(), to: args.to.clone() };
    work.carry_out(&request, &args.intent, true, ui).await
}
