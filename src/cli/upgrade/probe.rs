use std::path::Path;

use crate::cli::give_up;
use crate::cli::intent::Intent;
use crate::cli::session::Session;
use crate::error::{Error, Result};
use crate::observe::{self, Depth};
use crate::plan::Plan;
use crate::report::Ui;
use crate::state;
use crate::step::Step;
use crate::upgrade::{Probe, probe};

/// Start Odoo on a database, ask it, and end it: does it come up, can people log in, do your checks hold
///
/// The server listens on a port of its own, to this machine alone, and runs no scheduled actions and no jobs of queue_job. What runs
/// already goes on.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odpm upgrade probe
  odpm upgrade probe -d rehearsal --yes          after a restore, before people get to it
  odpm upgrade probe --plan

It waits for /web/health and /web/login, then asks the checks of odpm.yaml: over HTTP of this server, in SQL of the database, and
scripts in the Odoo shell, whose work is taken back and whose mail is not sent. Exit code 3 where one does not hold.")]
pub struct Args {
    /// The database; odoo.database unless given
    #[arg(short, long, value_name = "DB")]
    database: Option<String>,
    #[command(flatten)]
    intent: Intent,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let session = args.intent.session(start, "upgrade probe")?;
    let database = session.database(args.database.as_deref())?;
    let view = session.observe(Depth::Live).await?;
    let databases = observe::databases(&session.loaded, false).await?;
    let scripts = observe::shell_checks(&session.loaded)?;
    let request = Probe { database: &database, scripts };
    let plan = probe(&request, &databases, &session.grounds(&view));
    match args.intent.carry_out(&session, &plan, args.database.is_some(), ui).await {
        Ok(code) => Ok(code),
        Err(error) => Err(over(&session, &plan, error).await?),
    }
}

/// A probe that failed has done nothing that a resume could go on with: it is over, and its server with it.
async fn over(session: &Session, plan: &Plan, error: Error) -> Result<Error> {
    let Some(journal) = state::find_journal(&session.loaded.state, &plan.run)? else { return Ok(error) };
    if let Some(Step::ProbeOdoo(step)) = plan.steps.first().map(|planned| &planned.step) {
        session.engine.end_command(&step.service).await?;
    }
    if journal.unfinished() {
        give_up::forget(session, &journal)?;
    }
    Ok(error.without_hints("--resume"))
}
