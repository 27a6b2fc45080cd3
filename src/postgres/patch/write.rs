//! The statements: rows of one table are locked, read, and written, all at once.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};

use super::failed;
use crate::base::quote::ident;
use crate::base::secret::is_secret_column;
use crate::error::{Error, Result};
use crate::postgres::connect::Session;
use crate::postgres::rows::{rows_by, rows_of};
use crate::rows::{Cell, Change, Key, Kind, Row, Section, Value};

/// A table at hand.
pub(super) struct Table<'a> {
    session: &'a Session,
    pub section: &'a Section,
    /// The types of its columns, as PostgreSQL writes them.
    types: BTreeMap<String, String>,
    /// Whether what is written is dated, and the table keeps that: a date that is to be put back is not then.
    dated: bool,
}

/// Where Odoo keeps when a row was written, in UTC.
const STAMP: &str = "write_date";

/// This moment, as Odoo writes it.
const NOW: &str = "now() AT TIME ZONE 'UTC'";

/// Dates the writing of a row.
fn now() -> String {
    format!("{} = {NOW}", ident(STAMP))
}

/// The values of a column for several rows, and in which of them it is written.
type Column = (Vec<Option<String>>, Vec<bool>);

impl<'a> Table<'a> {
    pub async fn of(session: &'a Session, section: &'a Section, stamp: bool) -> Result<Self> {
        let question = "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute \
             WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped";
        let name = ident(&section.table);
        let rows = session.query_typed(question, &[(&name as &(dyn ToSql + Sync), Type::TEXT)]).await;
        let rows = rows.map_err(|e| failed(&format!("look at {}", section.table), &e))?;
        let types: BTreeMap<String, String> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let dated = stamp && types.contains_key(STAMP);
        Ok(Self { session, section, types, dated })
    }

