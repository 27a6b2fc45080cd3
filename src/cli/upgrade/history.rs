use std::path::Path;

use crate::error::{Error, Result};
use crate::observe;
use crate::report::{self, Format, Ui};
use crate::state;

/// What was upgraded, from which version to which, by whom, with which outcome; release notes with the way back
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odpm upgrade history
  odpm upgrade history 20261120T201512Z-4f1d9a2e
  odpm upgrade history --release-notes            of the last one, in Markdown
  odpm upgrade history --format json")]
pub struct Args {
    /// One upgrade, by its run
    run: Option<String>,
    /// Print the section of the release notes for it: what changes, and how to go back
    #[arg(long)]
    release_notes: bool,
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text", conflicts_with = "release_notes")]
    pub format: Format,
}

pub fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let loaded = observe::load(start)?;
    let every = state::upgrades(&loaded.state)?;
    let mut all = every.clone();
    if let Some(run) = &args.run {
        all.retain(|seen| seen.record.run.as_str() == run);
        if all.is_empty() {
            let error = Error::usage(format!("there was no upgrade {run}"));
            return Err(error.hint("See which there were: odpm upgrade history"));
        }
    }
    ui.answer(&match args.format {
        _ if args.release_notes => match all.iter().rev().find(|seen| !seen.record.rehearsal) {
            Some(seen) => report::release_notes(seen, &every),
            None => return Err(Error::refused("nothing was upgraded yet")),
        },
        Format::Text if args.run.is_some() => all.iter().map(report::one_upgrade).collect(),
        Format::Text => report::upgrades(&all),
        Format::Json => report::json(&serde_json::json!({ "format_version": 1, "upgrades": all }))?,
    });
    Ok(0)
}
