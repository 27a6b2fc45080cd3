use std::path::Path;

use super::Intent;
use crate::cli::session::Session;
use crate::error::{Error, Result};
use crate::incident::{Cutback, Request};
use crate::observe::{self, Depth};
use crate::report::Ui;

const VERB: &str = "incident cutback";

/// Rewind the cluster itself, with all its databases, to a moment; what is there now is set aside whole
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odpm incident cutback --at 2026-11-20T17:41:00+01:00 --plan
  odpm incident cutback --at 17:41 -d shop --yes
  odpm undo 20261120T211333Z-01020304        puts back what was set aside

What is damaged in a few tables only, `incident repair` mends without losing what was written since.")]
pub struct Args {
    /// The moment: `2026-11-20 17:41:00+01`, `17:41` (today, in this machine's zone), `20m ago`
    #[arg(long, value_name = "MOMENT")]
    at: String,
    /// The project's database, named to agree that all of the cluster is rewound; odoo.database unless given
    #[arg(short, long, value_name = "DB")]
    database: Option<String>,
    #[command(flatten)]
    intent: Intent,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let moment = super::moment_told(&args.at, ui)?;
    let session = args.intent.session(start, VERB)?;
    let view = session.observe(Depth::Live).await?;
    let archive = observe::archive(&session.loaded).await?;
    let databases = databases(args, &session).await?;
    let immovable = observe::immovable(&session.loaded);
    let cutback =
        Cutback { moment, archive: &archive, databases: &databases, immovable: immovable.as_deref() };
    let plan = session.incident_plan(&Request::Cutback(cutback), &view);
    args.intent.carry_out(&session, &plan, args.database.is_some(), ui).await
}

/// What goes out of service: the database that is named first, then every other one of the cluster.
async fn databases(args: &Args, session: &Session) -> Result<Vec<String>> {
    let all = observe::databases(&session.loaded, false).await?.all;
    let mut names: Vec<String> =
        all.get().into_iter().flatten().map(|database| database.name.clone()).collect();
    if let Some(named) = args.database.as_ref().filter(|named| !names.is_empty() && !names.contains(*named)) {
        let error = Error::refused(format!("there is no database {named} in this cluster"));
        return Err(error.hint("See which there are: odpm database list"));
    }
    let own = session.loaded.project.odoo.database.clone();
    let first =
        args.database.clone().or(own).or_else(|| names.iter().find(|name| *name != "postgres").cloned());
    // A cluster that cannot be asked is named as its project is.
    let first = first.unwrap_or_else(|| session.loaded.project.name.clone());
    // The one that every cluster has is named by nobody.
    names.retain(|name| *name != first && name != "postgres");
    names.insert(0, first);
    Ok(names)
}
