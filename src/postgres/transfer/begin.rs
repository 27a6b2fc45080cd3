//! The target before anything is written to it: nobody else writes, and it is as the plan has seen it.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::types::{ToSql, Type};

use super::{Down, failed};
use crate::base::quote::ident;
use crate::error::{Error, Result};
use crate::facts::{Referring, TableState, Transfer};
use crate::postgres::connect::Session;
use crate::postgres::rows::EXACT;

/// How many tables that have changed are named.
const TOLD: usize = 6;

/// Begins the transaction, or a session's work where each statement is its own. Where nobody waits for the end of a statement any
/// more, it ends by itself, and so it does where the machine that waits is gone: its locks would keep production waiting. Indexes are sorted in memory where there is as much; the server's own cache says how large it is.
pub async fn begin(session: &Session, transaction: bool) -> Result<()> {
    let local = if transaction { "LOCAL" } else { "SESSION" };
    let begin = if transaction { "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;" } else { "" };
    let lanes = if transaction {
        // What is checked at the end of a transaction would keep tables from being altered before.
        "SET LOCAL synchronous_commit = on; SET CONSTRAINTS ALL IMMEDIATE"
    } else {
        // The last transaction of all waits for the disk, and with it all before it.
        "SET SESSION synchronous_commit = off; SET SESSION max_parallel_maintenance_workers = 0; \
         SET SESSION default_transaction_read_only = off"
    };
    let text = format!(
        "{begin} {}; {lanes}; SET {local} lock_timeout = '15s'; \
         SELECT set_config(name, '1000', {transaction}) FROM pg_settings WHERE name = 'client_connection_check_interval'; \
         SELECT set_config(name, '0', {transaction}) FROM pg_settings WHERE name IN ('transaction_timeout', 'idle_session_timeout'); \
         SELECT set_config(s.name, v.value, {transaction}) FROM pg_settings s JOIN (VALUES ('tcp_keepalives_idle', '60'), \
         ('tcp_keepalives_interval', '10'), ('tcp_keepalives_count', '6'), ('tcp_user_timeout', '120000')) v(name, value) USING (name); \
         SELECT set_config(m.name, least(262144, greatest(65536, s.setting::bigint * 8))::text, {transaction}) FROM pg_settings m, pg_settings s \
         WHERE m.name = 'maintenance_work_mem' AND s.name = 'shared_buffers' \
         AND m.setting::bigint < least(262144, greatest(65536, s.setting::bigint * 8))",
        EXACT.replace("SET LOCAL", &format!("SET {local}"))
    );
    session.batch_execute(&text).await.map_err(|e| failed("begin on the target", &e))
}

/// Keeps others from writing to the tables, and from reading those that something is taken down of: for that PostgreSQL wants them
/// for itself, and asked for it later there could be two that wait for each other.
pub async fn lock(session: &Session, transfer: &Transfer, down: &Down) -> Result<()> {
    let alone = down.touched();
    let mut tables: BTreeSet<String> = transfer.tables.iter().map(|table| ident(&table.table)).collect();
    tables.extend(transfer.target.keys().map(|table| ident(table)));
    if !transfer.xml_ids.is_empty() {
        tables.insert(ident("ir_model_data"));
    }
    tables.extend(alone.iter().cloned());
    for table in &tables {
        let mode = if alone.contains(table) { "ACCESS EXCLUSIVE" } else { "SHARE ROW EXCLUSIVE" };
        let lock = format!("LOCK TABLE {table} IN {mode} MODE");
        session.batch_execute(&lock).await.map_err(|e| failed(format!("lock {table}"), &e))?;
    }
    Ok(())
}

