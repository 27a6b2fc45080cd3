use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use crate::cli::session::Session;
use crate::error::Result;
use crate::migrate::Integrity;
use crate::observe::{self, Thoroughness};
use crate::report::{self, Format, Ui};

/// How many rows of a field are named, unless the answer is JSON.
const ROWS: u64 = 10;

/// Whether every reference of a database leads somewhere: many2one, many2many, pairs of model and id, sequences, files
///
/// Asks by SQL, in one snapshot, and changes nothing. What a foreign key of PostgreSQL keeps is told as kept and not asked: a table that
/// was loaded with its triggers off may break one all the same, --all asks those too.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  odpm migrate verify\n  odpm migrate verify -d staging --all --deep\n  odpm migrate verify -d staging --limit 3 --format json

Exit code 3 where something dangles, or could not be asked."
)]
pub struct Args {
    /// The database; odoo.database unless given
    #[arg(short, long, value_name = "DB")]
    database: Option<String>,
    /// How many rows of a field are named: 10, in JSON all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Ask what foreign keys keep as well
    #[arg(long)]
    all: bool,
    /// Read the files, too: whether their SHA-1 is that of their attachments
    #[arg(long)]
    deep: bool,
    /// How long one statement may take: 90s, 10m
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = crate::cli::length)]
    timeout: u64,
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// `odpm migrate verify --format json`.
#[derive(Debug, Serialize)]
struct Verified<'a> {
    format_version: u32,
    database: &'a str,
    clean: bool,
    seconds: f64,
    #[serde(flatten)]
    integrity: &'a Integrity,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let session = Session::reading(start)?;
    let database = session.database(args.database.as_deref())?;
    let limit = match args.format {
        Format::Text => Some(args.limit.unwrap_or(ROWS)),
        Format::Json => args.limit,
    };
    let how = Thoroughness { limit, all: args.all, deep: args.deep, seconds: args.timeout };
    let begun = Instant::now();
    let integrity = observe::integrity(&session.loaded, &database, how).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let clean = integrity.is_clean();
    ui.answer(&match args.format {
        Format::Text => report::integrity(&database, &integrity, seconds),
        Format::Json => report::json(&Verified {
            format_version: 1,
            database: &database,
            clean,
            seconds,
            integrity: &integrity,
        })?,
    });
    Ok(if clean { 0 } else { 3 })
}
