use std::path::Path;

use super::Choice;
use crate::cli::session::Session;
use crate::error::Result;
use crate::postgres::catalog::listings;
use crate::report::{self, Ui};
use crate::watchdog::LISTING;

/// Show what is watched in a database, where each field's value comes from, and what is not read and why
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  odpm watchdog spec\n  odpm watchdog spec --suggest >> odpm.yaml")]
pub struct Args {
    /// Write it as a part of odpm.yaml, with the connectors' own listings that this database has
    #[arg(long)]
    suggest: bool,
    #[command(flatten)]
    choice: Choice,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let session = Session::reading(start)?;
    let mut spec = args.choice.spec(&session)?;
    if args.suggest {
        let login = args.choice.source(&session)?.connect().await?;
        spec = spec.with_listings(listings(&login, &LISTING).await?);
    }
    let (watched, _) = args.choice.found(&session, &spec).await?;
    ui.answer(&match args.suggest {
        true => report::suggestion(&watched.resolved),
        false => report::spec(&watched.resolved),
    });
    Ok(0)
}
