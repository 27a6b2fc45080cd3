//! Single rows, by their keys.

use std::collections::BTreeMap;

use futures_util::TryStreamExt;

use crate::error::{Error, Result};
use crate::postgres::connect::Session;
use crate::postgres::probe::words;
use crate::rows::{Key, Row, Section, parse};

/// Those of the rows that are there, in the transaction at hand.
pub async fn rows_of(session: &Session, section: &Section, keys: &[Key]) -> Result<BTreeMap<Key, Row>> {
    rows_by(session, section, &section.sql_of(keys))
        .await?
        .map_err(|e| Error::environment(format!("cannot read {}", section.model)).because(words(&e)))
}

/// What a query of the section yields, or why PostgreSQL did not answer it.
pub(in crate::postgres) async fn rows_by(
    session: &Session,
    section: &Section,
    query: &str,
) -> Result<Result<BTreeMap<Key, Row>, tokio_postgres::Error>> {
    let text = match told(session, query).await {
        Ok(text) => text,
        Err(e) => return Ok(Err(e)),
    };
    let layout = section.layout();
    let mut found = BTreeMap::new();
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let mut json = Vec::new();
        layout.encode(line, &mut json)?;
        let parsed = parse(&json)?;
        found.insert(parsed.key, parsed.row);
    }
    Ok(Ok(found))
}

async fn told(session: &Session, query: &str) -> Result<Vec<u8>, tokio_postgres::Error> {
    let copy = session.copy_out(&format!("COPY ({query}) TO STDOUT")).await?;
    let mut copy = std::pin::pin!(copy);
    let mut text = Vec::new();
    while let Some(chunk) = copy.try_next().await? {
        text.extend_from_slice(&chunk);
    }
    Ok(text)
}

/// The keys of the rows for which a condition of a person's own holds.
pub async fn keys_where(session: &Session, section: &Section, condition: &str) -> Result<Vec<Key>> {
    let failed = |e: tokio_postgres::Error| {
        Error::usage(format!("--where {condition} cannot be asked of {}", section.table))
            .because(words(&e))
            .hint("It is a condition on the table's columns: --where \"state = 'cancel'\"")
    };
    // A savepoint: a mistake in it does not end the moment that is held.
    session.batch_execute("SAVEPOINT condition").await.map_err(failed)?;
    let rows = session.query_typed(&section.keys_sql(condition), &[]).await;
    let end = if rows.is_ok() { "RELEASE condition" } else { "ROLLBACK TO condition" };
    session.batch_execute(end).await.map_err(failed)?;
    let key = |row: &tokio_postgres::Row| match row.len() {
        1 => Key::One(row.get(0)),
        _ => Key::Two(row.get(0), row.get(1)),
    };
    Ok(rows.map_err(failed)?.iter().map(key).collect())
}

/// Those of the ids that no row of the table has.
pub async fn missing(session: &Session, table: &str, ids: &[i64]) -> Result<Vec<i64>> {
    let question = format!(
        "SELECT wanted FROM unnest($1) wanted WHERE NOT EXISTS (SELECT FROM ONLY {} t WHERE t.id = wanted)",
        crate::base::quote::ident(table)
    );
    let ids = (&ids as &(dyn tokio_postgres::types::ToSql + Sync), tokio_postgres::types::Type::INT8_ARRAY);
    let rows = session.query_typed(&question, &[ids]).await;
    let failed = |e: tokio_postgres::Error| {
        Error::environment(format!("cannot look for rows of {table}")).because(words(&e))
    };
    Ok(rows.map_err(failed)?.iter().map(|row| row.get(0)).collect())
}
