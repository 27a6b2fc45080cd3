//! The verbs of an incident, one file each.

use std::path::Path;

use clap::Subcommand;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::backup;
use crate::error::{Error, Result};
use crate::facts::BackupSeen;
use crate::incident::{Moment, parse};
use crate::report::{self as told, Format, Ui};

mod blast_radius;
mod contain;
mod cutback;
mod diff;
mod drill;
mod filter;
mod parts;
mod record;
mod rehearsal;
mod reopen;
mod repair;
mod report;
mod sessions;
mod sidecar;
mod sides;
mod verify;
mod watch;

use super::intent::Intent;

/// Somebody's script has damaged the data: recover the truth beside it
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Open(record::Open),
    Note(record::Note),
    Contain(contain::Args),
    Sessions(sessions::Args),
    BlastRadius(blast_radius::Args),
    Watch(watch::Args),
    Sidecar(sidecar::Args),
    Diff(diff::Args),
    Repair(repair::Args),
    Verify(verify::Args),
    Reopen(reopen::Args),
    Report(report::Args),
    Drill(drill::Args),
    Close(record::Close),
    Cutback(cutback::Args),
}

/// A moment that a person has written.
fn moment(text: &str) -> Result<Timestamp> {
    let moment = parse(text, Timestamp::now(), &TimeZone::system());
    moment.map(|moment| moment.at).ok_or_else(|| {
        no_moment(text)
            .hint("Write it as: '2026-11-20 17:41:00+01', 17:41 (today, in this machine's zone) or '20m ago'")
    })
}

/// A moment that a person has written, and how it was understood.
fn moment_told(text: &str, ui: Ui) -> Result<Moment> {
    let found = parse(text, Timestamp::now(), &TimeZone::system()).ok_or_else(|| {
        no_moment(text).hint("Write it as: --at '2026-11-20 17:41:00+01', --at 17:41 or --at '20m ago'")
    })?;
    ui.say(&format!("The moment: {}", told::moment(found.at)));
    if found.assumed_local {
        ui.say("No zone was given: it was taken as this machine's. Write +00 behind it for UTC.");
    }
    Ok(found)
}

fn no_moment(text: &str) -> Error {
    Error::usage(format!("`{text}` is no moment"))
}

/// The copy that a rehearsal damages.
fn rehearsed(backup: BackupSeen, copy: &str) -> backup::Request {
    backup::Request::Restore(Box::new(backup::Restore {
        backup,
        database: copy.to_owned(),
        replace: false,
        keep_old: false,
        neutralize: true,
        identity: backup::Identity::Copy,
        files: false,
        jobs: 2,
        modules: backup::Modules::default(),
        admin_login: None,
    }))
}

impl Args {
    /// The form of the answer.
    pub fn format(&self) -> Format {
        match &self.verb {
            Verb::Sessions(args) => args.format,
            Verb::BlastRadius(args) => args.format,
            Verb::Watch(args) => args.format,
            Verb::Sidecar(args) => args.format(),
            Verb::Diff(args) => args.format,
            Verb::Verify(args) => args.format,
            _ => Format::Text,
        }
    }
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    match &args.verb {
        Verb::Sessions(args) => sessions::run(args, start, ui).await,
        Verb::BlastRadius(args) => blast_radius::run(args, start, ui).await,
        Verb::Watch(args) => watch::run(args, start, ui).await,
        Verb::Sidecar(args) => sidecar::run(args, start, ui).await,
        Verb::Diff(args) => diff::run(args, start, ui).await,
        Verb::Repair(args) => repair::run(args, start, ui).await,
        Verb::Open(args) => record::open(args, start, ui),
        Verb::Note(args) => record::note(args, start, ui),
        Verb::Close(args) => record::close(args, start, ui),
        Verb::Contain(args) => contain::run(args, start, ui).await,
        Verb::Verify(args) => verify::run(args, start, ui).await,
        Verb::Reopen(args) => reopen::run(args, start, ui).await,
        Verb::Drill(args) => drill::run(args, start, ui).await,
        Verb::Report(args) => report::run(args, start, ui),
        Verb::Cutback(args) => cutback::run(args, start, ui).await,
    }
}
