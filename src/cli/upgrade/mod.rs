//! The verbs of upgrades, one file each.

use clap::Subcommand;

use crate::error::Result;
use crate::report::{Format, Ui};

mod diagnose;

/// Modules are upgraded: what went wrong, and what mends it
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Diagnose(diagnose::Args),
}

impl Args {
    /// The form of the answer.
    pub fn format(&self) -> Format {
        match &self.verb {
            Verb::Diagnose(args) => args.format,
        }
    }
}

pub fn run(args: &Args, ui: Ui) -> Result<u8> {
    match &args.verb {
        Verb::Diagnose(args) => diagnose::run(args, ui),
    }
}
