//! Damage for people: tables, a timeline, transactions, the moment to go back to.

use std::fmt::Write;

use jiff::Timestamp;
use serde::Serialize;

use super::archive::moment;
use super::findings::count;
use super::progress::duration;
use crate::base::size::thousands;
use crate::facts::{Known, SessionSeen};
use crate::incident::{Consequence, Damage, Harm, LogRead, Ops, Transaction};
use crate::watchdog::Findings;

/// `odpm incident diff --format json`.
#[derive(Debug, Serialize)]
pub struct Damaged<'a> {
    /// 1.
    pub format_version: u32,
    /// What was found.
    #[serde(flatten)]
    pub findings: &'a Findings,
    /// Tables and columns that one side has and the other has not.
    pub apart: Vec<String>,
    /// What the lost rows took with them.
    pub consequences: Vec<Consequence>,
}

/// How many tables and transactions are told.
const TOLD: usize = 12;

/// How many tables of a transaction are told.
const PARTS: usize = 5;

/// The heights of a timeline.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// `odpm incident blast-radius --format json`.
#[derive(Debug, Serialize)]
pub struct DamageTold {
    format_version: u32,
    database: String,
    since: Timestamp,
    tables: Vec<TableTold>,
    tables_without_write_date: u64,
    transactions: Vec<TransactionTold>,
    /// Why the log was not read.
    log_unknown: Option<String>,
    log_until: Option<Timestamp>,
    /// How many older segments of it were not read; then it dates nothing.
    log_left_out: usize,
    unread: Vec<String>,
    t_recover: Option<Timestamp>,
    /// When the last of what stands out was written.
    damaged_until: Option<Timestamp>,
    why: Option<String>,
}

#[derive(Debug, Serialize)]
struct TableTold {
    table: String,
    inserted: u64,
    updated: u64,
    first_minute: Option<Timestamp>,
    last_minute: Option<Timestamp>,
    by: std::collections::BTreeMap<String, u64>,
    usual_per_hour: f64,
}

#[derive(Debug, Serialize)]
struct TransactionTold {
    id: u32,
    committed_at: Timestamp,
    tables: std::collections::BTreeMap<String, OpsTold>,
}

#[derive(Debug, Serialize)]
struct OpsTold {
    inserted: u64,
    updated: u64,
    deleted: u64,
    /// Its file went: it was emptied, dropped, or written anew.
    removed: bool,
}

impl DamageTold {
    /// The same as data.
    pub fn of(damage: &Damage) -> Self {
        let table = |harm: Harm| TableTold {
            table: harm.table,
            inserted: harm.inserted,
            updated: harm.updated,
            first_minute: harm.span.map(|span| span.0),
            last_minute: harm.span.map(|span| span.1),
            by: harm.by,
            usual_per_hour: harm.usual,
        };
        let log = damage.log.get();
        let transaction = |log: &LogRead, found: &Transaction| TransactionTold {
            id: found.id,
            committed_at: found.at,
            tables: log
                .changes(found)
                .into_iter()
                .map(|(table, Ops { inserted, updated, deleted, removed })| {
                    (table, OpsTold { inserted, updated, deleted, removed })
                })
                .collect(),
        };
        let proposal = damage.proposal();
        Self {
            format_version: 1,
            database: damage.database.clone(),
            since: damage.since,
            tables: damage.harms().into_iter().map(table).collect(),
            tables_without_write_date: damage.without,
            transactions: log.map_or_else(Vec::new, |log| {
                log.greatest(TOLD).into_iter().map(|found| transaction(log, found)).collect()
            }),
            log_unknown: damage.log.why().map(str::to_owned),
            log_until: log.and_then(|log| log.until),
            log_left_out: log.map_or(0, |log| log.left_out),
            unread: damage.unread.clone(),
            t_recover: proposal.as_ref().map(|proposal| proposal.at),
            damaged_until: proposal.as_ref().map(|proposal| proposal.until),
            why: proposal.map(|proposal| proposal.why),
        }
    }
}

/// The damage for a screen so many columns wide.
pub fn damage(damage: &Damage, now: Timestamp, width: usize) -> String {
    let mut text = format!("{}, what was written since {}\n\n", damage.database, moment(damage.since));
    let harms = damage.harms();
    if harms.is_empty() {
        text.push_str("Nothing that keeps write_date was written since.\n");
    } else {
        tables(&harms, &mut text);
        timeline(damage, now, width, &mut text);
    }
    let _ = writeln!(
        text,
        "write_date says nothing of deletions, of plain SQL, and of {} without it.",
        count(damage.without, "table")
    );
    for unread in &damage.unread {
        let _ = writeln!(text, "note: not looked at: {unread}");
    }
    text.push('\n');
    match &damage.log {
        Known::Known(log) => transactions(log, &mut text),
        Known::Unknown(why) => {
            let _ =
                writeln!(text, "The server's log, which would tell deletions and SQL, was not read: {why}.");
        }
    }
    match damage.proposal() {
        Some(proposal) => {
            let _ = write!(
                text,
                "\nT_recover   {}\n  because {}\n\nNext: odpm incident sidecar --at {} --name before\n      odpm incident sidecar --at {} --name after      (right after the damage)\n      odpm incident repair --sidecar before --after after --plan",
                moment(proposal.at),
                proposal.why,
                proposal.at,
                proposal.until
            );
        }
        None => text
            .push_str("\nNothing stands out: look further back with --since, or name the moment yourself."),
    }
    text
}

