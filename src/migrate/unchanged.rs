//! What has to be as it was when a plan is carried out, beside how many rows there are: what the source's rows refer to, and that a target
//! which nobody had worked with still is one.
//!
//! Ids are rewritten by lists, and one that is in none goes over as it is. A row that came to refer to another one since would refer to
//! whichever row of the target has that id.

use std::collections::BTreeMap;

use super::inquiry::{BUSINESS, Inquiry, Topic};
use super::numbering;
use super::refs::{AUDIT, Way};
use super::request::{End, Told};
use super::rewrite::coming;
use crate::base::quote::{id_array, ident};
use crate::facts::{Referring, Transfer};

/// Columns with ids in a text or in JSON, of which no field says so.
const WRITTEN: [&str; 2] = ["analytic_distribution", "combination_indices"];

/// What is known of it.
#[derive(Debug, Default)]
pub(super) struct Unchanged {
    /// By table: how many rows come, and the digest of what they refer to.
    referring: BTreeMap<String, (u64, String)>,
    /// By table of numbering: the sum of the target's next numbers.
    numbers: BTreeMap<String, String>,
}

impl Unchanged {
    pub fn take(&mut self, topic: Topic, told: Told) {
        let Some(row) = told.into_iter().next() else { return };
        match (topic, row.as_slice()) {
            (Topic::Referring(table), [Some(rows), Some(digest)]) => {
                self.referring.insert(table, (rows.parse().unwrap_or_default(), digest.clone()));
            }
            (Topic::NextNumbers(table), [Some(sum)]) => {
                self.numbers.insert(table, sum.clone());
            }
            _ => {}
        }
    }
}

/// Asks for it, in the moments that everything else was asked in.
pub(super) fn ask(inquiry: &mut Inquiry<'_>) {
    let there = |table: &&String| inquiry.from.wiring.catalog.tables.contains_key(*table);
    for table in inquiry.chosen.tables().filter(there).cloned().collect::<Vec<_>>() {
        let question = Referring::question(&referring(inquiry, &table));
        inquiry.ask(Topic::Referring(table), End::From, question);
    }
    for table in numbering::TABLES {
        // Where the target's own numbers stay, it may be at work with them.
        let comes = inquiry.fates.get(table).is_some_and(|fates| !fates.keep && !fates.pairs.is_empty());
        if comes && inquiry.to.wiring.catalog.has(table, "number_next") {
            inquiry.ask(Topic::NextNumbers(table.to_owned()), End::To, Transfer::next_numbers(table));
        }
    }
}

/// Adds it to what is copied.
pub(super) fn record(inquiry: &Inquiry<'_>, transfer: &mut Transfer) {
    for (table, (rows, digest)) in &inquiry.unchanged.referring {
        transfer.referring.push(Referring {
            table: table.clone(),
            query: referring(inquiry, table),
            rows: *rows,
            digest: digest.clone(),
        });
    }
    transfer.numbers = inquiry.unchanged.numbers.clone();
    // Of a target that is at work this was told and agreed to; whoever begins to work with one since was not asked.
    if inquiry.holds.iter().any(|held| held.table != "res_partner") {
        return;
    }
    let there = |table: &&str| inquiry.to.wiring.catalog.tables.contains_key(*table);
    for table in BUSINESS.into_iter().filter(there) {
        transfer.target.entry(table.to_owned()).or_default();
    }
}

/// The rows of the source that come: what tells them apart, and all that they refer to.
fn referring(inquiry: &Inquiry<'_>, table: &str) -> String {
    let catalog = &inquiry.from.wiring.catalog;
    let mut columns: Vec<String> = Vec::new();
    let mut add = |column: String| {
        if !columns.contains(&column) {
            columns.push(column);
        }
    };
    if catalog.has(table, "id") {
        add("t.\"id\"".to_owned());
    }
    for (column, _) in inquiry.refs.between.get(table).iter().flat_map(|between| &between.sides) {
        add(format!("t.{}", ident(column)));
    }
    for (number, reference) in inquiry.refs.of.get(table).into_iter().flatten().enumerate() {
        let column = format!("t.{}", ident(&reference.column));
        match (&reference.way, reference.to.as_deref()) {
            // Who wrote a row last changes with each of its values: as long as it is one of whom it is known who that is on the target.
            (Way::Id, Some(to)) if AUDIT.contains(&reference.column.as_str()) => {
                if !inquiry.chosen.whole(to) {
                    let known = id_array(inquiry.closure.known(table, number));
                    add(format!("CASE WHEN {column} = ANY ({known}) THEN NULL ELSE {column} END"));
                }
            }
            (Way::Any(loose), _) => {
                add(column);
                loose.written.model().into_iter().for_each(|model| add(model.to_owned()));
            }
            _ => add(column),
        }
    }
    for column in WRITTEN.into_iter().filter(|column| catalog.has(table, column)) {
        add(format!("t.{}", ident(column)));
    }
    let columns: Vec<String> =
        columns.iter().enumerate().map(|(at, column)| format!("{column} AS c{at}")).collect();
    format!("SELECT {} FROM ONLY {} t WHERE {}", columns.join(", "), ident(table), coming(inquiry, table))
}
