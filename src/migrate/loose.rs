//! References whose model is written in the row: `res.partner,7`, or a model in one column and an id in another.
//!
//! Which models there are is asked first, and then a question for each of them, so that each can use its index.

use std::collections::BTreeSet;

use super::question::{Note, Question, Sort, Subject, as_id, first};
use crate::base::quote::{ident, literal};
use crate::facts::{Answer, FieldSeen, TableSeen, Wiring};

/// How a reference of this kind is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// Model and id in one text: `res.partner,7`.
    Text,
    /// An id, whose model is an expression on the row `t`.
    Beside(String),
    /// An id in JSON, whose model is an expression on the row `t`.
    Json(String),
}

impl Written {
    /// The expression on the row `t` that says which model, where that is beside the id.
    pub(super) fn model(&self) -> Option<&str> {
        match self {
            Self::Text => None,
            Self::Beside(model) | Self::Json(model) => Some(model),
        }
    }
}

/// A column, or two, that refer to rows of any model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loose {
    /// What it is.
    pub subject: Subject,
    /// The tables that it is read from.
    pub tables: Vec<String>,
    /// How many rows there are, as far as PostgreSQL knows.
    pub rows: u64,
    /// How it is written.
    pub(super) written: Written,
    /// The rows: `row`, `model`, `ref` the id, `said` what is written there for it; NULL where it refers to nothing.
    source: String,
}

impl Loose {
    /// The question which models it refers to: an answer for each, with its rows, and how many of them refer to one of the model's.
    pub fn models(&self) -> Question {
        Question {
            subject: self.subject.clone(),
            tables: self.tables.clone(),
            rows: self.rows,
            sql: format!(
                "SELECT count(*) AS rows, s.model::text AS row, \
                 (count(*) FILTER (WHERE s.said IS NOT NULL AND s.ref IS DISTINCT FROM 0))::text AS missing, NULL::text AS beside \
                 FROM ({}) s GROUP BY 2",
                self.source
            ),
        }
    }
}

impl Loose {
    /// Which rows it refers to: model, id, how many rows do; of rows for which the condition on `t` holds.
    pub(super) fn distinct(&self, table: &str, filter: &str) -> String {
        format!(
            "SELECT s.model::text, s.ref::text, count(*)::text FROM ({}) s WHERE s.ref > 0 AND s.model <> '' \
             AND EXISTS (SELECT FROM ONLY {} t WHERE t.id = s.row AND {filter}) GROUP BY 1, 2",
            self.source,
            ident(table),
        )
    }
}

impl Loose {
    /// What is `told` of the rows that refer to one of these and for which the condition on `t` holds; `these` have `model`, `place` and
    /// `id`.
    pub(super) fn among(&self, table: &str, filter: &str, told: &str, these: &str) -> String {
        format!(
            "{told} FROM ({}) s JOIN {these} ON x.model = s.model AND x.id = s.ref WHERE \
             EXISTS (SELECT FROM ONLY {} t WHERE t.id = s.row AND {filter}) GROUP BY x.place",
            self.source,
            ident(table),
        )
    }
}

/// Columns with names of models that go with a column `res_id`.
const MODELS: [&str; 4] = ["res_model", "model", "res_model_name", "model_name"];

/// Columns with ids of models that do, where no name is beside it.
const MODEL_IDS: [&str; 2] = ["res_model_id", "model_id"];

/// The references of this kind.
pub(super) fn loose(wiring: &Wiring, notes: &mut Vec<Note>) -> Vec<Loose> {
    let mut found = Vec::new();
    let fields = wiring.catalog.fields.iter().flat_map(|(model, fields)| {
        let permanent = !wiring.transient.contains(model);
        fields.iter().filter(move |_| permanent).map(move |(name, field)| (model, name, field))
    });
    for (model, name, field) in fields {
        let Some((table, seen)) = wiring.table_of(model) else { continue };
        if !field.stored || !seen.columns.contains_key(name) || !seen.columns.contains_key("id") {
            continue;
        }
        match field.ttype.as_str() {
            "reference" => {
                let source = text(&format!("ONLY {} t", ident(&table)), &format!("t.{}", ident(name)));
                found.push(made(Sort::Reference, [model, name, &table], seen, Written::Text, source));
            }
            _ if is_pair(name, field) => match pair(name, &table, seen, wiring) {
                Some((written, source)) => {
                    found.push(made(Sort::Many2oneReference, [model, name, &table], seen, written, source));
                }
                None if field.ttype == "integer" => {}
                None => notes.push(Note {
                    model: model.clone(),
                    field: Some(name.clone()),
                    why: "which column has its model is not known".to_owned(),
                }),
            },
            _ => {}
        }
    }
    let mut seen = BTreeSet::new();
    found.retain(|loose| seen.insert(loose.subject.at.clone()));
    if let Some(seen) = wiring.catalog.tables.get("ir_property") {
        for column in
            ["res_id", "value_reference"].into_iter().filter(|column| seen.columns.contains_key(*column))
        {
            let source = text("ir_property t", &format!("t.{}", ident(column)));
            let at = ["ir.property", column, "ir_property"];
            found.push(made(Sort::Property, at, seen, Written::Text, source));
        }
    }
    if let Some(seen) = wiring.catalog.tables.get("ir_default")
        && wiring.catalog.has("ir_default", "json_value")
        && wiring.catalog.has("ir_model_fields", "relation")
    {
        let value = "trim(both '\"' from t.json_value)";
        let source = format!(
            "SELECT t.id AS row, f.relation AS model, {} AS ref, nullif(nullif(nullif({value}, 'false'), 'null'), '') AS said \
             FROM ir_default t JOIN ir_model_fields f ON f.id = t.field_id WHERE f.ttype = 'many2one'",
            as_id(value)
        );
        let model =
            "(SELECT f.relation FROM ir_model_fields f WHERE f.id = t.field_id AND f.ttype = 'many2one')";
        let at = ["ir.default", "json_value", "ir_default"];
        let mut default = made(Sort::Default, at, seen, Written::Json(model.to_owned()), source);
        default.tables.push("ir_model_fields".to_owned());
        found.push(default);
    }
    found
}

