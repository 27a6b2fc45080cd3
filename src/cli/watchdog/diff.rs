use std::path::{Path, PathBuf};

use super::{Choice, Comparison};
use crate::cli::session::Session;
use crate::error::Result;
use crate::report::{self, Format, Ui};
use crate::state;

/// The form of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// For people.
    Text,
    /// One JSON document.
    Json,
    /// One change a line.
    Jsonl,
    /// One page with charts.
    Html,
}

impl Form {
    /// How a failure is told.
    pub fn plain(self) -> Format {
        if self == Self::Json { Format::Json } else { Format::Text }
    }
}

/// Compare two snapshots, or a snapshot with the database as it is
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odpm watchdog diff                      the last two snapshots
  odpm watchdog diff before-the-fix       that snapshot and the database as it is
  odpm watchdog diff before-the-fix after-the-fix
  odpm watchdog diff --format html --out diff.html

Exit codes: with --gate 3 where something is unexpected; with --detailed-exitcode 2 where anything differs.")]
pub struct Args {
    /// Snapshots: a file, a name, or a label, the newest of which is taken; `live` is the database as it is, `live:DB` another one
    #[arg(num_args = 0..=2, value_name = "SNAPSHOT")]
    snapshots: Vec<String>,
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text")]
    pub format: Form,
    /// Where to put it; stdout unless given
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Fail with 3 where something is unexpected
    #[arg(long)]
    gate: bool,
    /// Exit with 2 where anything differs
    #[arg(long)]
    detailed_exitcode: bool,
    /// The database; that of the snapshot unless given
    #[arg(short, long, value_name = "DB")]
    database: Option<String>,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let session = Session::reading(start)?;
    let choice = Choice { database: args.database.clone(), preset: None };
    let comparison = Comparison::of(&session, &choice, &args.snapshots).await?;
    let lines = match args.format {
        Form::Jsonl => Some(output(args)?),
        _ => None,
    };
    let found = comparison.findings(&session, &choice, lines).await?;
    let text = match args.format {
        Form::Text => report::findings(&found),
        Form::Json => report::json(&report::Comparison { format_version: 1, findings: &found })?,
        Form::Html => report::findings_page(&found),
        Form::Jsonl => String::new(),
    };
    match &args.out {
        _ if args.format == Form::Jsonl => {}
        None => ui.answer(&text),
        Some(path) => {
            state::replace(path, text.as_bytes(), 0o644).map_err(|e| state::cannot("write", path, &e))?;
            ui.say(&format!("Wrote {}.", path.display()));
        }
    }
    if args.gate && found.gates() {
        return Err(report::unexpected(&found));
    }
    Ok(if args.detailed_exitcode && !found.is_empty() { 2 } else { 0 })
}

fn output(args: &Args) -> Result<Box<dyn std::io::Write + Send>> {
    Ok(match &args.out {
        None => Ui::lines(),
        Some(path) => {
            let file = std::fs::File::create(path).map_err(|e| state::cannot("write", path, &e))?;
            Box::new(std::io::BufWriter::new(file))
        }
    })
}
