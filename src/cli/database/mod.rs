//! The verbs on databases, one file each; `work` is what they have in common.

use std::path::Path;

use clap::Subcommand;

use crate::error::Result;
use crate::report::{Format, Ui};

mod backup;
pub mod classic;
mod drill;
mod drop;
mod duplicate;
mod ensure_role;
mod list;
mod neutralize;
mod prune;
mod rename;
mod restore;
mod set_admin_pass;
mod status;
mod verify;
mod work;

use super::intent::Intent;
use work::Work;

/// Look after databases: back up, restore, drop, rename, copy; look at the cluster and its roles
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    List(list::Args),
    Backup(backup::Args),
    Verify(verify::Args),
    Restore(restore::Args),
    Drop(drop::Args),
    Rename(rename::Args),
    Duplicate(duplicate::Args),
    Neutralize(neutralize::Args),
    SetAdminPass(set_admin_pass::Args),
    Drill(drill::Args),
    Prune(prune::Args),
    Status(status::Args),
    EnsureRole(ensure_role::Args),
}

impl Args {
    /// The form of the answer.
    pub fn format(&self) -> Format {
        match &self.verb {
            Verb::List(args) => args.format,
            Verb::Status(args) => args.format,
            Verb::Verify(args) => args.format,
            _ => Format::Text,
        }
    }
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    match &args.verb {
        Verb::List(args) => list::run(args, start, ui).await,
        Verb::Backup(args) => backup::run(args, start, ui).await,
        Verb::Verify(args) => verify::run(args, start, ui).await,
        Verb::Restore(args) => restore::run(args, start, ui).await,
        Verb::Drop(args) => drop::run(args, start, ui).await,
        Verb::Rename(args) => rename::run(args, start, ui).await,
        Verb::Duplicate(args) => duplicate::run(args, start, ui).await,
        Verb::Neutralize(args) => neutralize::run(args, start, ui).await,
        Verb::SetAdminPass(args) => set_admin_pass::run(args, start, ui).await,
        Verb::Drill(args) => drill::run(args, start, ui).await,
        Verb::Prune(args) => prune::run(args, start, ui).await,
        Verb::Status(args) => status::run(args, start, ui).await,
        Verb::EnsureRole(args) => ensure_role::run(args, start, ui).await,
    }
}
