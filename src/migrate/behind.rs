//! References to rows that stay behind because their ids are other rows' on the target: they become nothing, where they can.

use super::inquiry::{Inquiry, Topic};
use super::refs::Way;
use super::request::{End, Told};
use super::rewrite;
use crate::base::quote::{id_array, ident, literal};

/// References to rows that stay behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lost {
    /// The column: `product_template.categ_id`.
    pub at: String,
    /// The table that it leads to.
    pub to: String,
    /// How many rows refer so.
    pub rows: u64,
    /// The first of them: which row, and which one it refers to.
    pub first: String,
    /// Whether the column may not be empty.
    pub required: bool,
}

/// Asks which rows that come refer to those.
pub(super) fn ask(inquiry: &mut Inquiry<'_>) {
    let mut asked = Vec::new();
    for table in inquiry.chosen.copied.keys() {
        let coming = rewrite::coming(inquiry, table);
        let refs = inquiry.refs.of.get(table).into_iter().flatten().enumerate();
        let parts: Vec<String> = refs
            .filter_map(|(number, reference)| {
                let to = reference.to.as_deref().filter(|_| reference.way == Way::Id)?;
                let behind = &inquiry.fates.get(to)?.behind;
                let column = ident(&reference.column);
                (!behind.is_empty()).then(|| {
                    format!(
                        "SELECT '{number}', {}, count(*)::text, array_to_string((array_agg(t.id || ' to ' || t.{column} ORDER BY t.id))[1:5], ', ') \
                         FROM ONLY {} t WHERE {coming} AND t.{column}::bigint = ANY ({}) HAVING count(*) > 0",
                        literal(to),
                        ident(table),
                        id_array(behind)
                    )
                })
            })
            .collect();
        if !parts.is_empty() {
            asked.push((Topic::Behind(table.clone()), parts.join(" UNION ALL ")));
        }
    }
    for (topic, sql) in asked {
        inquiry.ask(topic, End::From, sql);
    }
}

/// What was told of them.
pub(super) fn take(inquiry: &mut Inquiry<'_>, table: &str, told: Told) {
    for row in told {
        let [Some(number), Some(to), Some(rows), Some(first)] = row.as_slice() else { continue };
        let (Ok(number), Ok(rows)) = (number.parse::<usize>(), rows.parse()) else { continue };
        let reference = inquiry.refs.of.get(table).and_then(|all| all.get(number));
        let Some(reference) = reference else { continue };
        inquiry.lost.push(Lost {
            at: format!("{table}.{}", reference.column),
            to: to.clone(),
            rows,
            first: first.clone(),
            required: reference.required,
        });
    }
}
