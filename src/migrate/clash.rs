//! What has to be unique and would not be any more: rows of the target that stay, against rows that come.

use std::collections::BTreeMap;

use super::decision::Clash;
use super::inquiry::{Inquiry, Topic};
use super::request::{End, Told};
use super::rewrite::{Select, staying};
use crate::base::quote::{ident, literal};
use crate::facts::UniqueSeen;

/// How many keys one question names.
const CHUNK: usize = 10_000;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Clashes {
    /// By table and index: keys of rows that stay, with their ids.
    staying: BTreeMap<(String, String), BTreeMap<String, i64>>,
    /// Rows that may not be beside each other.
    pub found: Vec<Clash>,
}

impl Clashes {
    pub fn staying(&mut self, table: String, index: String, told: Told) {
        self.staying.entry((table, index)).or_default().extend(pairs(told));
    }

    pub fn coming(&mut self, table: &str, index: &str, told: Told) {
        let Some(staying) = self.staying.get(&(table.to_owned(), index.to_owned())) else { return };
        for (value, from) in pairs(told) {
            let Some(to) = staying.get(&value).copied() else { continue };
            let (table, index) = (table.to_owned(), index.to_owned());
            self.found.push(Clash { table, index, from, to, value });
        }
    }
}

fn pairs(told: Told) -> impl Iterator<Item = (String, i64)> {
    told.into_iter().filter_map(|row| {
        let [id, value] = <[Option<String>; 2]>::try_from(row).ok()?;
        Some((value?, id?.parse().ok()?))
    })
}

/// The key of a row `t`, and which rows have one.
fn key(unique: &UniqueSeen) -> (String, String) {
    let value = format!("jsonb_build_array({})::text", unique.terms.join(", "));
    let mut terms = vec![format!("({})", unique.predicate.as_deref().unwrap_or("true"))];
    if !unique.nulls_alike {
        terms.extend(unique.terms.iter().map(|term| format!("({term}) IS NOT NULL")));
    }
    (value, terms.join(" AND "))
}

/// The unique indexes of tables that are copied, but for those of ids.
fn indexes(inquiry: &Inquiry<'_>) -> Vec<(String, UniqueSeen)> {
    // Where columns differ the plan stops anyway, and an index may be of one that the other side lacks.
    let columns = |end: End, table: &String| {
        inquiry.side(end).wiring.catalog.tables.get(table).map(|seen| &seen.columns)
    };
    let alike = |table: &&String| columns(End::From, table) == columns(End::To, table);
    let tables = inquiry.chosen.copied.keys().filter(|table| inquiry.count(End::To, table).rows > 0);
    let tables = tables.filter(alike);
    let found = tables.flat_map(|table| {
        let unique = inquiry.to.structure.get(table).into_iter().flat_map(|seen| &seen.unique);
        let unique =
            unique.filter(|unique| !unique.primary && unique.terms != ["\"id\""] && unique.terms != ["id"]);
        unique.map(|unique| (table.clone(), unique.clone()))
    });
    found.collect()
}

/// What stays.
pub(super) fn ask_staying(inquiry: &mut Inquiry<'_>) {
    for (table, unique) in indexes(inquiry) {
        let (value, has_key) = key(&unique);
        let sql = format!(
            "SELECT t.id::text, {value} FROM ONLY {} t WHERE {has_key} AND {}",
            ident(&table),
            staying(inquiry, &table)
        );
        inquiry.ask(Topic::Staying(table, unique.name), End::To, sql);
    }
}

/// What comes with the same key.
pub(super) fn ask_coming(inquiry: &mut Inquiry<'_>) {
    let mut asked = Vec::new();
    for (table, unique) in indexes(inquiry) {
        let (value, has_key) = key(&unique);
        let Some(staying) = inquiry.clashes.staying.get(&(table.clone(), unique.name.clone())) else {
            continue;
        };
        if staying.is_empty() {
            continue;
        }
        let coming = Select::new(inquiry, &table).sql(None);
        for chunk in staying.keys().collect::<Vec<_>>().chunks(CHUNK) {
            let values: Vec<String> = chunk.iter().map(|value| literal(value)).collect();
            let sql = format!(
                "SELECT t.id::text, {value} FROM ({coming}) t WHERE {has_key} AND {value} = ANY (ARRAY[{}]::text[])",
                values.join(", ")
            );
            asked.push((Topic::Coming(table.clone(), unique.name.clone()), sql));
        }
    }
    for (topic, sql) in asked {
        inquiry.ask(topic, End::From, sql);
    }
}
