//! Ids inside texts: domains and defaults as Python writes them. Nobody rewrites those; who has them is told.

use std::collections::{BTreeMap, BTreeSet};

use super::inquiry::{Inquiry, Topic};
use super::request::{End, Told};
use super::rewrite::{changes, coming};
use crate::base::quote::{ident, literal};
use crate::facts::TableSeen;
use crate::odoo::Literal;

/// Columns that say what model a text of a row is about: its name, or the id of one.
const MODELS: [&str; 5] = ["alias_model_id", "model_id", "res_model", "model_name", "model"];

/// How the keys of contexts begin that are fields.
const PREFIXES: [&str; 2] = ["search_default_", "default_"];

/// A text of a row.
#[derive(Clone, Debug)]
struct Found {
    row: i64,
    model: String,
    text: String,
}

/// Texts with ids in them, by table and column.
#[derive(Debug, Default)]
pub(super) struct Texts(BTreeMap<(String, String), Vec<Found>>);

impl Texts {
    pub fn take(&mut self, table: String, told: Told) {
        for row in told {
            let [Some(column), Some(row), Some(model), Some(text)] = row.as_slice() else { continue };
            let Ok(row) = row.parse() else { continue };
            let found = Found { row, model: model.clone(), text: text.clone() };
            self.0.entry((table.clone(), column.clone())).or_default().push(found);
        }
    }
}

/// Asks for texts that may have ids in them, where any id becomes another one.
pub(super) fn ask(inquiry: &mut Inquiry<'_>) {
    if !inquiry.fates.values().any(|fates| !fates.changes().is_empty()) {
        return;
    }
    let mut asked = Vec::new();
    for table in inquiry.chosen.copied.keys() {
        let Some(seen) = inquiry.from.wiring.catalog.tables.get(table) else { continue };
        let coming = coming(inquiry, table);
        let columns = seen.columns.iter().filter(|(name, kind)| has_ids(name, kind));
        let parts = columns.filter_map(|(name, _)| {
            let (model, column) = (model(name, seen)?, ident(name));
            Some(format!(
                "SELECT {}, t.id::text, {model}, t.{column}::text FROM ONLY {} t WHERE {coming} AND t.{column} ~ '[1-9]'",
                literal(name),
                ident(table)
            ))
        });
        let parts: Vec<String> = parts.collect();
        if !parts.is_empty() {
            asked.push((table.clone(), parts.join(" UNION ALL ")));
        }
    }
    for (table, sql) in asked {
        inquiry.ask(Topic::Texts(table), End::From, sql);
    }
}

fn has_ids(name: &str, kind: &str) -> bool {
    let is_text = kind == "text" || kind.starts_with("character");
    is_text && (name == "alias_defaults" || name == "context" || name.ends_with("domain"))
}

/// What model a text is about, as an expression on the row `t`.
fn model(name: &str, seen: &TableSeen) -> Option<String> {
    if name.contains("product") {
        return Some("'product.product'".to_owned());
    }
    let column = MODELS.into_iter().find(|column| seen.columns.contains_key(*column))?;
    Some(match seen.columns.get(column)?.as_str() {
        "integer" => format!("(SELECT m.model::text FROM ir_model m WHERE m.id = t.{})", ident(column)),
        _ => format!("t.{}::text", ident(column)),
    })
}

/// Texts that name rows by ids that are others on the target.
pub(super) fn warnings(inquiry: &Inquiry<'_>) -> Vec<String> {
    let mut changed: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
    let mut is_other = |table: &str, id: i64| {
        let known = changed.entry(table.to_owned());
        known.or_insert_with(|| changes(inquiry, table).into_keys().collect()).contains(&id)
    };
    let mut found = Vec::new();
    for ((table, column), texts) in &inquiry.texts.0 {
        let (mut rows, mut to) = (Vec::new(), BTreeSet::new());
        for text in texts {
            let Ok(value) = Literal::parse(&text.text) else { continue };
            let mut named = Vec::new();
            ids(inquiry, &text.model, &value, &mut named);
            named.retain(|(table, id)| is_other(table, *id));
            if !named.is_empty() {
                rows.push(text.row);
                to.extend(named.into_iter().map(|(table, _)| table));
            }
        }
        if rows.is_empty() {
            continue;
        }
        let first: Vec<String> = rows.iter().take(5).map(i64::to_string).collect();
        let (many, to) = (rows.len() as u64, to.into_iter().collect::<Vec<_>>().join(", "));
        found.push(format!(
            "{table}.{column} names rows of {to} by ids that are others on the target, in {} of the source ({}{}): no text is rewritten, put \
             them right there",
            super::blocks::rows(many),
            first.join(", "),
            if rows.len() > first.len() { " and more" } else { "" }
        ));
    }
    found
}

/// The rows that a domain, a context or defaults of a model name: tables and ids.
fn ids(inquiry: &Inquiry<'_>, model: &str, value: &Literal, found: &mut Vec<(String, i64)>) {
    if let Literal::Dict(pairs) = value {
        for (key, value) in pairs {
            let Some(name) = key.text() else { continue };
            let field = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
            named(inquiry, model, field, value, found);
        }
        return;
    }
    for term in value.items().unwrap_or_default() {
        if let Some([field, _, value]) = term.items()
            && let Some(path) = field.text()
        {
            named(inquiry, model, path, value, found);
        }
    }
}

/// The rows that a value of a field names, whose path leads from a model: `order_id.partner_id`.
fn named(inquiry: &Inquiry<'_>, model: &str, path: &str, value: &Literal, found: &mut Vec<(String, i64)>) {
    let wiring = &inquiry.from.wiring;
    let mut model = model;
    for name in path.split('.').filter(|name| *name != "id") {
        let field = wiring.catalog.fields.get(model).and_then(|fields| fields.get(name));
        let Some(to) = field.and_then(|field| field.relation.as_deref()) else { return };
        model = to;
    }
    let Some((table, _)) = wiring.table_of(model) else { return };
    let values = match value.items() {
        Some(values) => values,
        None => std::slice::from_ref(value),
    };
    for value in values {
        match value {
            Literal::Number(number) => found.extend(number.parse().ok().map(|id| (table.clone(), id))),
            // Commands of x2many fields, (6, 0, [ids]): what is in them is told as well.
            Literal::List(_) | Literal::Tuple(_) => {
                let inner = value.items().unwrap_or_default().iter().filter_map(Literal::items).flatten();
                let inner = inner.filter_map(|id| match id {
                    Literal::Number(number) => number.parse().ok(),
                    _ => None,
                });
                found.extend(inner.map(|id| (table.clone(), id)));
            }
            _ => {}
        }
    }
}
