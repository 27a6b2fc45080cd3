use std::path::Path;

use super::{Intent, Work};
use crate::backup::Request;
use crate::error::Result;
use crate::report::Ui;
use std::path::PathBuf;

use crate::error::Error;
use crate::observe;

/// Restore a backup into a scratch database, check it, drop it again, and record that
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  odpm database drill\n  odpm database drill shop-20261120T211333Z.zip --yes"
)]
pub struct Args {
    /// The backup; the newest one of the database unless given
    #[arg(value_name = "FILE", conflicts_with = "latest")]
    file: Option<PathBuf>,
    /// The newest backup of the database (the usual)
    #[arg(long)]
    latest: bool,
    /// The database whose backup is meant; odoo.database unless given
    #[arg(short, long, value_name = "DB")]
    database: Option<String>,
    /// How many connections load at once, where the form allows it
    #[arg(short, long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    #[command(flatten)]
    intent: Intent,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let work = Work::begin(start, "database drill", &args.intent).await?;
    let backup = match &args.file {
        Some(file) => observe::backup(&work.session.loaded, file)?,
        None => {
            let database = work.database(args.database.as_deref())?;
            work.databases.last_backup(&database).cloned().ok_or_else(|| {
                Error::refused(format!("there is no backup of {database} to try"))
                    .hint(format!("Take one: odpm database backup -d {database}"))
            })?
        }
    };
    let request = Request::Drill { backup: Box::new(backup), jobs: args.jobs };
    work.carry_out(&request, &args.intent, true, ui).await
}