fn tables(harms: &[Harm], text: &mut String) {
    let width = harms.iter().take(TOLD).map(|harm| harm.table.len()).max().unwrap_or_default().max(5);
    let _ = writeln!(text, "  {:<width$} {:>9} {:>9}  {:<13} by", "table", "updated", "new", "minutes (UTC)");
    for harm in harms.iter().take(TOLD) {
        let span = harm.span.map_or_else(String::new, |(first, last)| {
            format!("{}-{}", first.strftime("%H:%M"), last.strftime("%H:%M"))
        });
        let mut by: Vec<(&String, &u64)> = harm.by.iter().collect();
        by.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let by: Vec<String> =
            by.iter().take(2).map(|(name, rows)| format!("{name} {}", thousands(**rows))).collect();
        let usual = format!("{:.0} an hour are usual", harm.usual);
        let (updated, new) = (thousands(harm.updated), thousands(harm.inserted));
        let _ = writeln!(
            text,
            "  {:<width$} {updated:>9} {new:>9}  {span:<13} {}; {usual}",
            harm.table,
            by.join(", ")
        );
    }
    if harms.len() > TOLD {
        let _ = writeln!(text, "  and {} more", count((harms.len() - TOLD) as u64, "table"));
    }
}

/// A bar for as many minutes as fit into a column.
fn timeline(damage: &Damage, now: Timestamp, width: usize, text: &mut String) {
    let minutes = damage.minutes(now);
    let columns = width.saturating_sub(4).clamp(20, 120);
    let each = minutes.len().div_ceil(columns).max(1);
    let rows: Vec<u64> = minutes.chunks(each).map(|part| part.iter().map(|(_, rows)| rows).sum()).collect();
    let most = rows.iter().copied().max().unwrap_or_default().max(1);
    let bar = |rows: &u64| match *rows {
        0 => ' ',
        rows => {
            // What is little beside a burst is still seen.
            let height = ((rows as f64).ln_1p() / (most as f64).ln_1p() * 7.0).round();
            BARS[(height as usize).min(7)]
        }
    };
    let line: String = rows.iter().map(bar).collect();
    let first = minutes.first().map(|(at, _)| at.strftime("%H:%M").to_string()).unwrap_or_default();
    let last = now.strftime("%H:%M").to_string();
    // Both ends where the line is long enough for two, else the one.
    let ends = match rows.len().checked_sub(first.len() + last.len()) {
        Some(gap @ 1..) => format!("{first}{}{last}", " ".repeat(gap)),
        _ if first == last => first,
        _ => format!("{first} to {last}"),
    };
    let _ = writeln!(text, "\n  {line}\n  {ends} UTC, {}, at most {} rows", each_told(each), thousands(most));
}

fn each_told(minutes: usize) -> String {
    match minutes {
        1 => "a minute each".to_owned(),
        _ => format!("{minutes} minutes each"),
    }
}

fn transactions(log: &LogRead, text: &mut String) {
    let until =
        log.until.map_or_else(String::new, |until| format!(" up to {}", until.strftime("%H:%M:%S UTC")));
    let _ = writeln!(
        text,
        "By the server's log{until}, {} in this database; those that changed or deleted most:",
        count(log.count, "commit")
    );
    if log.left_out > 0 {
        let _ = writeln!(
            text,
            "  {} of it were not read, so that it cannot tell where it began",
            count(log.left_out as u64, "older segment")
        );
    }
    for found in log.greatest(TOLD) {
        let parts: Vec<String> =
            log.changes(found).iter().take(PARTS).map(|(table, ops)| changes(table, *ops)).collect();
        let at =
            found.at.round(jiff::TimestampRound::new().smallest(jiff::Unit::Millisecond)).unwrap_or(found.at);
        let at = at.strftime("%H:%M:%S%.3f");
        let _ = writeln!(text, "  {at}  transaction {:<8} {}", found.id, parts.join("; "));
    }
}

fn changes(table: &str, ops: Ops) -> String {
    let part = |rows: u64, what: &str| (rows > 0).then(|| format!("{} {what}", thousands(rows)));
    let gone = ops.removed.then(|| "emptied, dropped or written anew".to_owned());
    let parts = [part(ops.updated, "updated"), part(ops.deleted, "deleted"), part(ops.inserted, "new"), gone];
    format!("{table} {}", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

/// Sessions in lines, those that have been at it longest first.
pub fn sessions(all: &[SessionSeen], now: Timestamp) -> String {
    if all.is_empty() {
        return "Nobody is at work.".to_owned();
    }
    let mut text = String::new();
    for seen in all {
        let since = seen.since.map_or_else(String::new, |at| format!(" for {}", length(at, now)));
        let whole = seen
            .transaction
            .map_or_else(String::new, |at| format!(", in a transaction for {}", length(at, now)));
        let from = if seen.address.is_empty() { "this machine" } else { &seen.address };
        let _ = writeln!(
            text,
            "{:>7}  {} in {} from {from} ({}): {}{since}{whole}",
            seen.pid, seen.role, seen.database, seen.application, seen.state
        );
        if let Some(waits) = &seen.waits {
            let by: Vec<String> = seen.blocked_by.iter().map(i32::to_string).collect();
            let by = if by.is_empty() { String::new() } else { format!(", kept by {}", by.join(", ")) };
            let _ = writeln!(text, "         waits for {waits}{by}");
        }
        let _ = writeln!(text, "         {}", seen.query);
    }
    text.trim_end().to_owned()
}

fn length(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.as_second().saturating_sub(from.as_second()).max(0).unsigned_abs();
    duration(std::time::Duration::from_secs(seconds))
}
