//! Writes single fields of single rows back, where they are still as they were seen.

use std::collections::BTreeMap;

use futures_util::TryStreamExt;
use tokio_postgres::types::{ToSql, Type};

use super::connect::Session;
use super::probe::words;
use super::rows::PLAIN;
use crate::base::quote::ident;
use crate::error::{Error, Result};
use crate::rows::{Cell, Change, Conflict, Key, Kind, Row, Section, Value, decide, parse};

/// What was done.
#[derive(Debug, Default)]
pub struct Patched {
    /// What was written: from the values that were there to those that are there now.
    pub written: Vec<Change>,
    /// Fields that were as they were before already, and the rows that they are in.
    pub already: Vec<(String, Key)>,
    /// Fields that somebody has written since.
    pub conflicts: Vec<Conflict>,
}

/// Begins a transaction for [`patch`].
pub async fn begin(session: &Session) -> Result<()> {
    let begin = format!("BEGIN ISOLATION LEVEL READ COMMITTED; {PLAIN}; SET LOCAL lock_timeout = '30s'");
    session.batch_execute(&begin).await.map_err(|e| failed("begin", &e))
}

/// Puts altered fields of one model back in the transaction at hand, all rows at once, and looks whether they are. Nothing
/// is written that is not as the change saw it.
pub async fn patch(
    session: &Session,
    section: &Section,
    changes: &[Change],
    done: &mut Patched,
) -> Result<()> {
    let types = types(session, section).await?;
    let ids: Vec<i64> = changes.iter().filter_map(id).collect();
    let lock = session.batch_execute(&section.lock_sql(&ids)).await;
    lock.map_err(|e| {
        failed(&format!("lock the rows of {}", section.model), &e)
            .hint("Somebody writes them: see SELECT * FROM pg_stat_activity; then try again.")
    })?;
    let now = read(session, section, &ids).await?;
    let has_parts = |name: &str| section.field(name).is_some_and(|field| field.origin.has_parts());
    let mut writes: Vec<(i64, Vec<Cell>)> = Vec::new();
    for change in changes {
        let Some(id) = id(change) else { continue };
        let decision = decide(change, now.get(&id), &has_parts);
        done.conflicts.extend(decision.conflicts);
        if decision.already > 0 {
            done.already.push((change.model.clone(), change.id));
        }
        if !decision.cells.is_empty() {
            writes.push((id, decision.cells));
        }
    }
    if writes.is_empty() {
        return Ok(());
    }
    write(session, section, &writes, &types).await?;
    check(section, &now, &read(session, section, &ids).await?, &writes)?;
    done.written.extend(writes.into_iter().map(|(id, cells)| written(section, id, cells)));
    Ok(())
}

/// Commits; Odoo's processes are told that what they remember is old.
pub async fn commit(session: &Session, models: &[&str]) -> Result<()> {
    if models.iter().any(|model| ["ir.default", "ir.config_parameter"].contains(model)) {
        forget(session).await?;
    }
    session.batch_execute("COMMIT").await.map_err(|e| failed("commit", &e))
}

fn id(change: &Change) -> Option<i64> {
    match change.id {
        Key::One(id) => Some(id),
        Key::Two(..) => None,
    }
}

fn failed(what: &str, e: &tokio_postgres::Error) -> Error {
    let error = Error::environment(format!("cannot {what}")).because(words(e));
    match e.as_db_error().and_then(|db| db.detail()) {
        Some(detail) => error.because(detail),
        None => error,
    }
}

/// The types of the columns, as PostgreSQL writes them.
async fn types(session: &Session, section: &Section) -> Result<BTreeMap<String, String>> {
    let question = "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute \
         WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped";
    let table = ident(&section.table);
    let table = (&table as &(dyn ToSql + Sync), Type::TEXT);
    let rows = session.query_typed(question, &[table]).await;
    let rows = rows.map_err(|e| failed(&format!("look at {}", section.table), &e))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

async fn read(session: &Session, section: &Section, ids: &[i64]) -> Result<BTreeMap<i64, Row>> {
    let what = format!("read {}", section.model);
    let copy = session.copy_out(&format!("COPY ({}) TO STDOUT", section.sql_of(ids))).await;
    let mut copy = std::pin::pin!(copy.map_err(|e| failed(&what, &e))?);
    let mut text = Vec::new();
    while let Some(chunk) = copy.try_next().await.map_err(|e| failed(&what, &e))? {
        text.extend_from_slice(&chunk);
    }
    let layout = section.layout();
    let mut found = BTreeMap::new();
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let mut json = Vec::new();
        layout.encode(line, &mut json)?;
        let parsed = parse(&json)?;
        if let Key::One(id) = parsed.key {
            found.insert(id, parsed.row);
        }
    }
    Ok(found)
}

