//! What is read of one model, and the query that reads it.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::layout::{Column, Layout};
use super::line::Key;
use super::text::Kind;
use crate::base::quote::{id_array, ident};

/// Where the value of a field comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A column.
    Column,
    /// A column with a value for each company.
    ByCompany,
    /// A column with a text for each language.
    ByLanguage,
    /// Rows of `ir_property`, a value for each company.
    Property,
    /// A column of another table, that the row refers to.
    Related,
    /// A query.
    Query,
    /// A column that must not be shown: a digest keyed with the database's own secret.
    Secret,
    /// The Odoo shell.
    Shell,
}

impl Origin {
    /// Whether a value can be written where it was read.
    pub fn is_writable(self) -> bool {
        matches!(self, Self::Column | Self::ByCompany | Self::ByLanguage)
    }

    /// Whether a value has parts: one for each company or language.
    pub fn has_parts(self) -> bool {
        matches!(self, Self::ByCompany | Self::ByLanguage | Self::Property)
    }
}

/// A field of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What its text means.
    pub kind: Kind,
    /// Where it comes from.
    pub origin: Origin,
    /// The expression over the table, which is `t`, and the joins.
    pub expression: String,
    /// Whether it changes all the time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub noise: bool,
}

/// What is read of one model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Section {
    /// The model.
    pub model: String,
    /// Its table.
    pub table: String,
    /// The columns of its key: one or two integers.
    pub keys: Vec<String>,
    /// Its fields.
    pub fields: Vec<Field>,
    /// Joins that the fields need. `{within:COLUMN}` is where rows of a range of keys are asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joins: Vec<String>,
}

/// Keys from the first on, up to the second.
pub type Range = (i64, i64);

impl Section {
    /// How its lines are laid out.
    pub fn layout(&self) -> Arc<Layout> {
        let column = |field: &Field| Column { name: field.name.clone(), kind: field.kind };
        let columns = self.stored().map(column);
        Arc::new(Layout::new(&self.model, self.keys.len(), columns.collect()))
    }

    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Whether parts of it can be read for themselves without doing all of the work each time.
    pub fn divides(&self) -> bool {
        self.joins.iter().all(|join| !join.contains("(SELECT") || join.contains("{within:"))
    }

    /// The query for all of it, or a range of the keys' first column.
    pub fn sql(&self, range: Option<Range>) -> String {
        self.select(range.map(|range| within(&self.key(0), range)).as_deref(), range)
    }

    /// The query for several ranges, in order.
    pub fn sql_within(&self, ranges: &[Range]) -> String {
        let key = self.key(0);
        let conditions: Vec<String> =
            ranges.iter().map(|range| format!("({})", within(&key, *range))).collect();
        let whole = ranges.first().zip(ranges.last()).map(|(first, last)| (first.0, last.1));
        self.select(Some(&conditions.join(" OR ")), whole)
    }

    /// The query for digests of the parts of a range, as wide as this: the part's number, its rows, a sum of their hashes.
    pub fn digest_sql(&self, range: Range, width: i64) -> String {
        let (key, from) = (self.key(0), range.0);
        let keys = self.key_columns().into_iter();
        let columns: Vec<String> = keys.chain(self.stored().map(|field| field.expression.clone())).collect();
        format!(
            "SELECT ({key}::bigint - {from}) / {width}, count(*), \
             sum(hashtextextended(ROW({})::text, 0)::numeric)::text FROM {} WHERE {} GROUP BY 1",
            columns.join(", "),
            self.from(Some(range)),
            within(&key, range)
        )
    }

    /// The query for these rows.
    pub fn sql_of(&self, keys: &[Key]) -> String {
        self.select(Some(&self.is_one_of(keys)), None)
    }

    /// The query for the keys of the rows for which a condition holds.
    pub fn keys_sql(&self, condition: &str) -> String {
        let keys: Vec<String> = self.key_columns().iter().map(|key| format!("{key}::bigint")).collect();
        format!("SELECT {} FROM ONLY {} t WHERE ({condition}\n)", keys.join(", "), ident(&self.table))
    }

    /// The query for these rows that keeps others from writing them. With joins, what it has waited for would not be in their part.
    pub fn locking_sql_of(&self, keys: &[Key]) -> Option<String> {
        self.joins.is_empty().then(|| format!("{} FOR UPDATE", self.sql_of(keys)))
    }

    /// The statement that keeps others from writing these rows.
    pub fn lock_sql(&self, keys: &[Key]) -> String {
        let (order, table) = (self.key_columns().join(", "), ident(&self.table));
        format!("SELECT 1 FROM ONLY {table} t WHERE {} ORDER BY {order} FOR UPDATE", self.is_one_of(keys))
    }

    /// The statement that deletes these rows.
    pub fn delete_sql(&self, keys: &[Key]) -> String {
        format!("DELETE FROM ONLY {} t WHERE {}", ident(&self.table), self.is_one_of(keys))
    }

    /// The condition that a row is one of these.
    fn is_one_of(&self, keys: &[Key]) -> String {
        let part = |at: usize| id_array(keys.iter().map(|key| key.parts().nth(at).unwrap_or_default()));
        match self.keys.len() {
            1 => format!("{} = ANY ({})", self.key(0), part(0)),
            _ => format!(
                "({}) IN (SELECT * FROM unnest({}, {}))",
                self.key_columns().join(", "),
                part(0),
                part(1)
            ),
        }
    }

    /// The first and the last of its keys.
    pub fn bounds_sql(&self) -> String {
        let key = ident(self.keys.first().map_or("id", String::as_str));
        let table = ident(&self.table);
        format!("SELECT min({key})::bigint, max({key})::bigint FROM ONLY {table}")
    }

    fn select(&self, condition: Option<&str>, range: Option<Range>) -> String {
        let keys = self.key_columns();
        let columns = keys.iter().cloned().chain(self.stored().map(|field| field.expression.clone()));
        let columns: Vec<String> = columns.collect();
        let mut sql = format!("SELECT {} FROM {}", columns.join(", "), self.from(range));
        if let Some(condition) = condition {
            sql.push_str(&format!(" WHERE {condition}"));
        }
        format!("{sql} ORDER BY {}", keys.join(", "))
    }

    /// The table with its joins.
    fn from(&self, range: Option<Range>) -> String {
        let mut sql = format!("ONLY {} t", ident(&self.table));
        for join in &self.joins {
            sql.push(' ');
            sql.push_str(&placed(join, range));
        }
        sql
    }

    /// The fields that a query can read.
    fn stored(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| field.origin != Origin::Shell)
    }

    fn key_columns(&self) -> Vec<String> {
        (0..self.keys.len()).map(|at| self.key(at)).collect()
    }

    fn key(&self, at: usize) -> String {
        format!("t.{}", ident(self.keys.get(at).map_or("id", String::as_str)))
    }
}

fn within(column: &str, (from, to): Range) -> String {
    format!("{column} >= {from} AND {column} < {to}")
}

/// The join with its places for a range filled in.
fn placed(join: &str, range: Option<Range>) -> String {
    let mut out = String::new();
    let mut rest = join;
    while let Some((before, after)) = rest.split_once("{within:") {
        let (column, after) = after.split_once('}').unwrap_or((after, ""));
        out.push_str(before);
        out.push_str(&range.map_or_else(|| "true".to_owned(), |range| within(column, range)));
        rest = after;
    }
    out + rest
}
