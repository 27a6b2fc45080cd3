use std::path::Path;

use clap::Subcommand;

use super::Intent;
use crate::cli::session::Session;
use crate::error::{Error, Result};
use crate::incident::{Recovery, Request};
use crate::observe::{self, Depth};
use crate::report::{self, Format, Ui};

const VERB: &str = "incident sidecar";

/// Recover the whole cluster to a moment beside itself, read-only; `list` and `rm` look after what stands
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  odpm incident sidecar --at 2026-11-20T17:41:00+01:00\n  odpm incident sidecar --at 17:41 --name before\n  odpm incident sidecar rm before"
)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// The moment: `2026-11-20 17:41:00+01`, `17:41` (today, in this machine's zone), `20m ago`
    #[arg(long, value_name = "MOMENT")]
    at: Option<String>,
    /// The sidecar's name; one made of the moment unless given
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    intent: Intent,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// The sidecars that stand
    #[command(after_help = "Example:\n  odpm incident sidecar list")]
    List {
        /// The form of the answer
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// Stop a sidecar and remove it
    #[command(after_help = "Example:\n  odpm incident sidecar rm before")]
    Rm {
        /// Its name
        name: String,
        #[command(flatten)]
        intent: Intent,
    },
}

impl Args {
    pub fn format(&self) -> Format {
        match &self.verb {
            Some(Verb::List { format }) => *format,
            _ => Format::Text,
        }
    }
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    match &args.verb {
        Some(Verb::List { format }) => {
            let sidecars = observe::sidecars(&Session::reading(start)?.loaded)?;
            ui.answer(&match format {
                Format::Text => report::sidecars(&sidecars),
                Format::Json => report::json(&sidecars)?,
            });
            Ok(0)
        }
        Some(Verb::Rm { name, intent }) => remove(name, intent, start, ui).await,
        None => recover(args, start, ui).await,
    }
}

async fn recover(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let wanted = || {
        let error = Error::usage("which moment is meant?");
        error.hint("Write it as: --at '2026-11-20 17:41:00+01', --at 17:41 or --at '20m ago'")
    };
    let moment = super::moment_told(args.at.as_deref().ok_or_else(wanted)?, ui)?;
    let session = args.intent.session(start, VERB)?;
    let view = session.observe(Depth::Live).await?;
    let archive = observe::archive(&session.loaded).await?;
    let sidecars = observe::sidecars(&session.loaded)?;
    let recovery = Recovery {
        name: args.name.as_deref(),
        moment,
        archive: &archive,
        sidecars: &sidecars,
        free_bytes: &observe::sidecar_room(&session.loaded),
    };
    let plan = session.incident_plan(&Request::Sidecar(recovery), &view);
    args.intent.carry_out(&session, &plan, true, ui).await
}

async fn remove(name: &str, intent: &Intent, start: &Path, ui: Ui) -> Result<u8> {
    let session = intent.session(start, VERB)?;
    let view = session.observe(Depth::Live).await?;
    let sidecars = observe::sidecars(&session.loaded)?;
    let plan = session.incident_plan(&Request::Remove { name, sidecars: &sidecars }, &view);
    intent.carry_out(&session, &plan, true, ui).await
}
