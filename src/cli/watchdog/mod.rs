//! The verbs of the watchdog, one file each; `choice` and `comparison` are what they have in common.

use std::path::Path;

use clap::Subcommand;

use crate::error::Result;
use crate::report::{Format, Ui};

mod changed;
mod choice;
mod comparison;
mod diff;
mod list;
mod presets;
mod prune;
mod rollback;
mod run;
mod snapshot;
mod spec;

use super::intent::Intent;
use choice::Choice;
use comparison::Comparison;

/// Watch what costs money: snapshots before and after a change, what differs, a gate, the way back
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Snapshot(snapshot::Args),
    Diff(diff::Args),
    Run(run::Args),
    Rollback(rollback::Args),
    List(list::Args),
    Prune(prune::Args),
    Presets(presets::Args),
    Spec(spec::Args),
}

impl Args {
    /// The form of the answer.
    pub fn format(&self) -> Format {
        match &self.verb {
            Verb::Diff(args) => args.format.plain(),
            Verb::List(args) => args.format,
            Verb::Presets(args) => args.format,
            _ => Format::Text,
        }
    }
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    match &args.verb {
        Verb::Snapshot(args) => snapshot::run(args, start, ui).await,
        Verb::Diff(args) => diff::run(args, start, ui).await,
        Verb::Run(args) => run::run(args, start, ui).await,
        Verb::Rollback(args) => rollback::run(args, start, ui).await,
        Verb::Prune(args) => prune::run(args, start, ui).await,
        Verb::List(args) => list::run(args, start, ui),
        Verb::Presets(args) => presets::run(args, ui),
        Verb::Spec(args) => spec::run(args, start, ui).await,
    }
}
