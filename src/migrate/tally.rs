//! How many rows are new and how many are there already, of tables whose rows nothing counts by ids.

use std::collections::{BTreeMap, BTreeSet};

use super::inquiry::{Inquiry, Topic};
use super::request::{End, Told};
use super::rewrite::{Select, coming};
use crate::base::quote::ident;

/// Up to how many rows of a table between two others are looked at one by one.
const LOOKED_AT: u64 = 50_000;

/// What was counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// How many attachments come.
    pub attachments: Option<u64>,
    pairs: BTreeMap<(End, String), BTreeSet<Vec<Option<String>>>>,
}

impl Tally {
    pub fn take(&mut self, topic: Topic, told: Told) {
        match topic {
            Topic::Attached => {
                let count = told.into_iter().flatten().flatten().next();
                self.attachments = count.and_then(|count| count.parse().ok());
            }
            Topic::Pairs(end, table) => self.pairs.entry((end, table)).or_default().extend(told),
            _ => {}
        }
    }

    /// Rows of a table between two others: how many come, and how many of them are there already.
    pub fn between(&self, table: &str) -> Option<(u64, u64)> {
        let ours = self.pairs.get(&(End::From, table.to_owned()))?;
        let theirs = self.pairs.get(&(End::To, table.to_owned()));
        let both = theirs.map_or(0, |theirs| ours.intersection(theirs).count());
        Some((ours.len() as u64, both as u64))
    }
}

/// Asks for what is to be counted, where that is cheap.
pub(super) fn ask(inquiry: &mut Inquiry<'_>) {
    if inquiry.chosen.copied.contains_key("ir_attachment") {
        let sql = format!(
            "SELECT count(*)::text FROM ONLY ir_attachment t WHERE {}",
            coming(inquiry, "ir_attachment")
        );
        inquiry.ask(Topic::Attached, End::From, sql);
    }
    let mut asked = Vec::new();
    for table in &inquiry.chosen.between {
        let rows = [End::From, End::To].map(|end| inquiry.count(end, table).rows);
        let Some(between) = inquiry.refs.between.get(table) else { continue };
        if rows[0] == 0 || rows.iter().any(|rows| *rows > LOOKED_AT) {
            continue;
        }
        let sides: Vec<String> =
            between.sides.iter().map(|(column, _)| format!("{}::text", ident(column))).collect();
        let sides = sides.join(", ");
        let coming = Select::new(inquiry, table).sql(None);
        asked.push((End::From, table.clone(), format!("SELECT {sides} FROM ({coming}) t")));
        if rows[1] > 0 {
            asked.push((End::To, table.clone(), format!("SELECT {sides} FROM ONLY {} t", ident(table))));
        }
    }
    for (end, table, sql) in asked {
        inquiry.ask(Topic::Pairs(end, table), end, sql);
    }
}
