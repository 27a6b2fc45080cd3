//! The verbs of the watchdog, one file each; `common` is what they have in common.

use std::path::Path;

use clap::Subcommand;

use crate::error::Result;
use crate::report::{Format, Ui};

mod common;
mod snapshot;

use common::Choice;

/// Watch what costs money: snapshots before and after a change, what differs, a gate, the way back
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Snapshot(snapshot::Args),
}

impl Args {
    /// The form of the answer.
    pub fn format(&self) -> Format {
        match &self.verb {
            Verb::Snapshot(_) => Format::Text,
        }
    }
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    match &args.verb {
        Verb::Snapshot(args) => snapshot::run(args, start, ui).await,
    }
}
