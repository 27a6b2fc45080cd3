use std::path::Path;

use super::{Intent, Work};
use crate::backup::Request;
use crate::error::Result;
use crate::report::Ui;

/// Switch off what a database does outside: mail, payments, crons, webhooks, keys
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  odpm database neutralize -d rehearsal")]
pub struct Args {
    /// The database
    #[arg(short, long, value_name = "DB")]
    database: String,
    #[command(flatten)]
    intent: Intent,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let work = Work::begin(start, "database neutralize", &args.intent).await?;
    let request = Request::Neutralize { database: args.database.clone() };
    work.carry_out(&request, &args.intent, true, ui).await
}