fn made(
    sort: Sort,
    [model, name, table]: [&str; 3],
    seen: &TableSeen,
    written: Written,
    source: String,
) -> Loose {
    Loose {
        subject: Subject {
            sort,
            model: model.to_owned(),
            field: name.to_owned(),
            at: format!("{table}.{name}"),
            to: None,
        },
        tables: vec![table.to_owned()],
        rows: seen.rows.unwrap_or_default(),
        written,
        source,
    }
}

/// Fields that say they are one, and plain numbers that are called as one.
fn is_pair(name: &str, field: &FieldSeen) -> bool {
    field.ttype == "many2one_reference" || (field.ttype == "integer" && name == "res_id")
}

/// A model and an id in one text.
fn text(from: &str, column: &str) -> String {
    let id = format!("split_part({column}, ',', 2)");
    format!(
        "SELECT t.id AS row, split_part({column}, ',', 1) AS model, {} AS ref, \
         CASE WHEN {id} NOT IN ('', 'False', 'None') THEN {id} END AS said FROM {from} WHERE {column} <> ''",
        as_id(&id)
    )
}

/// An id whose model is in another column of the row: `res_id` beside `res_model`, `parent_res_id` beside `parent_res_model`.
fn pair(name: &str, table: &str, seen: &TableSeen, wiring: &Wiring) -> Option<(Written, String)> {
    let kind = |column: &str| seen.columns.get(column).map(String::as_str);
    if !matches!(kind(name), Some("integer" | "bigint")) {
        return None;
    }
    let base = name.strip_suffix("_id").unwrap_or(name);
    let own = [format!("{base}_model"), format!("{base}_model_name")];
    let named = own.iter().map(String::as_str).chain(MODELS);
    let is_text =
        |column: &&str| kind(column).is_some_and(|kind| kind == "text" || kind.starts_with("character"));
    let named: Option<&str> = named.into_iter().find(is_text);
    let (from, id) = (ident(table), ident(name));
    if let Some(model) = named {
        let model = ident(model);
        let sql = format!(
            "SELECT t.id AS row, t.{model} AS model, t.{id} AS ref, t.{id}::text AS said FROM ONLY {from} t WHERE t.{model} <> ''"
        );
        return Some((Written::Beside(format!("t.{model}")), sql));
    }
    let own = [format!("{base}_model_id")];
    let by_id =
        own.iter().map(String::as_str).chain(MODEL_IDS).find(|column| kind(column) == Some("integer"))?;
    wiring.catalog.has("ir_model", "model").then(|| {
        let by_id = ident(by_id);
        let sql = format!(
            "SELECT t.id AS row, m.model, t.{id} AS ref, t.{id}::text AS said FROM ONLY {from} t JOIN ir_model m ON m.id = t.{by_id}"
        );
        (Written::Beside(format!("(SELECT m.model FROM ir_model m WHERE m.id = t.{by_id})")), sql)
    })
}

/// The questions for the models that rows name, as they were answered.
pub fn follow(
    loose: &Loose,
    models: &[Answer],
    wiring: &Wiring,
    limit: Option<u64>,
) -> (Vec<Question>, Vec<Note>) {
    let (mut questions, mut notes) = (Vec::new(), Vec::new());
    for answer in models {
        let Some(model) = answer.row.as_deref() else { continue };
        let subject = Subject { to: Some(model.to_owned()), ..loose.subject.clone() };
        let mut tables = loose.tables.clone();
        let (source, this) = (&loose.source, literal(model));
        let rows = answer.rows;
        let sql = match wiring.table_of(model) {
            Some((table, seen)) if seen.columns.contains_key("id") => {
                let sql = format!(
                    "SELECT count(*) OVER () AS rows, s.row::text AS row, s.said AS missing, NULL::text AS beside FROM ({source}) s \
                     WHERE s.model = {this} AND s.said IS NOT NULL AND s.ref IS DISTINCT FROM 0 \
                     AND NOT EXISTS (SELECT FROM {} o WHERE o.id = s.ref){}",
                    ident(&table),
                    first("s.row", limit)
                );
                tables.push(table);
                sql
            }
            None if !wiring.models.contains(model) => format!(
                "SELECT count(*) OVER () AS rows, s.row::text AS row, s.said AS missing, {} AS beside FROM ({source}) s \
                 WHERE s.model = {this}{}",
                literal("there is no such model"),
                first("s.row", limit)
            ),
            _ => {
                let why = match wiring.tableless(model) {
                    "it is a view" => "is a view",
                    _ => "has no table of rows",
                };
                let refer = answer.missing.as_deref().unwrap_or("0");
                if refer != "0" {
                    let why = format!("{refer} of its rows refer to {model}, which {why}");
                    notes.push(Note { model: subject.model, field: Some(subject.field), why });
                }
                continue;
            }
        };
        questions.push(Question { subject, tables, rows, sql });
    }
    (questions, notes)
}
