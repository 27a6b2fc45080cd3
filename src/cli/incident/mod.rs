//! The verbs of an incident, one file each.

use std::path::Path;

use clap::Subcommand;

use crate::error::Result;
use crate::report::{Format, Ui};

mod blast_radius;
mod diff;
mod sessions;
mod sidecar;
mod sides;

use super::intent::Intent;

/// Somebody's script has damaged the data: recover the truth beside it
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Sessions(sessions::Args),
    BlastRadius(blast_radius::Args),
    Sidecar(sidecar::Args),
    Diff(diff::Args),
}

impl Args {
    /// The form of the answer.
    pub fn format(&self) -> Format {
        match &self.verb {
            Verb::Sessions(args) => args.format,
            Verb::BlastRadius(args) => args.format,
            Verb::Sidecar(args) => args.format(),
            Verb::Diff(args) => args.format,
        }
    }
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    match &args.verb {
        Verb::Sessions(args) => sessions::run(args, start, ui).await,
        Verb::BlastRadius(args) => blast_radius::run(args, start, ui).await,
        Verb::Sidecar(args) => sidecar::run(args, start, ui).await,
        Verb::Diff(args) => diff::run(args, start, ui).await,
    }
}
