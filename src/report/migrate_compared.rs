//! How two databases differ, for people.

use std::fmt::Write;

use crate::base::RunId;
use crate::base::size::{count, thousands};
use crate::migrate::{Differing, TableCompared};
use crate::observe::Unlike;

/// The tables that differ, each with how; the others in one line.
pub fn compared(from: &str, to: &str, tables: &[TableCompared], only: &[String], seconds: f64) -> String {
    let mut told = String::new();
    for table in tables.iter().filter(|table| !table.equal) {
        let _ = writeln!(
            told,
            "{}: {} in {from}, {} in {to}",
            table.table,
            count(table.from, "row"),
            thousands(table.to)
        );
        let ways = [
            (&table.missing, "missing there"),
            (&table.altered, "other values"),
            (&table.added, "only there"),
        ];
        for (rows, what) in ways.into_iter().filter(|(rows, _)| rows.rows > 0) {
            let _ = writeln!(told, "  {} {what}: {}", thousands(rows.rows), keys(rows));
        }
    }
    for table in tables.iter().filter(|table| !table.columns.is_empty()) {
        let _ =
            writeln!(told, "{}: not compared, only one side has: {}", table.table, table.columns.join(", "));
    }
    if !only.is_empty() {
        let _ = writeln!(told, "Tables that only one side has: {}", only.join(", "));
    }
    if !told.is_empty() {
        told.push('\n');
    }
    let rows: u64 = tables.iter().map(|table| table.from).sum();
    let equal = tables.iter().filter(|table| table.equal).count() as u64;
    let _ = writeln!(
        told,
        "Compared {from} with {to} in {seconds:.1} s: {}, {}.",
        count(tables.len() as u64, "table"),
        count(rows, "row")
    );
    let all = tables.len() as u64 == equal;
    let _ = match all {
        true => writeln!(told, "Every row is the same on both sides."),
        false => writeln!(
            told,
            "{} of them differ. A row that has another id there is told as missing and as only there.",
            thousands(tables.len() as u64 - equal)
        ),
    };
    told
}

/// Rows that a migration has copied, as they are on both sides now.
pub fn carried(from: &str, to: &str, run: &RunId, (tables, rows): (usize, u64), unlike: &[Unlike]) -> String {
    let mut told = String::new();
    for table in unlike {
        let Unlike { table, from: ours, to: theirs } = table;
        let how = if ours == theirs {
            "with other values".to_owned()
        } else {
            format!("{} of them in {to}", thousands(*theirs))
        };
        let _ = writeln!(told, "{table}: {} in {from}, {how}", count(*ours, "row"));
    }
    if !unlike.is_empty() {
        let _ = writeln!(
            told,
            "Which rows those are, by their ids: --table {}\n",
            unlike.first().map_or("TABLE", |one| &one.table)
        );
    }
    let what = format!(
        "{} of {} that {run} copied from {from} to {to}",
        count(rows, "row"),
        count(tables as u64, "table")
    );
    let _ = match unlike.len() as u64 {
        0 => writeln!(told, "{what} are the same on both sides."),
        differ => writeln!(
            told,
            "{what}: {} differ. One of the two was written to since, or Odoo has computed there.",
            count(differ, "table")
        ),
    };
    told
}

fn keys(rows: &Differing) -> String {
    let more = if rows.rows > rows.keys.len() as u64 { ", …" } else { "" };
    let separator = if rows.keys.iter().any(|key| key.contains(", ")) { "; " } else { ", " };
    format!("{}{more}", rows.keys.join(separator))
}