    /// Keeps others from writing these rows, and reads them.
    pub async fn lock(&self, keys: &[Key]) -> Result<BTreeMap<Key, Row>> {
        let failed = |e: tokio_postgres::Error| {
            let error = failed(&format!("lock the rows of {}", self.section.model), &e);
            match e.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) {
                true => error.hint("Somebody writes them: see odpm incident sessions; then try again."),
                false => error,
            }
        };
        if let Some(query) = self.section.locking_sql_of(keys) {
            return rows_by(self.session, self.section, &query).await?.map_err(failed);
        }
        self.session.batch_execute(&self.section.lock_sql(keys)).await.map_err(failed)?;
        self.read(keys).await
    }

    async fn read(&self, keys: &[Key]) -> Result<BTreeMap<Key, Row>> {
        rows_of(self.session, self.section, keys).await
    }

    fn type_of(&self, column: &str) -> Result<&str> {
        self.types
            .get(column)
            .map(String::as_str)
            .ok_or_else(|| Error::refused(format!("{} has no column {column} any more", self.section.table)))
    }

    /// One statement for all rows: an array for each field's values, and one for whether it is written.
    pub async fn update(&self, writes: &[(Key, Vec<Cell>)]) -> Result<()> {
        let names = writes.iter().flat_map(|(_, cells)| cells.iter().map(|cell| cell.field.as_str()));
        let names: BTreeSet<&str> = names.filter(|name| !self.is_dated_by(name)).collect();
        let mut columns: Vec<Column> = Vec::new();
        let (mut sets, mut sources) = (Vec::new(), Sources::keys(self.section));
        // In the same statement: another one would write every row once more.
        sets.extend(self.dated.then(now));
        for (at, name) in names.iter().enumerate() {
            let kind = self.section.field(name).map(|field| field.kind);
            let of = |cells: &[Cell]| {
                cells.iter().find(|cell| cell.field == *name).map(|cell| text_of(&cell.value, kind))
            };
            let values: Vec<Option<Option<String>>> = writes.iter().map(|(_, cells)| of(cells)).collect();
            columns.push((
                values.iter().cloned().map(Option::flatten).collect(),
                values.iter().map(Option::is_some).collect(),
            ));
            let (type_name, column) = (self.type_of(name)?, ident(name));
            sets.push(format!("{column} = CASE WHEN s.w{at} THEN s.v{at}::{type_name} ELSE t.{column} END"));
            sources.add("text", format!("v{at}"));
            sources.add("boolean", format!("w{at}"));
        }
        let is_it: Vec<String> = sources.key_columns(self.section, "t.").collect();
        let statement = format!(
            "UPDATE ONLY {} t SET {} FROM {} WHERE {}",
            ident(&self.section.table),
            sets.join(", "),
            sources.told(),
            is_it.join(" AND ")
        );
        let keys = parts(self.section, writes.iter().map(|(key, _)| *key));
        let mut values: Vec<(&(dyn ToSql + Sync), Type)> = keys.iter().map(of_keys).collect();
        for (texts, written) in &columns {
            values.push((texts, Type::TEXT_ARRAY));
            values.push((written, Type::BOOL_ARRAY));
        }
        self.execute("write", &statement, &values, writes.len()).await
    }

    /// One statement for all rows; they have the same columns.
    pub async fn insert(&self, rows: &[(Key, Row)]) -> Result<()> {
        let Some((_, first)) = rows.first() else { return Ok(()) };
        let mut sources = Sources::keys(self.section);
        let (mut names, mut reads, mut columns) = (Vec::new(), Vec::new(), Vec::new());
        for (at, key) in self.section.keys.iter().enumerate() {
            names.push(ident(key));
            reads.push(format!("s.k{at}::{}", self.type_of(key)?));
        }
        for (at, name) in first.keys().enumerate() {
            names.push(ident(name));
            if self.is_dated_by(name) {
                reads.push(NOW.to_owned());
                continue;
            }
            let kind = self.section.field(name).map(|field| field.kind);
            let value = |row: &Row| row.get(name).and_then(|value| text_of(value, kind));
            columns.push(rows.iter().map(|(_, row)| value(row)).collect::<Vec<_>>());
            reads.push(format!("s.v{at}::{}", self.type_of(name)?));
            sources.add("text", format!("v{at}"));
        }
        let statement = format!(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {}",
            ident(&self.section.table),
            names.join(", "),
            reads.join(", "),
            sources.told()
        );
        let keys = parts(self.section, rows.iter().map(|(key, _)| *key));
        let mut values: Vec<(&(dyn ToSql + Sync), Type)> = keys.iter().map(of_keys).collect();
        values.extend(columns.iter().map(|texts| (texts as &(dyn ToSql + Sync), Type::TEXT_ARRAY)));
        self.execute("put back rows of", &statement, &values, rows.len()).await
    }

    pub async fn delete(&self, keys: &[Key]) -> Result<()> {
        self.execute("delete rows of", &self.section.delete_sql(keys), &[], keys.len()).await
    }

    /// Whether a column says when a row was written, and is not put back for that.
    fn is_dated_by(&self, column: &str) -> bool {
        self.dated && column == STAMP
    }

    /// A statement that has to write so many rows and no other number.
    pub async fn execute(
        &self,
        what: &str,
        statement: &str,
        values: &[(&(dyn ToSql + Sync), Type)],
        rows: usize,
    ) -> Result<()> {
        let what = format!("{what} {}", self.section.model);
        let written = self.session.execute_typed(statement, values).await.map_err(|e| failed(&what, &e))?;
        if written == rows as u64 {
            return Ok(());
        }
        let error = Error::environment(format!("cannot {what}"));
        Err(error
            .because(format!("{written} rows would have been written instead of {rows}"))
            .hint("A trigger, a rule or a policy of the table is in the way. Nothing was changed."))
    }

    /// Before anything is committed: the rows are as they are wanted.
    pub async fn check(&self, wanted: &BTreeMap<Key, Option<Row>>) -> Result<()> {
        let section = self.section;
        let keys: Vec<Key> = wanted.keys().copied().collect();
        let found = self.read(&keys).await?;
        for (key, row) in wanted {
            let is = found.get(key);
            let written = |name: &str| !self.is_dated_by(name);
            let Some(why) = differs(section, row.as_ref(), is, written) else { continue };
            let error = Error::environment(format!("{} {key} is not what was written", section.model));
            return Err(error
                .because(why)
                .because("a trigger or a rule of the table changes what is written")
                .hint("Nothing was changed. The trigger has to rest meanwhile; or, for fields alone: odpm watchdog rollback --via orm"));
        }
        Ok(())
    }
}

