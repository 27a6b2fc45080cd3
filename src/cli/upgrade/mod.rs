//! The verbs of upgrades, one file each; `choice` and `work` are what they have in common.

use std::path::Path;

use clap::Subcommand;

use crate::error::Result;
use crate::report::{Format, Ui};

mod choice;
mod diagnose;
mod earlier;
mod failed;
mod history;
mod look_on;
mod plan;
mod probe;
mod rollback;
mod run;
mod work;

/// Upgrade modules: on a copy that is proved before it is in service, with a way back; see what went wrong, and what mends it
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Plan(plan::Args),
    Run(run::Args),
    Rollback(rollback::Args),
    History(history::Args),
    Diagnose(diagnose::Args),
    Probe(probe::Args),
}

impl Args {
    /// The form of the answer.
    pub fn format(&self) -> Format {
        match &self.verb {
            Verb::Plan(args) => args.format,
            Verb::Diagnose(args) => args.format,
            Verb::History(args) => args.format,
            Verb::Run(_) | Verb::Rollback(_) => Format::Text,
            Verb::Probe(_) => Format::Text,
        }
    }
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    match &args.verb {
        Verb::Plan(args) => plan::run(args, start, ui).await,
        Verb::Run(args) => run::run(args, start, ui).await,
        Verb::Rollback(args) => rollback::run(args, start, ui).await,
        Verb::History(args) => history::run(args, start, ui),
        Verb::Diagnose(args) => diagnose::run(args, ui),
        Verb::Probe(args) => probe::run(args, start, ui).await,
    }
}
