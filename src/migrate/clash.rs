//! What has to be unique and would not be any more: rows that come, against rows of the target.
//!
//! Each side is asked once about each unique index, however many rows there are: for digests of keys with the ids of their rows, first
//! the side that has fewer rows. The values themselves are asked for of rows that meet.

use std::collections::BTreeMap;

use super::decision::Clash;
use super::inquiry::{Inquiry, Topic};
use super::pairing::Fates;
use super::request::{End, Told};
use super::rewrite::Select;
use super::transfer::new_come_first;
use crate::base::quote::{id_array, ident};
use crate::facts::UniqueSeen;

/// Up to how many keys of one side the other one is asked for by name.
const NAMED: usize = 50_000;

/// How many hexadecimal digits a digest has: those of a `u64`.
const DIGITS: usize = 16;

/// How many ids in a row are one line of an answer.
const LINE: u64 = 100_000;

/// A table and a unique index of it.
type Place = (String, String);

/// The digests of keys, each with the id of its row as the target has it; in their order.
type Keys = Vec<(u64, i64)>;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Clashes {
    keys: BTreeMap<(End, Place), Keys>,
    /// Rows that may not be beside each other.
    pub found: Vec<Clash>,
}

impl Clashes {
    /// Takes digests of keys.
    pub fn keyed(&mut self, end: End, place: Place, told: Told) {
        let mut keys: Keys = Vec::new();
        for line in told.into_iter().flatten().flatten() {
            keys.extend(line.split(' ').filter_map(|key| {
                let (digest, id) = key.split_at_checked(DIGITS)?;
                Some((u64::from_str_radix(digest, 16).ok()?, id.parse().ok()?))
            }));
        }
        keys.sort_unstable();
        self.keys.insert((end, place), keys);
    }

    /// Takes the values of the target's rows that meet others.
    pub fn valued(&mut self, place: &Place, told: Told) {
        let values: BTreeMap<i64, String> = told
            .into_iter()
            .filter_map(|row| {
                let [id, value] = <[Option<String>; 2]>::try_from(row).ok()?;
                Some((id?.parse().ok()?, value?))
            })
            .collect();
        let mine = |clash: &&mut Clash| clash.table == place.0 && clash.index == place.1;
        for clash in self.found.iter_mut().filter(mine) {
            clash.value = values.get(&clash.to).cloned().unwrap_or_default();
        }
    }