/// How a row differs from what is wanted in what can be written; `None` where it does not.
fn differs(
    section: &Section,
    wanted: Option<&Row>,
    is: Option<&Row>,
    written: impl Fn(&str) -> bool,
) -> Option<String> {
    let (wanted, is) = match (wanted, is) {
        (None, None) => return None,
        (None, Some(_)) => return Some("it is there still".to_owned()),
        (Some(_), None) => return Some("it is gone".to_owned()),
        (Some(wanted), Some(is)) => (wanted, is),
    };
    let writable = |name: &str| section.field(name).is_some_and(|field| field.origin.is_writable());
    let (name, value) = wanted
        .iter()
        .find(|(name, value)| writable(name) && written(name) && is.get(*name) != Some(*value))?;
    let is = is.get(name).map_or("gone", Value::as_json);
    Some(match is_secret_column(&section.table, name) {
        true => format!("{name} is another than what was written"),
        false => format!("{name} is {is} instead of {}", value.as_json()),
    })
}

/// What rows are to be when these fields are written.
pub(super) fn expect(wanted: &mut BTreeMap<Key, Option<Row>>, writes: &[(Key, Vec<Cell>)]) {
    for (key, cells) in writes {
        let Some(Some(row)) = wanted.get_mut(key) else { continue };
        row.extend(cells.iter().map(|cell| (cell.field.clone(), cell.value.clone())));
    }
}

/// Arrays side by side, as rows.
struct Sources {
    arrays: Vec<String>,
    names: Vec<String>,
}

impl Sources {
    fn keys(section: &Section) -> Self {
        let mut sources = Self { arrays: Vec::new(), names: Vec::new() };
        (0..section.keys.len()).for_each(|at| sources.add("bigint", format!("k{at}")));
        sources
    }

    fn add(&mut self, type_name: &str, name: String) {
        self.arrays.push(format!("${}::{type_name}[]", self.arrays.len() + 1));
        self.names.push(name);
    }

    fn told(&self) -> String {
        format!("unnest({}) AS s({})", self.arrays.join(", "), self.names.join(", "))
    }

    /// For each column of the key that it is the source's.
    fn key_columns(&self, section: &Section, table: &str) -> impl Iterator<Item = String> {
        section.keys.iter().enumerate().map(move |(at, key)| format!("{table}{} = s.k{at}", ident(key)))
    }
}

/// The keys of rows, an array for each of their columns.
fn parts(section: &Section, keys: impl Iterator<Item = Key>) -> Vec<Vec<i64>> {
    let keys: Vec<Key> = keys.collect();
    let part = |at| keys.iter().map(|key| key.parts().nth(at).unwrap_or_default()).collect();
    (0..section.keys.len()).map(part).collect()
}

fn of_keys(ids: &Vec<i64>) -> (&(dyn ToSql + Sync), Type) {
    (ids, Type::INT8_ARRAY)
}

/// A value as PostgreSQL reads it into a column of this kind.
fn text_of(value: &Value, kind: Option<Kind>) -> Option<String> {
    match kind {
        Some(Kind::Json) if !value.is_null() => Some(value.as_json().to_owned()),
        _ => value.sql_text(),
    }
}

/// What was written, as a change of its own.
pub(super) fn written(section: &Section, id: Key, cells: Vec<Cell>) -> Change {
    let before = cells.iter().map(|cell| (cell.field.clone(), cell.seen.clone())).collect();
    let after = cells.into_iter().map(|cell| (cell.field, cell.value)).collect();
    Change { model: section.model.clone(), id, before: Some(before), after: Some(after) }
}
