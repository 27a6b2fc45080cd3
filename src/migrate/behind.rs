//! References to rows that stay behind, because their ids are other rows' on the target or because what they belong to stays: they become
//! nothing, where they can.

use std::collections::BTreeSet;

use super::inquiry::{Inquiry, Topic};
use super::refs::{Ref, Way};
use super::request::{End, Told};
use super::rewrite;
use crate::base::quote::{id_array, ident, literal};

/// The table of attachments.
const ATTACHMENTS: &str = "ir_attachment";

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
    /// Of attachments, the tables whose rows they belong to.
    pub of: BTreeSet<String>,
}

/// Asks which rows that come refer to those.
pub(super) fn ask(inquiry: &mut Inquiry<'_>) {
    let mut asked = Vec::new();
    for table in inquiry.chosen.copied.keys() {
        let refs = inquiry.refs.of.get(table).into_iter().flatten().enumerate();
        let parts: Vec<String> =
            refs.filter_map(|(number, reference)| question(inquiry, table, number, reference)).collect();
        if !parts.is_empty() {
            asked.push((Topic::Behind(table.clone()), parts.join(" UNION ALL ")));
        }
    }
    for (topic, sql) in asked {
        inquiry.ask(topic, End::From, sql);
    }
}

/// A question for the number of a reference, the table that it leads to, how many rows refer so, the first of them, and what attachments
/// are of; nothing where no row stays behind that it could lead to.
fn question(inquiry: &Inquiry<'_>, table: &str, number: usize, reference: &Ref) -> Option<String> {
    let behind = |to: &str| inquiry.fates.get(to).map(|fates| &fates.behind).filter(|ids| !ids.is_empty());
    let coming = || rewrite::coming(inquiry, table);
    let name = ident(table);
    let column = format!("t.{}", ident(&reference.column));
    let told = |to: &str, row: &str, id: &str, of: &str| {
        format!(
            "SELECT '{number}', {to}, count(DISTINCT {row})::text, \
             array_to_string((array_agg({row} || ' to ' || {id} ORDER BY {row}))[1:5], ', '), {of}"
        )
    };
    let nobody = "NULL::text";
    match (&reference.way, reference.to.as_deref()) {
        (Way::Id, Some(to)) => {
            let model = format!("(SELECT a.res_model::text FROM ONLY {ATTACHMENTS} a WHERE a.id = {column})");
            let of = match to == ATTACHMENTS && inquiry.from.wiring.catalog.has(to, "res_model") {
                true => format!("string_agg(DISTINCT {model}, ',')"),
                false => nobody.to_owned(),
            };
            let ids = id_array(behind(to)?);
            let (told, coming) = (told(&literal(to), "t.id", &column, &of), coming());
            Some(format!(
                "{told} FROM ONLY {name} t WHERE {coming} AND {column}::bigint = ANY ({ids}) HAVING count(*) > 0"
            ))
        }
        (Way::Values | Way::Keys, Some(to)) => {
            let ids = id_array(behind(to)?);
            let value = if reference.way == Way::Keys { "e.key" } else { "e.value" };
            let (told, coming) = (told(&literal(to), "t.id", value, nobody), coming());
            Some(format!(
                "{told} FROM ONLY {name} t CROSS JOIN LATERAL jsonb_each_text(CASE jsonb_typeof({column}) WHEN 'object' THEN {column} END) e \
                 WHERE {coming} AND {value} = ANY (({ids})::text[]) HAVING count(*) > 0"
            ))
        }
        (Way::Any(loose), _) => {
            let wiring = &inquiry.from.wiring;
            let rows: Vec<String> = wiring
                .models
                .iter()
                .filter_map(|model| {
                    let (to, _) = wiring.table_of(model)?;
                    let ids = id_array(behind(&to)?);
                    Some(format!("SELECT {}, {}, unnest({ids})", literal(model), literal(&to)))
                })
                .collect();
            (!rows.is_empty()).then(|| {
                let told = told("x.place", "s.row", "s.ref", nobody);
                loose.among(
                    table,
                    &coming(),
                    &told,
                    &format!("({}) x(model, place, id)", rows.join(" UNION ALL ")),
                )
            })
        }
        _ => None,
    }
}

/// What was told of them.
pub(super) fn take(inquiry: &mut Inquiry<'_>, table: &str, told: Told) {
    for row in told {
        let [Some(number), Some(to), Some(rows), Some(first), of] = row.as_slice() else { continue };
        let (Ok(number), Ok(rows)) = (number.parse::<usize>(), rows.parse()) else { continue };
        let reference = inquiry.refs.of.get(table).and_then(|all| all.get(number));
        let Some(reference) = reference else { continue };
        let models = of.iter().flat_map(|of| of.split(','));
        let of = models.filter_map(|model| Some(inquiry.from.wiring.table_of(model)?.0)).collect();
        inquiry.lost.push(Lost {
            at: format!("{table}.{}", reference.column),
            to: to.clone(),
            rows,
            first: first.clone(),
            // A value of a company becomes nothing within the column.
            required: reference.required && reference.way != Way::Values,
            of,
        });
    }
}