/// One statement for all rows: an array for each field's values, and one for whether it is written.
async fn write(
    session: &Session,
    section: &Section,
    writes: &[(i64, Vec<Cell>)],
    types: &BTreeMap<String, String>,
) -> Result<()> {
    let ids: Vec<i64> = writes.iter().map(|(id, _)| *id).collect();
    let names: std::collections::BTreeSet<&str> =
        writes.iter().flat_map(|(_, cells)| cells.iter().map(|cell| cell.field.as_str())).collect();
    let mut columns: Vec<(Vec<Option<String>>, Vec<bool>)> = Vec::new();
    let (mut sets, mut arrays, mut aliases) = (Vec::new(), Vec::new(), Vec::new());
    for (at, name) in names.iter().enumerate() {
        let kind = section.field(name).map(|field| field.kind);
        let of = |cells: &[Cell]| {
            cells.iter().find(|cell| cell.field == *name).map(|cell| text_of(&cell.value, kind))
        };
        let values: Vec<Option<Option<String>>> = writes.iter().map(|(_, cells)| of(cells)).collect();
        columns.push((
            values.iter().cloned().map(Option::flatten).collect(),
            values.iter().map(Option::is_some).collect(),
        ));
        let type_name = types
            .get(*name)
            .ok_or_else(|| Error::refused(format!("{} has no column {name} any more", section.table)))?;
        let column = ident(name);
        sets.push(format!("{column} = CASE WHEN s.w{at} THEN s.v{at}::{type_name} ELSE t.{column} END"));
        arrays.push(format!("${}::text[], ${}::boolean[]", 2 * at + 2, 2 * at + 3));
        aliases.push(format!("v{at}, w{at}"));
    }
    let key = ident(section.keys.first().map_or("id", String::as_str));
    let statement = format!(
        "UPDATE ONLY {} t SET {} FROM unnest($1::bigint[], {}) AS s(id, {}) WHERE t.{key} = s.id",
        ident(&section.table),
        sets.join(", "),
        arrays.join(", "),
        aliases.join(", ")
    );
    let mut values: Vec<(&(dyn ToSql + Sync), Type)> = vec![(&ids, Type::INT8_ARRAY)];
    for (texts, written) in &columns {
        values.push((texts, Type::TEXT_ARRAY));
        values.push((written, Type::BOOL_ARRAY));
    }
    let what = format!("write {}", section.model);
    session.query_typed(&statement, &values).await.map_err(|e| failed(&what, &e))?;
    Ok(())
}

/// A value as PostgreSQL reads it into a column of this kind.
fn text_of(value: &Value, kind: Option<Kind>) -> Option<String> {
    match kind {
        Some(Kind::Json) if !value.is_null() => Some(value.as_json().to_owned()),
        _ => value.sql_text(),
    }
}

/// Before anything is committed: the rows are as they were, but for what was written.
fn check(
    section: &Section,
    before: &BTreeMap<i64, Row>,
    after: &BTreeMap<i64, Row>,
    writes: &[(i64, Vec<Cell>)],
) -> Result<()> {
    let mut wanted = before.clone();
    for (id, cells) in writes {
        let Some(row) = wanted.get_mut(id) else { continue };
        row.extend(cells.iter().map(|cell| (cell.field.clone(), cell.value.clone())));
    }
    let writable = |row: &Row| -> Row {
        let is_writable = |name: &str| section.field(name).is_some_and(|field| field.origin.is_writable());
        let kept = row.iter().filter(|(name, _)| is_writable(name));
        kept.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    for (id, row) in &wanted {
        let (wanted, found) = (writable(row), after.get(id).map(&writable));
        if found.as_ref() != Some(&wanted) {
            let error = Error::environment(format!("{} {id} is not what was written", section.model));
            let differs = wanted
                .iter()
                .find(|(name, value)| found.as_ref().and_then(|row| row.get(*name)) != Some(*value));
            let why = differs.map_or_else(String::new, |(name, value)| {
                let is = found.as_ref().and_then(|row| row.get(name)).map_or("gone", Value::as_json);
                format!("{name} is {is} instead of {}", value.as_json())
            });
            return Err(error
                .because(why)
                .because("a trigger or a rule of the table changes what is written")
                .hint("Nothing was changed. Put it back through Odoo: --via orm"));
        }
    }
    Ok(())
}

/// What was written, as a change of its own.
fn written(section: &Section, id: i64, cells: Vec<Cell>) -> Change {
    let before = cells.iter().map(|cell| (cell.field.clone(), cell.seen.clone())).collect();
    let after = cells.into_iter().map(|cell| (cell.field, cell.value)).collect();
    Change { model: section.model.clone(), id: Key::One(id), before: Some(before), after: Some(after) }
}

/// Odoo 17 and 18 count in sequences, 19 in tables.
async fn forget(session: &Session) -> Result<()> {
    let question = "SELECT relkind = 'S', relname::text FROM pg_class WHERE pg_table_is_visible(oid) \
         AND (relkind = 'S' AND relname LIKE 'base\\_cache\\_signaling%' \
         OR relkind = 'r' AND relname IN ('orm_signaling_default', 'orm_signaling_stable'))";
    let rows = session.query_typed(question, &[]).await.map_err(|e| failed("look for Odoo's caches", &e))?;
    for row in rows {
        let name = ident(&row.get::<_, String>(1));
        let tell = match row.get::<_, bool>(0) {
            true => format!("SELECT nextval('{name}')"),
            false => format!("INSERT INTO {name} DEFAULT VALUES"),
        };
        session.batch_execute(&tell).await.map_err(|e| failed("tell Odoo's caches", &e))?;
    }
    Ok(())
}
