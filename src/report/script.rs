//! What a script did when it was rehearsed, for people.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use super::duration;
use super::findings::count;
use crate::base::size::{human, thousands};
use crate::facts::{Cascade, Rehearsal};

/// How many tables are told by name where many have the same lock.
const TOLD: usize = 8;

/// What it did.
pub fn rehearsal(seen: &Rehearsal) -> String {
    let took = duration(Duration::from_millis(seen.took_ms));
    let ran = count(seen.statements, "statement");
    let mut text = format!("Rehearsed in {}: {ran} in {took}, rolled back.\n\n", seen.database);
    tables(seen, &mut text);
    cascades(seen, &mut text);
    triggers(seen, &mut text);
    locks(seen, &mut text);
    let lists = [
        ("Breaks what has to hold", &seen.broken),
        ("Alters definitions", &seen.definitions),
        ("Cannot be taken back", &seen.without_undo()),
    ];
    for (heading, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        let _ = writeln!(text, "\n{heading}");
        for what in list {
            let _ = writeln!(text, "  {what}");
        }
    }
    let wal = human(seen.wal_bytes);
    let _ = writeln!(text, "\nThe server's log grew by {wal} meanwhile, what others wrote included.");
    text.push_str(
        "The rehearsal leaves a transaction id that is used up, and room for VACUUM where it wrote rows.\n",
    );
    if !seen.sequences.is_empty() {
        let _ = writeln!(text, "Sequences stay where it has brought them: {}.", seen.sequences.join(", "));
    }
    for note in &seen.notes {
        let _ = writeln!(text, "{note}");
    }
    text
}

fn tables(seen: &Rehearsal, text: &mut String) {
    if seen.tables.is_empty() {
        text.push_str("No row would be touched.\n");
        return;
    }
    let width = seen.tables.keys().map(|name| name.chars().count()).max().unwrap_or_default().max(5);
    let emptied = seen.tables.values().any(|touched| touched.emptied > 0);
    let last = if emptied { "   emptied" } else { "" };
    let _ = writeln!(text, "  {:width$}  inserted   updated   deleted{last}", "table");
    for (name, touched) in &seen.tables {
        let [inserted, updated, deleted] =
            [touched.inserted, touched.updated, touched.deleted].map(thousands);
        let last = if emptied { format!("  {:>8}", thousands(touched.emptied)) } else { String::new() };
        let _ = writeln!(text, "  {name:width$}  {inserted:>8}  {updated:>8}  {deleted:>8}{last}");
    }
}

fn cascades(seen: &Rehearsal, text: &mut String) {
    if seen.cascades.is_empty() {
        return;
    }
    text.push_str("\nIn tables that the script does not name\n");
    for Cascade { table, updated, deleted, by } in &seen.cascades {
        let parts = [(*deleted, "deleted"), (*updated, "updated")];
        let parts = parts.iter().filter(|(rows, _)| *rows > 0);
        let parts: Vec<String> = parts.map(|(rows, what)| format!("{} {what}", thousands(*rows))).collect();
        let by = if by.is_empty() { "a trigger or a function".to_owned() } else { by.join("; ") };
        let _ = writeln!(text, "  {table}: {}, by {by}", parts.join(", "));
    }
}

fn triggers(seen: &Rehearsal, text: &mut String) {
    if seen.triggers.is_empty() {
        return;
    }
    text.push_str("\nTriggers\n");
    for trigger in &seen.triggers {
        let runs = if trigger.runs { "runs" } else { "does not run for this" };
        let _ =
            writeln!(text, "  {}: {} {runs}, it calls {}()", trigger.table, trigger.name, trigger.function);
    }
}

fn locks(seen: &Rehearsal, text: &mut String) {
    let mut by_mode: BTreeMap<&str, (usize, &str, Vec<&str>)> = BTreeMap::new();
    for (at, lock) in seen.locks.iter().enumerate() {
        by_mode.entry(&lock.mode).or_insert((at, &lock.blocks, Vec::new())).2.push(&lock.table);
    }
    let mut modes: Vec<_> = by_mode.into_iter().collect();
    modes.sort_by_key(|(_, (at, ..))| *at);
    if !modes.is_empty() {
        text.push_str("\nLocks, held until the script ends\n");
    }
    for (mode, (_, blocks, tables)) in modes {
        let more = tables.len().saturating_sub(TOLD);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let named = tables.iter().take(TOLD).copied().collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "  {mode}: {named}{more}; others wait with {blocks}");
    }
}
