//! The verbs of migrations, one file each.

use std::path::Path;

use clap::Subcommand;

use crate::error::Result;
use crate::report::{Format, Ui};

mod apply;
mod carried;
mod choice;
mod compare;
mod plan;
mod sets;
mod sides;
mod verify;
mod work;

/// From staging to production: rows, their files and xml ids, from one database to another
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Plan(Box<plan::Args>),
    Apply(Box<apply::Args>),
    Verify(verify::Args),
    Sets(sets::Args),
}

impl Args {
    /// The form of the answer.
    pub fn format(&self) -> Format {
        match &self.verb {
            Verb::Plan(args) => args.format,
            Verb::Apply(_) => Format::Text,
            Verb::Verify(args) => args.format,
            Verb::Sets(args) => args.format,
        }
    }
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    match &args.verb {
        Verb::Plan(args) => plan::run(args, start, ui).await,
        Verb::Apply(args) => apply::run(args, start, ui).await,
        Verb::Verify(args) => verify::run(args, start, ui).await,
        Verb::Sets(args) => sets::run(args, start, ui).await,
    }
}