/// Refuses a target whose tables are not what they were.
pub async fn as_planned(session: &Session, transfer: &Transfer) -> Result<()> {
    let names: Vec<&str> = transfer.target.keys().map(String::as_str).collect();
    let numbered = numbered(session, &names).await?;
    let mut other = Vec::new();
    for (table, state) in &transfer.target {
        let Some(has_id) = numbered.get(table) else {
            other.push(format!("{table} is not there"));
            continue;
        };
        let highest = if *has_id { "coalesce(max(id), 0)::bigint" } else { "0::bigint" };
        let question = format!("SELECT count(*), {highest} FROM ONLY {}", ident(table));
        let row = session.query_one(&question, &[]).await;
        let row = row.map_err(|e| failed(format!("look at {table} on the target"), &e))?;
        let now =
            TableState { rows: u64::try_from(row.get::<_, i64>(0)).unwrap_or_default(), highest: row.get(1) };
        if now != *state {
            let TableState { rows, highest } = now;
            other.push(format!(
                "{table} has {rows} rows up to {highest}, it had {} up to {}",
                state.rows, state.highest
            ));
        }
    }
    for (table, planned) in &transfer.numbers {
        let row = session.query_one(&Transfer::next_numbers(table), &[]).await;
        let now: String = row.map_err(|e| failed(format!("look at {table} on the target"), &e))?.get(0);
        if now != *planned {
            other.push(format!(
                "{table} has given away numbers: the next ones sum up to {now}, they did to {planned}"
            ));
        }
    }
    if other.is_empty() {
        return Ok(());
    }
    let error = told("the target has changed since the plan was made", other);
    Err(error.hint("Give this run up, and make the plan again: odpm apply --abandon; odpm migrate plan"))
}

/// Refuses a source that has rows of which the plan knows nothing, whose ids may be other rows' on the target; one that has lost some,
/// whose xml ids would come all the same; and rows that refer to others than they did, of which nobody has asked who they are there.
pub async fn source_as_planned(session: &Session, transfer: &Transfer) -> Result<()> {
    for (table, highest) in &transfer.source {
        let question = format!("SELECT coalesce(max(id), 0)::bigint FROM ONLY {}", ident(table));
        let row = session.query_one(&question, &[]).await;
        let now: i64 = row.map_err(|e| failed(format!("look at {table} on the source"), &e))?.get(0);
        if now > *highest {
            return Err(anew(
                Error::refused("the source has rows that came after the plan was made")
                    .because(format!("{table} has rows up to {now}, it had rows up to {highest}"))
                    .because("whose ids they have on the target is not known"),
            ));
        }
    }
    let mut other = Vec::new();
    for Referring { table, query, rows, digest } in &transfer.referring {
        let row = session.query_one(&Referring::question(query), &[]).await;
        let row = row.map_err(|e| failed(format!("look at {table} on the source"), &e))?;
        let (now, is): (String, String) = (row.get(0), row.get(1));
        if now != rows.to_string() {
            other.push(format!("of {table} {now} rows would come, {rows} were planned"));
        } else if is != *digest {
            other.push(format!("rows of {table} refer to others than they did"));
        }
    }
    if other.is_empty() {
        return Ok(());
    }
    Err(anew(told("the source has changed since the plan was made", other)))
}

/// What has changed, as far as it is told.
fn told(what: &str, other: Vec<String>) -> Error {
    let more = other.len().saturating_sub(TOLD);
    let error = other.into_iter().take(TOLD).fold(Error::refused(what), Error::because);
    if more > 0 { error.because(format!("and {more} more tables")) } else { error }
}

fn anew(error: Error) -> Error {
    error
        .hint("Give this run up, and make the plan again: odpm apply --abandon; odpm migrate plan")
        .hint("A source where people are at work is best stopped, or copied first.")
}

/// Those of the tables that are there, and whether they have a numeric id.
async fn numbered(session: &Session, names: &[&str]) -> Result<BTreeMap<String, bool>> {
    let question = "SELECT c.relname::text, EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'id' \
         AND NOT a.attisdropped AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)) \
         FROM pg_class c WHERE c.relname = ANY ($1) AND c.relkind = 'r' AND pg_table_is_visible(c.oid)";
    let rows = session.query_typed(question, &[(&names as &(dyn ToSql + Sync), Type::TEXT_ARRAY)]).await;
    let rows = rows.map_err(|e| failed("look at the target's tables", &e))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}
