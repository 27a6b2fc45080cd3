use std::path::Path;

use super::carry_out::{self, Consent, Naming};
use super::session::Session;
use crate::base::RunId;
use crate::error::{Error, Result};
use crate::observe::Depth;
use crate::report::Ui;
use crate::stack::Request;
use crate::state;

/// Take back what a run did, as far as that can be
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  odpm history\n  odpm undo 20261120T211333Z-01020304")]
pub struct Args {
    /// The run, as `odpm history` names it
    #[arg(value_name = "RUN")]
    run: String,
    /// Do not ask for a confirmation
    #[arg(short, long)]
    yes: bool,
    /// The database that goes out of service, named once more
    #[arg(long, value_name = "DB")]
    confirm: Option<String>,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let unknown =
        || Error::usage(format!("there is no run {}", args.run)).hint("List the runs: odpm history");
    let run = RunId::parse(&args.run).ok_or_else(unknown)?;
    let session = Session::writing(start, "undo")?;
    let journal = state::find_journal(&session.loaded.state, &run)?.ok_or_else(unknown)?;
    let view = session.observe(Depth::Live).await?;
    let plan = session.plan(&Request::Undo(Box::new(journal)), &view);
    let consent = Consent { yes: args.yes, confirm: args.confirm.clone(), naming: Naming::Confirm };
    carry_out::begin(&session, &plan, &consent, ui).await
}
