//! A question on references: what it is about, and its SQL, whose answers are the rows for which something dangles.
//!
//! Every question answers in the same four columns - how many, which row, what is missing, what else -, so that many of them are one
//! statement.

use std::collections::BTreeMap;

use serde::Serialize;

use super::loose::Loose;
use crate::base::quote::ident;

/// What kind of reference a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// A many2one's column.
    Many2one,
    /// A many2one with a value for each company.
    Many2oneByCompany,
    /// The companies that a column has values for.
    Company,
    /// A side of a many2many's table.
    Many2many,
    /// A model and an id in one text.
    Reference,
    /// A model in one column and an id in another.
    Many2oneReference,
    /// A company's own value, as Odoo kept it up to 17.
    Property,
    /// A default value.
    Default,
    /// The path to a row through its parents.
    ParentPath,
    /// A sequence that gives the ids of a table.
    Serial,
    /// A sequence that numbers documents.
    Sequence,
    /// The file of an attachment.
    File,
}

/// What a question is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Subject {
    /// The kind of reference.
    pub sort: Sort,
    /// The model.
    pub model: String,
    /// Its field.
    pub field: String,
    /// The table and column where it is.
    pub at: String,
    /// The model that it refers to, where that is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What it is about.
    pub subject: Subject,
    /// The tables that it reads.
    pub tables: Vec<String>,
    /// How many rows it looks at, as far as PostgreSQL knows.
    pub rows: u64,
    /// The SQL.
    pub sql: String,
}

/// What cannot be asked, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Note {
    /// The model.
    pub model: String,
    /// Its field, unless it is about all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Why.
    pub why: String,
}

/// All that is to be asked of a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Questions {
    /// The questions.
    pub asked: Vec<Question>,
    /// References to models that only the rows name: which ones these are is asked first.
    pub loose: Vec<Loose>,
    /// What needs no question: PostgreSQL keeps it itself.
    pub kept: Vec<Subject>,
    /// What cannot be asked.
    pub notes: Vec<Note>,
}

/// How many questions one statement has.
const QUESTIONS: usize = 40;

/// How many rows one statement looks at, unless a single question has more.
const ROWS: u64 = 400_000;

/// The questions by their numbers, in the groups that are one statement each; the largest first, so that nobody waits for one at the end.
pub fn statements(questions: &[Question]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..questions.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(questions.get(*at).map_or(0, |question| question.rows)));
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut rows = 0_u64;
    for at in order {
        let more = questions.get(at).map_or(0, |question| question.rows);
        match groups.last_mut() {
            Some(group) if group.len() < QUESTIONS && rows.saturating_add(more) <= ROWS => {
                rows += more;
                group.push(at);
            }
            _ => {
                rows = more;
                groups.push(vec![at]);
            }
        }
    }
    groups
}

/// The part after a question's rows: the first of them.
pub(super) fn first(order: &str, limit: Option<u64>) -> String {
    let limit = limit.map(|limit| format!(" LIMIT {limit}")).unwrap_or_default();
    format!(" ORDER BY {order}{limit}")
}

/// Rows of a table whose column refers to none of another. Rows of tables that inherit from the first one are not its own; those that
/// inherit from the second are.
pub(super) fn dangling(table: &str, column: &str, key: &[&str], to: &str, limit: Option<u64>) -> String {
    let key: Vec<String> = key.iter().map(|column| format!("t.{}", ident(column))).collect();
    let (column, key, end) = (ident(column), key.join(", "), first(&key.join(", "), limit));
    format!(
        "SELECT count(*) OVER () AS rows, concat_ws(', ', {key}) AS row, t.{column}::text AS missing, NULL::text AS beside FROM ONLY {} t \
         WHERE t.{column} IS NOT NULL AND NOT EXISTS (SELECT FROM {} o WHERE o.id = t.{column}){end}",
        ident(table),
        ident(to),
    )
}

/// An expression of text as the id that it is; NULL where it is none.
pub(super) fn as_id(text: &str) -> String {
    format!("CASE WHEN {text} ~ '^[0-9]{{1,18}}$' THEN {text}::bigint END")
}

/// Values of companies in a column that refer to no row.
pub(super) fn dangling_values(table: &str, column: &str, to: &str, limit: Option<u64>) -> String {
    let (column, end) = (ident(column), first("t.id, e.key", limit));
    format!(
        "SELECT count(*) OVER () AS rows, t.id::text AS row, e.value AS missing, 'company ' || e.key AS beside FROM ONLY {} t \
         CROSS JOIN LATERAL jsonb_each_text(CASE jsonb_typeof(t.{column}) WHEN 'object' THEN t.{column} END) e \
         WHERE t.{column} IS NOT NULL AND e.value IS NOT NULL AND e.value NOT IN ('false', '0') \
         AND NOT EXISTS (SELECT FROM {} o WHERE o.id = {}){end}",
        ident(table),
        ident(to),
        as_id("e.value"),
    )
}

/// Companies that a column has values for and that are not there.
pub(super) fn gone_companies(table: &str, column: &str, limit: Option<u64>) -> String {
    let (column, end) = (ident(column), first("t.id, k", limit));
    format!(
        "SELECT count(*) OVER () AS rows, t.id::text AS row, k AS missing, NULL::text AS beside FROM ONLY {} t \
         CROSS JOIN LATERAL jsonb_object_keys(CASE jsonb_typeof(t.{column}) WHEN 'object' THEN t.{column} END) k \
         WHERE t.{column} IS NOT NULL AND NOT EXISTS (SELECT FROM res_company o WHERE o.id = {}){end}",
        ident(table),
        as_id("k"),
    )
}

/// How many fields of each kind there are.
pub(super) fn by_sort<'a>(subjects: impl IntoIterator<Item = &'a Subject>) -> BTreeMap<Sort, u64> {
    let mut counted = BTreeMap::new();
    for subject in subjects {
        *counted.entry(subject.sort).or_default() += 1;
    }
    counted
}
