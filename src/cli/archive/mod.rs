//! The verbs of the archive, one file each.

use std::path::Path;

use clap::Subcommand;

use crate::archive::{self, Request};
use crate::cli::session::Session;
use crate::error::Result;
use crate::observe::{self, Depth};
use crate::project::Archive;
use crate::report::{self, Format, Ui};

mod basebackup;
mod enable;
mod expire;
mod status;
mod verify;

use super::intent::Intent;

/// Keep the server's log, so that any moment can be recovered: base backups, reach, proof
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Enable(enable::Args),
    Status(status::Args),
    Basebackup(basebackup::Args),
    Verify(verify::Args),
    Expire(expire::Args),
}

impl Args {
    /// The form of the answer.
    pub fn format(&self) -> Format {
        match &self.verb {
            Verb::Status(args) => args.format,
            Verb::Verify(args) => args.format,
            _ => Format::Text,
        }
    }
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    match &args.verb {
        Verb::Enable(args) => enable::run(args, start, ui).await,
        Verb::Status(args) => status::run(args, start, ui).await,
        Verb::Basebackup(args) => basebackup::run(args, start, ui).await,
        Verb::Verify(args) => verify::run(args, start, ui).await,
        Verb::Expire(args) => expire::run(args, start, ui).await,
    }
}

/// Plans, shows, and does what was asked for.
async fn carry_out(request: Request, verb: &str, intent: &Intent, start: &Path, ui: Ui) -> Result<u8> {
    let session = intent.session(start, verb)?;
    work(request, &session, intent, ui).await
}

async fn work(request: Request, session: &Session, intent: &Intent, ui: Ui) -> Result<u8> {
    let view = session.observe(Depth::Live).await?;
    let seen = observe::archive(&session.loaded).await?;
    let plan = session.archive_plan(request, &view, &seen);
    intent.carry_out(session, &plan, true, ui).await
}

/// The archive that the project describes.
fn described(session: &Session) -> Result<&Archive> {
    session.loaded.project.archive.as_ref().ok_or_else(|| report::refused(&archive::none()))
}
