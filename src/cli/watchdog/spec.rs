use std::path::Path;

use super::Choice;
use crate::cli::session::Session;
use crate::error::Result;
use crate::report::{self, Ui};

/// Show what is watched in a database, where each field's value comes from, and what is not read and why
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write it as the part of odpm.yaml that would watch exactly this
    #[arg(long)]
    suggest: bool,
    #[command(flatten)]
    choice: Choice,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let session = Session::reading(start)?;
    let spec = args.choice.spec(&session)?;
    let watched = args.choice.watched(&session, &spec).await?;
    ui.answer(&match args.suggest {
        true => report::suggestion(&watched.resolved),
        false => report::spec(&watched.resolved),
    });
    Ok(0)
}
