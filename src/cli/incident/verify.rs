use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::sides::beside;
use crate::cli::session::Session;
use crate::error::{Error, Result};
use crate::facts::Happening;
use crate::incident::{Gate, watched};
use crate::observe;
use crate::report::{self, Format, Ui};

/// Ask every gate: the checks of odpm.yaml, what holds in any database of Odoo's, and the logs
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  odpm incident verify\n  odpm incident verify --logs 1h --errors 3 --format json

Exit code 3 where one is not passed."
)]
pub struct Args {
    /// The database; odoo.database unless given
    #[arg(short, long, value_name = "DB")]
    database: Option<String>,
    /// How far back the logs are read: 10m, 1h
    #[arg(long, value_name = "AGE", default_value = "10m")]
    logs: String,
    /// How many lines of the logs may be trouble
    #[arg(long, value_name = "LINES", default_value = "0")]
    errors: u64,
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// `odpm incident verify --format json`.
#[derive(Debug, Serialize)]
struct Verified<'a> {
    format_version: u32,
    database: &'a str,
    passed: bool,
    gates: &'a [Gate],
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let session = Session::reading(start)?;
    let database = session.database(args.database.as_deref())?;
    let age = crate::project::seconds(&args.logs).and_then(|seconds| i64::try_from(seconds).ok());
    let age = age.ok_or_else(|| {
        Error::usage(format!("`{}` is no length of time", args.logs)).hint("Write 10m or 1h.")
    })?;
    let since = Timestamp::now().checked_sub(SignedDuration::from_secs(age)).unwrap_or_default();
    let mut gates =
        observe::ask_gates(&session.loaded, &database, &session.loaded.project.sql_checks()).await?;
    let checks = session.loaded.project.http_checks();
    let unasked = !checks.is_empty();
    match observe::http_gates(&session.loaded, session.engine.as_ref(), checks).await {
        Some(answered) => gates.extend(answered),
        None if !unasked => {}
        None => ui.insist("note: the checks over HTTP are not asked: odoo does not run"),
    }
    let lines = observe::log_trouble(&session.loaded, session.engine.as_ref(), since).await;
    gates.push(logs(lines, args.errors, &args.logs));
    let passed = gates.iter().all(Gate::passes);
    let failed = gates.iter().filter(|gate| !gate.passes()).count();
    let text = match failed {
        0 => format!("all {} gates of {database} are passed", gates.len()),
        failed => format!("{failed} of {} gates of {database} are not passed", gates.len()),
    };
    let rows = beside_sidecars(&session, &database, ui).await;
    session.chronicle(Happening::Gates, &text, serde_json::json!(gates), ui);
    ui.answer(&match args.format {
        Format::Text => format!("{}{rows}", report::gates(&gates, &text)),
        Format::Json => {
            report::json(&Verified { format_version: 1, database: &database, passed, gates: &gates })?
        }
    });
    Ok(if passed { 0 } else { 3 })
}

/// How many rows the key tables have, beside those of the sidecars that stand.
async fn beside_sidecars(session: &Session, database: &str, ui: Ui) -> String {
    let tables = watched(&session.loaded.project);
    let mut text = String::new();
    let now = observe::reading(&session.loaded, database, &tables).await;
    for record in observe::sidecars(&session.loaded).unwrap_or_default().iter().filter(|record| record.stands)
    {
        let then = observe::reading_of(&beside(record, database), &tables).await;
        match (&now, then) {
            (Ok(now), Ok(then)) => text.push_str(&report::counts(&record.sidecar.name, &then, now)),
            (_, Err(error)) => ui.insist(&format!("note: {} is not counted: {error}", record.sidecar.name)),
            (Err(error), _) => ui.insist(&format!("note: {error}")),
        }
    }
    text
}

fn logs(lines: Result<Vec<(String, String)>>, errors: u64, age: &str) -> Gate {
    let name = format!("the logs of the last {age} are calm");
    match lines {
        Ok(lines) => {
            let count = lines.len() as u64;
            let first = lines
                .into_iter()
                .next()
                .map_or_else(String::new, |(service, line)| format!("{service}: {line}"));
            Gate { name, broken: if count > errors { count } else { 0 }, first, unknown: None }
        }
        Err(error) => {
            Gate { name, broken: 0, first: String::new(), unknown: Some(error.report().what.clone()) }
        }
    }
}
