//! What a database still knows of who wrote its rows, and which table is in which file.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;

use super::catalog::logins;
use super::connect::Session;
use super::probe::words;
use crate::base::quote::ident;
use crate::error::{Error, Result};
use crate::facts::{FileNode, Trace};

fn failed(what: &str, e: &tokio_postgres::Error) -> Error {
    Error::environment(format!("cannot look at {what}")).because(words(e))
}

/// What was found of who wrote rows.
#[derive(Debug, Default)]
pub struct Found {
    /// Rows by table, minute and writer.
    pub traces: Vec<Trace>,
    /// How many tables do not keep `write_date`.
    pub without: u64,
    /// Tables that could not be read, and why.
    pub unread: Vec<String>,
}

/// Looks at every table that keeps `write_date`. One that somebody holds locked is passed over, and told.
pub async fn traces(session: &Session, since: Timestamp) -> Result<Found> {
    session.batch_execute("SET lock_timeout = '5s'").await.map_err(|e| failed("the tables", &e))?;
    let question = "SELECT c.relname::text, bool_or(a.attname = 'write_date'), bool_or(a.attname = 'write_uid'), \
         bool_or(a.attname = 'create_date') FROM pg_class c \
         LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped \
           AND (a.attname IN ('write_date', 'create_date') AND a.atttypid = 'timestamp'::regtype OR a.attname = 'write_uid') \
         WHERE c.relkind = 'r' AND pg_table_is_visible(c.oid) AND c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)' \
         GROUP BY 1 ORDER BY 1";
    let tables = session.query(question, &[]).await.map_err(|e| failed("the tables", &e))?;
    let logins = logins(session).await;
    let mut found = Found::default();
    let since = since.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string();
    for table in &tables {
        let name: String = table.get(0);
        if table.get::<_, Option<bool>>(1) != Some(true) {
            found.without += 1;
            continue;
        }
        let uid = if table.get::<_, Option<bool>>(2) == Some(true) {
            "t.write_uid::bigint"
        } else {
            "NULL::bigint"
        };
        let new = match table.get::<_, Option<bool>>(3) {
            // Odoo gives both the moment of the transaction's beginning.
            Some(true) => "t.create_date >= t.write_date",
            _ => "false",
        };
        let question = format!(
            "SELECT extract(epoch FROM date_trunc('minute', t.write_date))::bigint, {uid}, \
             count(*) FILTER (WHERE {new}), count(*) FILTER (WHERE NOT coalesce({new}, false)) \
             FROM ONLY {} t WHERE t.write_date >= '{since}' GROUP BY 1, 2",
            ident(&name)
        );
        let rows = match session.query(&question, &[]).await {
            Ok(rows) => rows,
            Err(e) => {
                found.unread.push(format!("{name}: {}", words(&e)));
                continue;
            }
        };
        for row in rows {
            let by: Option<i64> = row.get(1);
            found.traces.push(Trace {
                table: name.clone(),
                minute: Timestamp::from_second(row.get(0)).unwrap_or_default(),
                by: by.map(|uid| logins.get(&uid).cloned().unwrap_or_else(|| format!("user {uid}"))),
                inserted: row.get::<_, i64>(2).unsigned_abs(),
                updated: row.get::<_, i64>(3).unsigned_abs(),
            });
        }
    }
    found.traces.sort_by(|a, b| (a.minute, &a.table).cmp(&(b.minute, &b.table)));
    Ok(found)
}

/// The files of a database's tables.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// PostgreSQL's number for the database.
    pub database: u32,
    /// Tables by their files.
    pub tables: BTreeMap<FileNode, String>,
    /// The files of PostgreSQL's own tables, and of what is stored beside tables.
    pub own: HashSet<FileNode>,
}

/// Which table is in which file now.
pub async fn files(session: &Session) -> Result<Files> {
    let question = "SELECT pg_relation_filenode(c.oid), c.relname::text, \
         c.relkind = 't' OR c.relnamespace::regnamespace::text ~ '^(pg_|information_schema)', \
         (SELECT oid FROM pg_database WHERE datname = current_database()) \
         FROM pg_class c WHERE c.relkind IN ('r', 't', 'm') AND pg_relation_filenode(c.oid) IS NOT NULL";
    let mut files = Files::default();
    for row in session.query(question, &[]).await.map_err(|e| failed("the tables' files", &e))? {
        files.database = row.get(3);
        match row.get::<_, bool>(2) {
            true => drop(files.own.insert(row.get(0))),
            false => drop(files.tables.insert(row.get(0), row.get(1))),
        }
    }
    Ok(files)
}
