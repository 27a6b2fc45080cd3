//! What is to be said of a reading: one line, whatever it is.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::findings::count;
use crate::base::quote::shell;
use crate::base::time::ago;
use crate::facts::{Reading, TableReading};
use crate::incident::{Alarm, HOURS, INTERVALS, Standing, Verdict, total};

/// How many alarms are told in the line.
const TOLD: usize = 4;

/// `odpm incident watch --format json`.
#[derive(Debug, Serialize)]
pub struct Watched<'a> {
    format_version: u32,
    database: &'a str,
    at: Timestamp,
    standing: Standing,
    /// The reading that this one is compared with.
    since: Option<Timestamp>,
    /// Why earlier readings do not count.
    began_anew: Option<&'a str>,
    intervals: usize,
    hours: f64,
    written: u64,
    alarms: &'a [Alarm],
    notes: &'a [String],
    tables: &'a BTreeMap<String, TableReading>,
    next: Option<String>,
}

impl<'a> Watched<'a> {
    /// The same as data.
    pub fn of(database: &'a str, now: &'a Reading, verdict: &'a Verdict) -> Self {
        Self {
            format_version: 1,
            database,
            at: now.at,
            standing: verdict.standing,
            since: verdict.since,
            began_anew: verdict.anew,
            intervals: verdict.learned.0,
            hours: verdict.learned.1,
            written: verdict.written,
            alarms: &verdict.alarms,
            notes: &verdict.notes,
            tables: &now.tables,
            next: next(database, verdict),
        }
    }
}

/// The next thing to do, where something is wrong.
fn next(database: &str, verdict: &Verdict) -> Option<String> {
    let since = verdict.since.filter(|_| verdict.standing == Standing::Alarm)?;
    let since = since.strftime("%Y-%m-%dT%H:%M:%SZ");
    Some(format!("odpm incident blast-radius -d {} --since {since}", shell(database)))
}

/// The line.
pub fn readings(database: &str, now: &Reading, verdict: &Verdict) -> String {
    let since = verdict.since.map(|since| ago(now.at, since));
    let within = since.as_ref().map_or_else(String::new, |since| format!(" within {since}"));
    let mut line = match verdict.standing {
        Standing::Alarm => format!("ALARM {database}{within}: {}", alarms(&verdict.alarms)),
        Standing::Quiet => format!("{database}: quiet"),
        Standing::Learning => {
            let (intervals, hours) = verdict.learned;
            format!(
                "{database}: learning what is usual, {intervals} of {INTERVALS} intervals and {hours:.0} of {HOURS:.0} h are known"
            )
        }
    };
    if verdict.standing != Standing::Alarm {
        let estimated = now.tables.values().filter(|table| !table.exact).count() as u64;
        let estimated = if estimated == 0 {
            String::new()
        } else {
            format!(" ({} estimated)", count(estimated, "table"))
        };
        line.push_str(&format!(
            "; {} in {}{estimated}",
            count(total(now), "row"),
            count(now.tables.len() as u64, "table")
        ));
        if since.is_some() {
            line.push_str(&format!(", {}{within}", count(verdict.written, "write")));
        }
    }
    for note in verdict.anew.iter().copied().chain(verdict.notes.iter().map(String::as_str)) {
        line.push_str(&format!("; note: {note}"));
    }
    if let Some(next) = next(database, verdict) {
        line.push_str(&format!("; next: {next}"));
    }
    line
}

fn alarms(alarms: &[Alarm]) -> String {
    let told: Vec<String> =
        alarms.iter().take(TOLD).map(|alarm| format!("{} ({})", alarm.what, alarm.usual)).collect();
    let more = alarms.len().saturating_sub(TOLD);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    format!("{}{more}", told.join("; "))
}
