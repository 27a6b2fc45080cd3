use std::path::Path;

use super::{Intent, Work};
use crate::backup::Request;
use crate::error::Result;
use crate::report::Ui;

/// Copy a database with its files, under an identity of its own
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  odpm database duplicate rehearsal --neutralize")]
pub struct Args {
    /// The database
    #[arg(short, long, value_name = "DB")]
    database: Option<String>,
    /// The copy
    #[arg(value_name = "NAME")]
    to: String,
    /// Switch off what the copy does outside: mail, payments, crons, webhooks, keys
    #[arg(long)]
    neutralize: bool,
    #[command(flatten)]
    intent: Intent,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let work = Work::begin(start, "database duplicate", &args.intent).await?;
    let from = work.database(args.database.as_deref())?;
    let request = Request::Duplicate { from, to: args.to.clone(), neutralize: args.neutralize };
    work.carry_out(&request, &args.intent, true, ui).await
}
