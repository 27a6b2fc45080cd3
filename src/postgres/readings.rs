//! Rows and writes of tables, read without waiting for anybody.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::connect::Session;
use super::probe::words;
use crate::base::quote::ident;
use crate::error::{Error, Result};
use crate::facts::{Reading, TableReading};

/// Larger tables are not counted: that would push what people work with out of memory.
const LARGE: i64 = 2 << 30;

/// How long all counting may take; what is left then is estimated.
const COUNTING: Duration = Duration::from_secs(20);

fn failed(e: &tokio_postgres::Error) -> Error {
    Error::environment("cannot read how much is in the tables").because(words(e))
}

/// The tables of these names that there are.
pub async fn reading(session: &Session, names: &[String]) -> Result<Reading> {
    // Whoever holds a table, by an upgrade or a script, is not waited for.
    let hurry =
        "SET statement_timeout = '3s'; SET lock_timeout = '500ms'; SET default_transaction_read_only = on";
    session.batch_execute(hurry).await.map_err(|e| failed(&e))?;
    let question = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, \
         (SELECT system_identifier::text FROM pg_control_system()), d.oid, \
         (SELECT (extract(epoch FROM stats_reset) * 1000000)::bigint FROM pg_stat_database WHERE datid = d.oid) \
         FROM pg_database d WHERE d.datname = current_database()";
    let moment = |micro: i64| Timestamp::from_microsecond(micro).unwrap_or_default();
    let head = session.query_one(question, &[]).await.map_err(|e| failed(&e))?;
    Ok(Reading {
        at: moment(head.get(0)),
        cluster: head.get::<_, String>(1).parse().unwrap_or_default(),
        database: head.get(2),
        reset: head.get::<_, Option<i64>>(3).map(moment),
        tables: tables(session, names).await?,
    })
}

async fn tables(session: &Session, names: &[String]) -> Result<BTreeMap<String, TableReading>> {
    // By the catalogs alone: asking for the size of a file would wait for whoever holds the table.
    let question = "SELECT c.relname::text, c.oid, c.relpages::bigint * current_setting('block_size')::bigint, \
         greatest(coalesce(s.n_live_tup, 0), 0), coalesce(s.n_tup_ins, 0), coalesce(s.n_tup_upd, 0), coalesce(s.n_tup_del, 0), \
         c.relnamespace::regnamespace::text \
         FROM pg_class c LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid \
         WHERE c.relname = ANY ($1) AND c.relkind = 'r' AND pg_table_is_visible(c.oid)";
    let rows = session.query(question, &[&names]).await.map_err(|e| failed(&e))?;
    let begin = Instant::now();
    let mut tables = BTreeMap::new();
    for row in rows {
        let name: String = row.get(0);
        let small = row.get::<_, i64>(2) <= LARGE && begin.elapsed() < COUNTING;
        let counted = if small { count(session, &row.get::<_, String>(7), &name).await? } else { None };
        let number = |at: usize| row.get::<_, i64>(at).unsigned_abs();
        let table = TableReading {
            oid: row.get(1),
            rows: counted.unwrap_or_else(|| number(3)),
            exact: counted.is_some(),
            inserted: number(4),
            updated: number(5),
            deleted: number(6),
        };
        tables.insert(name, table);
    }
    Ok(tables)
}

/// The rows of a table; `None` where counting takes too long, or somebody holds the table, or it has gone meanwhile.
async fn count(session: &Session, schema: &str, name: &str) -> Result<Option<u64>> {
    // The schema is quoted by PostgreSQL already.
    let question = format!("SELECT count(*) FROM ONLY {schema}.{}", ident(name));
    match session.query_one(&question, &[]).await {
        Ok(row) => Ok(Some(row.get::<_, i64>(0).unsigned_abs())),
        Err(e) if e.as_db_error().is_some() && !session.is_closed() => Ok(None),
        Err(e) => Err(failed(&e)),
    }
}
