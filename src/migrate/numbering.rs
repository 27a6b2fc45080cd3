//! Numbering of documents: a target that is at work goes on with its own, and no number that is ahead is set back.

use std::collections::BTreeMap;

use super::inquiry::{Inquiry, Topic};
use super::request::{End, Told};
use crate::base::quote::{ident, literal};

/// The tables of numbering.
pub(super) const TABLES: [&str; 2] = ["ir_sequence", "ir_sequence_date_range"];

/// What is known of it.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    /// By side and table: the next numbers of rows.
    next: BTreeMap<(End, String), BTreeMap<i64, i64>>,
    /// Why the target's own stays.
    pub kept: Option<String>,
}

impl Numbering {
    pub fn take(&mut self, end: End, told: Told) {
        for row in told {
            let [Some(table), Some(id), Some(next)] = row.as_slice() else { continue };
            let (Ok(id), Ok(next)) = (id.parse(), next.parse()) else { continue };
            self.next.entry((end, table.clone())).or_default().insert(id, next);
        }
    }

    fn next(&self, end: End, table: &str, id: i64) -> Option<i64> {
        self.next.get(&(end, table.to_owned()))?.get(&id).copied()
    }
}

/// Asks both sides for the next numbers.
pub(super) fn ask(inquiry: &mut Inquiry<'_>) {
    for end in [End::From, End::To] {
        let catalog = &inquiry.side(end).wiring.catalog;
        let parts: Vec<String> = TABLES
            .iter()
            .filter(|table| inquiry.chosen.copied.contains_key(**table) && catalog.has(table, "number_next"))
            .filter(|_| catalog.has("ir_sequence", "implementation"))
            .map(|table| {
                let padded = |id: &str| format!("lpad({id}::text, greatest(3, length({id}::text)), '0')");
                let (name, of) = if *table == "ir_sequence" {
                    (format!("'ir_sequence_' || {}", padded("t.id")), "t.id")
                } else {
                    let name =
                        format!("'ir_sequence_' || {} || '_' || {}", padded("t.sequence_id"), padded("t.id"));
                    (name, "t.sequence_id")
                };
                format!(
                    "SELECT {}, t.id::text, coalesce(CASE WHEN q.implementation = 'standard' THEN \
                     (SELECT coalesce(s.last_value + s.increment_by, s.start_value) FROM pg_sequences s \
                     WHERE s.schemaname = 'public' AND s.sequencename = {name}) END, t.number_next)::text \
                     FROM ONLY {} t JOIN ONLY ir_sequence q ON q.id = {of}",
                    literal(table),
                    ident(table)
                )
            })
            .collect();
        if !parts.is_empty() {
            inquiry.ask(Topic::Numbers(end), end, parts.join(" UNION ALL "));
        }
    }
}

/// Whether the target's own of a table may stay, which is decided only once it is known which rows are the same.
pub(super) fn may_stay(inquiry: &Inquiry<'_>, table: &str) -> bool {
    TABLES.contains(&table) && !inquiry.wanted.shared.contains_key(table)
}

/// Decides whose numbering stays, once it is known which rows are the same.
pub(super) fn decide(inquiry: &mut Inquiry<'_>) {
    if TABLES.iter().any(|table| inquiry.wanted.shared.contains_key(*table)) {
        return;
    }
    let work = inquiry.holds.iter().find(|held| held.table != "res_partner" && held.rows > 0);
    let work = work.map(|held| match held.rows {
        1 => format!("it holds 1 row of {}", held.table),
        rows => format!("it holds {rows} rows of {}", held.table),
    });
    let ahead = TABLES.iter().find_map(|table| {
        let (id, (next, ours)) = ahead(inquiry, table).into_iter().next()?;
        Some(format!("{table} {id} of it goes on with {next}, the source's with {ours}"))
    });
    let Some(why) = work.or(ahead) else { return };
    let mut any = false;
    for table in TABLES {
        if let Some(fates) = inquiry.fates.get_mut(table) {
            fates.keep = true;
            any |= !fates.pairs.is_empty();
        }
    }
    if any {
        inquiry.numbering.kept = Some(why);
    }
}

/// Rows of the target that are ahead: their ids with their next number and the source's.
fn ahead(inquiry: &Inquiry<'_>, table: &str) -> BTreeMap<i64, (i64, i64)> {
    let pairs = inquiry.fates.get(table).into_iter().flat_map(|fates| &fates.pairs);
    let found = pairs.filter_map(|(id, other)| {
        let ours = inquiry.numbering.next(End::From, table, *id)?;
        let theirs = inquiry.numbering.next(End::To, table, *other)?;
        (theirs > ours).then_some((*other, (theirs, ours)))
    });
    found.collect()
}

/// Rows of the source with the next number of the target's row that is ahead of them.
pub(super) fn floors(inquiry: &Inquiry<'_>, table: &str) -> BTreeMap<i64, Option<i64>> {
    if !TABLES.contains(&table) {
        return BTreeMap::new();
    }
    let ahead = ahead(inquiry, table);
    let pairs = inquiry.fates.get(table).into_iter().flat_map(|fates| &fates.pairs);
    pairs.filter_map(|(id, other)| Some((*id, Some(ahead.get(other)?.0)))).collect()
}
