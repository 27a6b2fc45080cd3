//! The order in which tables are copied: those that are referred to first.

use std::collections::{BTreeMap, BTreeSet};

use super::inquiry::Inquiry;

/// The tables in their order, and for each the columns that lead to tables behind it.
pub(super) fn order(inquiry: &Inquiry<'_>) -> (Vec<String>, BTreeMap<String, Vec<String>>) {
    let tables: BTreeSet<&str> = inquiry.chosen.tables().map(String::as_str).collect();
    let edges = inquiry.to.wiring.references.iter().filter(|reference| {
        let (table, to) = (reference.table.as_str(), reference.to.as_str());
        // Rows that the target has already can be referred to at any time.
        table != to && tables.contains(table) && tables.contains(to) && inquiry.brings(to)
    });
    let edges = edges.map(|edge| Edge {
        table: &edge.table,
        column: &edge.column,
        to: &edge.to,
        needed: !edge.nullable,
    });
    arrange(&tables, &edges.collect::<Vec<_>>())
}

/// A reference from one table to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge<'a> {
    /// The table that refers.
    pub table: &'a str,
    /// Its column.
    pub column: &'a str,
    /// The other one.
    pub to: &'a str,
    /// Whether it has to lead somewhere.
    pub needed: bool,
}

/// Of tables in a circle, the one with the fewest references to those that wait comes first; of those that have to lead somewhere
/// before all others.
pub(super) fn arrange(
    tables: &BTreeSet<&str>,
    edges: &[Edge<'_>],
) -> (Vec<String>, BTreeMap<String, Vec<String>>) {
    let mut waiting = tables.clone();
    let (mut ordered, mut ahead) = (Vec::new(), BTreeMap::new());
    while !waiting.is_empty() {
        let mut open: BTreeMap<&str, (usize, usize)> = waiting.iter().map(|table| (*table, (0, 0))).collect();
        for edge in edges.iter().filter(|edge| waiting.contains(edge.to)) {
            if let Some((needed, all)) = open.get_mut(edge.table) {
                *needed += usize::from(edge.needed);
                *all += 1;
            }
        }
        let free: Vec<&str> =
            open.iter().filter(|(_, open)| **open == (0, 0)).map(|(table, _)| *table).collect();
        let next = match free.is_empty() {
            false => free,
            true => open.iter().min_by_key(|(_, open)| **open).map(|(table, _)| *table).into_iter().collect(),
        };
        for table in &next {
            waiting.remove(table);
        }
        for table in next {
            let columns: BTreeSet<&str> = edges
                .iter()
                .filter(|edge| edge.table == table && waiting.contains(edge.to))
                .map(|edge| edge.column)
                .collect();
            if !columns.is_empty() {
                ahead.insert(table.to_owned(), columns.into_iter().map(str::to_owned).collect());
            }
            ordered.push(table.to_owned());
        }
    }
    (ordered, ahead)
}
