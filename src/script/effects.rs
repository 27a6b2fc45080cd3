//! What a rehearsal means: what goes by reference, which triggers run, whether two runs did the same.

use std::collections::{BTreeMap, BTreeSet};

use super::examine::Script;
use crate::facts::{Cascade, Rehearsal, Tie, Touched, Trigger};

/// How many rows can be put back at most: they are kept in memory.
const MOST: u64 = 1_000_000;

/// What goes by reference in tables that the script does not name.
pub fn cascades(tables: &BTreeMap<String, Touched>, ties: &[Tie], script: &Script) -> Vec<Cascade> {
    let unnamed =
        tables.iter().filter(|(table, touched)| !script.says(table) && touched.updated + touched.deleted > 0);
    let told = |(table, touched): (&String, &Touched)| {
        let by = ties.iter().filter(|tie| tie.table == *table && goes(tie, touched, tables.get(&tie.to)));
        let by: Vec<String> = by.map(Tie::told).collect();
        Cascade { table: table.clone(), updated: touched.updated, deleted: touched.deleted, by }
    };
    unnamed.map(told).collect()
}

/// Whether rows go, or are written, by this reference.
fn goes(tie: &Tie, touched: &Touched, to: Option<&Touched>) -> bool {
    let Some(to) = to else { return false };
    let written = matches!(tie.on_delete, 'n' | 'd') && to.deleted > 0
        || matches!(tie.on_update, 'c' | 'n' | 'd') && to.updated > 0;
    touched.deleted > 0 && tie.on_delete == 'c' && to.deleted > 0 || touched.updated > 0 && written
}

/// What of the trigger's events happened: PostgreSQL's bits of it, and whether it is switched on.
pub fn firing(events: i16, enabled: bool, touched: &Touched) -> bool {
    let happened =
        [(4, touched.inserted), (8, touched.deleted), (16, touched.updated), (32, touched.emptied)];
    enabled && happened.iter().any(|(bit, rows)| events & bit != 0 && *rows > 0)
}

/// Where two runs did not do the same, in phrases.
pub fn differences(shown: &BTreeMap<String, Touched>, done: &BTreeMap<String, Touched>) -> Vec<String> {
    let names: BTreeSet<&String> = shown.keys().chain(done.keys()).collect();
    let of = |all: &BTreeMap<String, Touched>, name: &String| all.get(name).copied().unwrap_or_default();
    let changed = names.into_iter().filter(|name| of(shown, name) != of(done, name));
    changed
        .map(|name| format!("{name}: now {}; when it was shown, {}", of(done, name), of(shown, name)))
        .collect()
}

/// What is defined in one of two lists only.
pub fn unlike(shown: &[String], done: &[String]) -> Vec<String> {
    let only = |one: &[String], other: &[String]| -> Vec<String> {
        one.iter().filter(|what| !other.contains(what)).cloned().collect()
    };
    let gone = only(shown, done).into_iter().map(|what| format!("{what} would not be altered any more"));
    only(done, shown).into_iter().map(|what| format!("{what} would be altered, too")).chain(gone).collect()
}

impl Rehearsal {
    /// Why what it does cannot be taken back row by row; empty where it can.
    pub fn without_undo(&self) -> Vec<String> {
        let mut why = self.keyless.clone();
        if !self.definitions.is_empty() {
            why.push(format!("it alters definitions: {}", self.definitions.join(", ")));
        }
        let rows: u64 = self.tables.values().map(Touched::rows).sum();
        if rows > MOST {
            why.push(format!("it touches {rows} rows, and at most {MOST} are kept"));
        }
        why
    }

    /// The triggers that run.
    pub fn fired(&self) -> impl Iterator<Item = &Trigger> {
        self.triggers.iter().filter(|trigger| trigger.runs)
    }
}
