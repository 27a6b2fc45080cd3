use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use super::carried::Carried;
use super::compare::{Compared, compare};
use super::sides;
use crate::cli::session::Session;
use crate::error::Result;
use crate::migrate::Integrity;
use crate::observe::{self, Thoroughness};
use crate::report::{self, Format, Ui};

/// How many rows of a field are named, unless the answer is JSON.
const ROWS: u64 = 10;

/// Whether every reference of a database leads somewhere: many2one, many2many, pairs of model and id, sequences, files
///
/// Nothing is changed. PostgreSQL keeps most references itself; those that it keeps for every row are not asked: a restore with
/// triggers off may break one all the same, --all asks those too. With --from, rows of both databases are compared as well: those that
/// the last migration between the two has copied, as it copied them, ids that became others included; without one, or with --table,
/// rows of the same key.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odpm migrate verify
  odpm migrate verify -d staging --all --deep
  odpm migrate verify -d staging --limit 3 --format json
  odpm migrate verify --from ../staging
  odpm migrate verify --from staging --to postgres://odoo@db.example/prod?sslmode=verify-full --table res_partner

Exit code 3 where something dangles or differs, or could not be asked.")]
pub struct Args {
    /// The database; odoo.database unless given
    #[arg(short, long, value_name = "DB")]
    database: Option<String>,
    /// The database that it was copied from: a name, a folder, a URL
    #[arg(long, value_name = "PLACE")]
    from: Option<String>,
    /// The database, where it is not one of this project: a folder, a URL
    #[arg(long, value_name = "PLACE", conflicts_with = "database")]
    to: Option<String>,
    /// Compare this table, and only those that are named
    #[arg(long = "table", value_name = "TABLE", requires = "from")]
    tables: Vec<String>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    compared: Option<&'a Compared>,
    #[serde(skip_serializing_if = "Option::is_none")]
    carried: Option<&'a Carried>,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let mut session = Session::reading(start)?;
    let to = match &args.database {
        Some(database) => observe::reach_own(&session.loaded, database)?,
        None => sides::target(&mut session, args.to.as_deref(), start)?,
    };
    let (compared, carried) = match &args.from {
        Some(from) => compare((&args.tables, args.timeout), &mut session, from, &to, start).await?,
        None => (None, None),
    };
    let limit = match args.format {
        Format::Text => Some(args.limit.unwrap_or(ROWS)),
        Format::Json => args.limit,
    };
    let how = Thoroughness { limit, all: args.all, deep: args.deep, seconds: args.timeout };
    let begun = Instant::now();
    let integrity = observe::integrity(to.source.clone(), to.filestore.clone(), how).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let clean = integrity.is_clean()
        && compared.as_ref().is_none_or(Compared::is_clean)
        && carried.as_ref().is_none_or(|carried| carried.unlike.is_empty());
    let database = &to.shown;
    ui.answer(&match args.format {
        Format::Text => {
            let told = compared.as_ref().map(|seen| {
                report::compared(&seen.from, database, &seen.tables, &seen.only, seen.seconds) + "\n"
            });
            let as_copied = carried.as_ref().map(|seen| {
                report::carried(
                    args.from.as_deref().unwrap_or_default(),
                    database,
                    &seen.run,
                    (seen.tables, seen.rows),
                    &seen.unlike,
                ) + "\n"
            });
            told.or(as_copied).unwrap_or_default() + &report::integrity(database, &integrity, seconds)
        }
        Format::Json => report::json(&Verified {
            format_version: 1,
            database,
            clean,
            seconds,
            integrity: &integrity,
            compared: compared.as_ref(),
            carried: carried.as_ref(),
        })?,
    });
    Ok(if clean { 0 } else { 3 })
}
