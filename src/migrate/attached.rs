//! Attachments and values by company (`ir_property`) of rows that stay as the target has them, or that stay behind: they stay as those do.

use std::collections::BTreeSet;

use super::inquiry::Inquiry;
use super::pairing::Paired;
use super::request::End;

/// The source's ids of those of a table, as long as keys of rows are the source's.
pub(super) fn staying(inquiry: &Inquiry<'_>, table: &str) -> BTreeSet<i64> {
    // What is in a key before it says whose the row is: of a value, its field.
    let before = match table {
        "ir_attachment" => 0,
        "ir_property" => 2,
        _ => return BTreeSet::new(),
    };
    let wiring = &inquiry.from.wiring;
    let stays = |key: &str| {
        let mut parts = key.split(['|', ',']).skip(before);
        let (table, _) = wiring.table_of(parts.next()?)?;
        let id: i64 = parts.next()?.parse().ok()?;
        Some(inquiry.fates.get(&table)?.stays(id))
    };
    let rows = inquiry.rows.get(&(End::From, table.to_owned()));
    let rows = rows.into_iter().flatten().filter(|(_, row)| row.comes);
    rows.filter(|(_, row)| row.key.as_deref().and_then(stays) == Some(true)).map(|(id, _)| *id).collect()
}

/// Leaves these as they are on the target, or behind where it has none like them.
pub(super) fn leave(staying: &BTreeSet<i64>, paired: &mut Paired) {
    paired.fates.leave(staying);
    paired.conflicts.retain(|conflict| !staying.contains(&conflict.id));
}
