//! Writes rows back, where they are still as they were seen: single fields of them, or whole rows that went or came.

mod repair;
mod write;

use std::collections::BTreeMap;

use tokio_postgres::error::SqlState;

use super::connect::Session;
use super::probe::words;
use super::rows::{EXACT, PLAIN};
use crate::base::quote::ident;
use crate::error::{Error, Result};
use crate::rows::{Cell, Change, Conflict, Key, Section, decide};

pub use repair::{Repaired, repair};
use write::{Table, written};

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

/// Begins a transaction for [`patch()`].
pub async fn begin(session: &Session) -> Result<()> {
    start(session, PLAIN, "").await
}

/// Begins a transaction for [`repair()`]: it waits for nobody long. A database that takes no writes takes these.
pub async fn begin_repair(session: &Session) -> Result<()> {
    start(session, EXACT, "; SET LOCAL lock_timeout = '10s'; SET LOCAL statement_timeout = '15min'").await
}

async fn start(session: &Session, plain: &str, further: &str) -> Result<()> {
    let begin = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {plain}; SET LOCAL lock_timeout = '30s'{further}"
    );
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
    let table = Table::of(session, section, false).await?;
    let keys: Vec<Key> = changes.iter().map(|change| change.id).collect();
    let now = table.lock(&keys).await?;
    let mut writes: Vec<(Key, Vec<Cell>)> = Vec::new();
    for change in changes {
        let decision = decide(change, now.get(&change.id), &|name| has_parts(section, name));
        done.conflicts.extend(decision.conflicts);
        if decision.already > 0 {
            done.already.push((change.model.clone(), change.id));
        }
        if !decision.cells.is_empty() {
            writes.push((change.id, decision.cells));
        }
    }
    if writes.is_empty() {
        return Ok(());
    }
    table.update(&writes).await?;
    let mut wanted: BTreeMap<Key, _> = now.into_iter().map(|(key, row)| (key, Some(row))).collect();
    write::expect(&mut wanted, &writes);
    table.check(&wanted).await?;
    done.written.extend(writes.into_iter().map(|(key, cells)| written(section, key, cells)));
    Ok(())
}

/// Whether a field has a value for each company or language.
fn has_parts(section: &Section, name: &str) -> bool {
    section.field(name).is_some_and(|field| field.origin.has_parts())
}

/// Commits; Odoo's processes are told that what they remember is old.
pub async fn commit(session: &Session, models: &[&str]) -> Result<()> {
    let cached = ["ir.default", "ir.config_parameter"];
    if models.iter().any(|model| cached.contains(model)) {
        forget(session).await?;
    }
    end(session).await
}

/// Commits whole rows of any table: Odoo's processes are told to remember nothing.
pub async fn commit_rows(session: &Session) -> Result<()> {
    forget(session).await?;
    end(session).await
}

async fn end(session: &Session) -> Result<()> {
    session.batch_execute("COMMIT").await.map_err(|e| failed("commit", &e))
}

fn failed(what: &str, e: &tokio_postgres::Error) -> Error {
    let error = Error::environment(format!("cannot {what}")).because(words(e));
    // What is told of a failing row is all of it, with its secrets; of keys it is the keys.
    let keys = [&SqlState::FOREIGN_KEY_VIOLATION, &SqlState::UNIQUE_VIOLATION];
    match e.as_db_error().filter(|db| keys.contains(&db.code())).and_then(|db| db.detail()) {
        Some(detail) => error.because(detail),
        None => error,
    }
}

/// Odoo 17 and 18 count in sequences, 19 in tables.
async fn forget(session: &Session) -> Result<()> {
    let question = "SELECT relkind = 'S', relname::text FROM pg_class WHERE pg_table_is_visible(oid) \
         AND (relkind = 'S' AND relname LIKE 'base\\_cache\\_signaling%' \
         OR relkind = 'r' AND relname LIKE 'orm\\_signaling\\_%' AND relname <> 'orm_signaling_registry')";
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
