//! What Odoo and PostgreSQL keep beside the references: the paths of trees, and sequences.

use std::collections::BTreeMap;

use super::question::{Note, Question, Sort, Subject, first};
use crate::base::quote::{ident, literal};
use crate::facts::{FieldSeen, Serial, TableSeen, Wiring};

/// A model whose parent is no `parent_id`.
const PARENTS: [(&str, &str); 1] = [("stock.location", "location_id")];

/// The questions on all of that.
pub(super) fn questions(wiring: &Wiring, limit: Option<u64>, notes: &mut Vec<Note>) -> Vec<Question> {
    let mut asked = paths(wiring, limit, notes);
    asked.extend(wiring.serials.iter().map(|serial| behind(serial, wiring)));
    let standard = wiring.catalog.has("ir_sequence", "implementation");
    if standard {
        asked.push(numbered(wiring, limit));
    }
    if standard && wiring.catalog.has("ir_sequence_date_range", "sequence_id") {
        asked.push(ranges(wiring, limit));
    }
    asked
}

fn question(sort: Sort, model: &str, field: &str, table: &str, wiring: &Wiring, sql: String) -> Question {
    let at = format!("{table}.{field}");
    Question {
        subject: Subject { sort, model: model.to_owned(), field: field.to_owned(), at, to: None },
        tables: vec![table.to_owned()],
        rows: wiring.catalog.tables.get(table).and_then(|seen| seen.rows).unwrap_or_default(),
        sql,
    }
}

/// The field with a row's parent.
pub(super) fn parent_of<'a>(
    model: &str,
    fields: &'a BTreeMap<String, FieldSeen>,
    seen: &TableSeen,
) -> Option<&'a str> {
    let named = PARENTS.iter().find(|(of, _)| *of == model).map(|(_, field)| *field);
    let mut to_itself = fields.iter().filter(|(name, field)| {
        field.relation.as_deref() == Some(model)
            && field.ttype == "many2one"
            && seen.columns.contains_key(*name)
    });
    let only = to_itself.next().map(|(name, _)| name.as_str()).filter(|_| to_itself.next().is_none());
    let parent_id = seen.columns.contains_key("parent_id").then_some("parent_id");
    named.or(parent_id).or(only)
}

/// The path of a row ends with its parent's id and its own.
fn paths(wiring: &Wiring, limit: Option<u64>, notes: &mut Vec<Note>) -> Vec<Question> {
    let mut asked = Vec::new();
    for (model, fields) in &wiring.catalog.fields {
        let Some((table, seen)) = wiring.table_of(model) else { continue };
        if !fields.contains_key("parent_path") || !seen.columns.contains_key("parent_path") {
            continue;
        }
        let Some(parent) = parent_of(model, fields, seen) else {
            notes.push(Note {
                model: model.clone(),
                field: Some("parent_path".to_owned()),
                why: "which of its fields is the parent is not known".to_owned(),
            });
            continue;
        };
        let (name, parent) = (ident(&table), ident(parent));
        let end = format!("'/' || coalesce(t.{parent} || '/', '') || t.id || '/'");
        let sql = format!(
            "SELECT count(*) OVER () AS rows, t.id::text AS row, NULL::text AS missing, \
             'it says ' || coalesce(t.parent_path, 'nothing') || ', its parent is ' || coalesce(t.{parent}::text, 'none') AS beside \
             FROM ONLY {name} t WHERE t.parent_path IS NULL OR (t.{parent} IS NULL AND t.parent_path <> t.id || '/') \
             OR (t.{parent} IS NOT NULL AND right('/' || t.parent_path, length({end})) <> {end}){}",
            first("t.id", limit)
        );
        asked.push(question(Sort::ParentPath, model, "parent_path", &table, wiring, sql));
    }
    asked
}

/// A sequence gives no id for the second time. What inherits from the table takes ids from it too.
fn behind(serial: &Serial, wiring: &Wiring) -> Question {
    let Serial { table, column, sequence } = serial;
    let sql = format!(
        "SELECT 1::bigint AS rows, m.m::text AS row, NULL::text AS missing, {} || s.last_value || ', the highest is ' || m.m AS beside \
         FROM {} s, (SELECT max({}) AS m FROM {}) m WHERE m.m > s.last_value OR (m.m = s.last_value AND NOT s.is_called)",
        literal(&format!("{sequence} stands at ")),
        ident(sequence),
        ident(column),
        ident(table),
    );
    let mut asked = question(Sort::Serial, table, column, table, wiring, sql);
    // The highest is found by the index.
    asked.subject.at = sequence.clone();
    asked.rows = 1;
    asked
}

/// The name of a sequence of Odoo's, of an expression that is its number.
fn name_of(number: &str) -> String {
    format!("lpad({number}::text, greatest(3, length({number}::text)), '0')")
}

fn gone(names: &str, limit: Option<u64>) -> String {
    format!(
        "SELECT count(*) OVER () AS rows, s.id::text AS row, NULL::text AS missing, 'the sequence ' || s.name || ' is not there' AS beside \
         FROM ({names}) s WHERE to_regclass(s.name) IS NULL{}",
        first("s.id", limit)
    )
}

fn numbered(wiring: &Wiring, limit: Option<u64>) -> Question {
    let names = format!(
        "SELECT q.id, 'ir_sequence_' || {} AS name FROM ir_sequence q WHERE q.implementation = 'standard'",
        name_of("q.id")
    );
    question(Sort::Sequence, "ir.sequence", "implementation", "ir_sequence", wiring, gone(&names, limit))
}

fn ranges(wiring: &Wiring, limit: Option<u64>) -> Question {
    let names = format!(
        "SELECT r.id, 'ir_sequence_' || {} || '_' || {} AS name FROM ir_sequence_date_range r \
         JOIN ir_sequence q ON q.id = r.sequence_id WHERE q.implementation = 'standard'",
        name_of("q.id"),
        name_of("r.id")
    );
    let sql = gone(&names, limit);
    let mut asked = question(
        Sort::Sequence,
        "ir.sequence.date_range",
        "sequence_id",
        "ir_sequence_date_range",
        wiring,
        sql,
    );
    asked.tables.push("ir_sequence".to_owned());
    asked
}
