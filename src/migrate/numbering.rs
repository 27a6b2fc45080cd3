//! Numbering of documents: a target that is at work goes on with its own, and no number that is ahead is set back.

use std::collections::{BTreeMap, BTreeSet};

use super::inquiry::{Inquiry, Topic};
use super::request::{End, Shared, Told};
use crate::base::quote::{ident, literal};

/// The numbers of a sequence within a year or another time.
pub(super) const RANGES: &str = "ir_sequence_date_range";

/// The tables of numbering.
pub(super) const TABLES: [&str; 2] = ["ir_sequence", RANGES];

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
        let standard = said(&inquiry.side(end).sequences);
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
                    "SELECT {}, t.id::text, coalesce(CASE WHEN q.implementation = 'standard' THEN s.next END, t.number_next)::text \
                     FROM ONLY {} t JOIN ONLY ir_sequence q ON q.id = {of} LEFT JOIN ({standard}) s(name, next) ON s.name = {name}",
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

/// A query for what sequences will say next: their names and numbers. `pg_sequences` knows it of none that was set and not asked since,
/// as each one is whose next number a person has written down.
fn said(sequences: &BTreeSet<String>) -> String {
    let rows = sequences.iter().map(|name| {
        format!(
            "({}, (SELECT CASE WHEN is_called THEN last_value + (SELECT seqincrement FROM pg_sequence WHERE seqrelid = {}::regclass) \
             ELSE last_value END FROM {}))",
            literal(name),
            literal(&ident(name)),
            ident(name)
        )
    });
    let rows: Vec<String> = rows.collect();
    match rows.is_empty() {
        true => "SELECT NULL::text, NULL::bigint".to_owned(),
        false => format!("VALUES {}", rows.join(", ")),
    }
}

/// What a person says of a table; what is said of sequences is said of their ranges, too.
fn wished(inquiry: &Inquiry<'_>, table: &str) -> Option<Shared> {
    let shared = &inquiry.wanted.shared;
    shared.get(table).or_else(|| shared.get("ir_sequence")).copied()
}

/// Whether the target's own of a table may stay, which is decided only once it is known which rows are the same.
pub(super) fn may_stay(inquiry: &Inquiry<'_>, table: &str) -> bool {
    TABLES.contains(&table) && wished(inquiry, table) != Some(Shared::Take)
}

/// Decides whose numbering stays, once it is known which rows are the same.
pub(super) fn decide(inquiry: &mut Inquiry<'_>) {
    let why = why(inquiry);
    let mut any = false;
    for table in TABLES {
        let wish = wished(inquiry, table);
        let Some(fates) = inquiry.fates.get_mut(table) else { continue };
        match wish {
            Some(wish) => fates.keep = wish != Shared::Take,
            None if why.is_some() => {
                fates.keep = true;
                any |= !fates.pairs.is_empty();
            }
            None => {}
        }
    }
    inquiry.numbering.kept = why.filter(|_| any);
    leave(inquiry);
}

/// Ranges of sequences that stay as the target has them stay, too, and those that it has not stay behind, as those of sequences do that
/// stay behind: numbers of a time that it has not come to yet would go on where the source's are.
fn leave(inquiry: &mut Inquiry<'_>) {
    let Some(sequences) = inquiry.fates.get("ir_sequence") else { return };
    let rows = inquiry.rows.get(&(End::From, RANGES.to_owned()));
    let comes = |id: &i64| rows.and_then(|rows| rows.get(id)).is_some_and(|row| row.comes);
    let taken = inquiry.wanted.shared.get(RANGES) == Some(&Shared::Take);
    let stays = |of: i64| sequences.behind.contains(&of) || !taken && sequences.stays(of);
    let ranges = inquiry.kin.claims(End::From, RANGES, "ir_sequence");
    let left: BTreeSet<i64> = ranges.filter(|(of, id)| stays(*of) && comes(id)).map(|(_, id)| id).collect();
    if let Some(fates) = inquiry.fates.get_mut(RANGES) {
        fates.leave(&left);
    }
    inquiry.conflicts.retain(|conflict| conflict.table != RANGES || !left.contains(&conflict.id));
}

/// Why the target's numbering stays where nothing is said of it.
fn why(inquiry: &Inquiry<'_>) -> Option<String> {
    let work = inquiry.holds.iter().find(|held| held.table != "res_partner" && held.rows > 0);
    let work = work.map(|held| match held.rows {
        1 => format!("it holds 1 row of {}", held.table),
        rows => format!("it holds {rows} rows of {}", held.table),
    });
    work.or_else(|| {
        TABLES.iter().filter(|table| wished(inquiry, table).is_none()).find_map(|table| {
            let (id, (next, ours)) = ahead(inquiry, table).into_iter().next()?;
            Some(format!("{table} {id} of it goes on with {next}, the source's with {ours}"))
        })
    })
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