    /// Finds the rows of an index that meet. `new_first`: whether new rows come before those that are there are altered.
    fn meet(&mut self, place: &Place, fates: &Fates, new_first: bool) {
        let mut keys = |end| self.keys.remove(&(end, place.clone())).unwrap_or_default();
        let (ours, theirs) = (keys(End::From), keys(End::To));
        let mut sources: BTreeMap<i64, i64> = fates.renumbered.iter().map(|(id, to)| (*to, *id)).collect();
        sources.extend(fates.pairs.iter().map(|(id, to)| (*to, *id)));
        let written = |id: i64| {
            sources.get(&id).copied().filter(|from| fates.pairs.contains_key(from) && !fates.stays(*from))
        };
        for (digest, id) in ours {
            let from = theirs.partition_point(|(other, _)| *other < digest);
            let alike = theirs.iter().skip(from).take_while(|(other, _)| *other == digest);
            for (_, to) in alike.filter(|(_, to)| *to != id) {
                let becomes = written(*to);
                // Rows that are there are altered in no order that anybody knows, and PostgreSQL looks at each as it is.
                if becomes.is_some() && written(id).is_none() && !new_first {
                    continue;
                }
                let (table, index) = place.clone();
                let from = sources.get(&id).copied().unwrap_or(id);
                self.found.push(Clash { table, index, from, to: *to, becomes, value: String::new() });
            }
        }
        self.found
            .sort_by(|a, b| (&a.table, &a.index, a.from, a.to).cmp(&(&b.table, &b.index, b.from, b.to)));
    }
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

/// The side that is asked about a table first, and the other one.
fn sides(inquiry: &Inquiry<'_>, table: &str) -> (End, End) {
    match inquiry.count(End::From, table).rows < inquiry.count(End::To, table).rows {
        true => (End::From, End::To),
        false => (End::To, End::From),
    }
}

/// A question for digests of keys; `known`: of these alone.
fn digests(
    inquiry: &Inquiry<'_>,
    end: End,
    table: &str,
    unique: &UniqueSeen,
    known: Option<&Keys>,
) -> String {
    let (value, has_key) = key(unique);
    let digest = format!("left(md5({value}), {DIGITS})");
    let rows = match end {
        End::From => format!("({})", Select::new(inquiry, table).sql(None)),
        End::To => format!("ONLY {}", ident(table)),
    };
    let known = known.map(|keys| {
        let keys: Vec<String> = keys.iter().map(|(digest, _)| format!("{digest:016x}")).collect();
        format!(" AND {digest} IN (SELECT unnest('{{{}}}'::text[]))", keys.join(","))
    });
    format!(
        "SELECT string_agg({digest} || t.id, ' ') FROM {rows} t WHERE {has_key}{} GROUP BY t.id / {LINE}",
        known.unwrap_or_default()
    )
}

/// Asks the sides that have fewer rows.
pub(super) fn ask_first(inquiry: &mut Inquiry<'_>) {
    for (table, unique) in indexes(inquiry) {
        let (end, _) = sides(inquiry, &table);
        let sql = digests(inquiry, end, &table, &unique, None);
        inquiry.ask(Topic::Keyed(end, (table, unique.name)), end, sql);
    }
}

/// Asks the others.
pub(super) fn ask_second(inquiry: &mut Inquiry<'_>) {
    for (table, unique) in indexes(inquiry) {
        let (first, end) = sides(inquiry, &table);
        let place = (table, unique.name.clone());
        let Some(known) = inquiry.clashes.keys.get(&(first, place.clone())).filter(|keys| !keys.is_empty())
        else {
            continue;
        };
        let known = Some(known).filter(|known| known.len() <= NAMED);
        let sql = digests(inquiry, end, &place.0, &unique, known);
        inquiry.ask(Topic::Keyed(end, place), end, sql);
    }
}

/// Asks what rows that meet have.
pub(super) fn ask_values(inquiry: &mut Inquiry<'_>) {
    for (table, unique) in indexes(inquiry) {
        let fates = inquiry.fates.get(&table).cloned().unwrap_or_default();
        let new_first = new_come_first(inquiry, &table);
        let place = (table, unique.name.clone());
        let known = inquiry.clashes.found.len();
        inquiry.clashes.meet(&place, &fates, new_first);
        if inquiry.clashes.found.len() == known {
            continue;
        }
        let mine = |clash: &&Clash| clash.table == place.0 && clash.index == place.1;
        let ids = inquiry.clashes.found.iter().filter(mine).map(|clash| clash.to);
        let sql = format!(
            "SELECT t.id::text, {} FROM ONLY {} t WHERE t.id = ANY ({})",
            key(&unique).0,
            ident(&place.0),
            id_array(ids)
        );
        inquiry.ask(Topic::Valued(place), End::To, sql);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_and_what_is_given_up_too_late_may_not_be_met() {
        let mut fates = Fates::default();
        fates.pairs.extend([(1, 11), (2, 12)]);
        fates.renumbered.insert(3, 13);
        // Rows that come and rows of the target, each with the digest of its key; whether new ones come first; what is told.
        type Case<'a> = (&'a str, &'a [(u64, i64)], &'a [(u64, i64)], bool, &'a [(i64, i64, Option<i64>)]);
        let cases: [Case<'_>; 7] = [
            ("the same", &[(7, 11), (8, 12)], &[(7, 11), (8, 12)], true, &[]),
            (
                "one that stays",
                &[(7, 13), (8, 4)],
                &[(7, 20), (8, 21)],
                false,
                &[(3, 20, None), (4, 21, None)],
            ),
            (
                "a swap",
                &[(7, 12), (8, 11)],
                &[(7, 11), (8, 12)],
                false,
                &[(1, 12, Some(2)), (2, 11, Some(1))],
            ),
            ("a chain", &[(8, 11), (9, 12)], &[(7, 11), (8, 12)], false, &[(1, 12, Some(2))]),
            ("a new one, after", &[(7, 13)], &[(7, 11)], false, &[]),
            ("a new one, before", &[(7, 13)], &[(7, 11)], true, &[(3, 11, Some(1))]),
            ("none alike", &[(6, 13)], &[(7, 11)], true, &[]),
        ];
        for (what, ours, theirs, new_first, want) in cases {
            let place = ("a".to_owned(), "i".to_owned());
            let mut clashes = Clashes::default();
            for (end, keys) in [(End::From, ours), (End::To, theirs)] {
                let line: Vec<String> =
                    keys.iter().map(|(digest, id)| format!("{digest:016x}{id}")).collect();
                clashes.keyed(end, place.clone(), vec![vec![Some(line.join(" "))]]);
            }
            clashes.meet(&place, &fates, new_first);
            let found: Vec<_> = clashes.found.iter().map(|one| (one.from, one.to, one.becomes)).collect();
            assert_eq!(found, want, "{what}");
        }
    }

    #[test]
    fn rows_that_are_kept_give_nothing_up() {
        let mut fates = Fates { keep: true, ..Fates::default() };
        fates.pairs.insert(1, 11);
        let place = ("a".to_owned(), "i".to_owned());
        let mut clashes = Clashes::default();
        clashes.keyed(End::From, place.clone(), vec![vec![Some(format!("{:016x}4", 7))]]);
        clashes.keyed(End::To, place.clone(), vec![vec![Some(format!("{:016x}11", 7))]]);
        clashes.meet(&place, &fates, false);
        assert_eq!(clashes.found.iter().map(|one| one.becomes).collect::<Vec<_>>(), [None]);
        clashes.valued(&place, vec![vec![Some("11".to_owned()), Some("[\"x\"]".to_owned())]]);
        assert_eq!(clashes.found[0].value, "[\"x\"]");
    }
}
