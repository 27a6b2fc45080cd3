//! What a server can tell of an incident: locks, statements, its counters.

use tokio_postgres::types::{ToSql, Type};

use super::connect::Session;
use super::probe::words;
use crate::error::{Error, Result};

/// Who holds which lock on what, and who waits.
const LOCKS: &str = "SELECT l.pid, l.locktype, l.mode, l.granted, l.relation::regclass::text AS relation, l.transactionid::text AS transaction, \
     a.usename, a.datname, a.application_name, a.state, pg_blocking_pids(l.pid) AS blocked_by FROM pg_locks l \
     LEFT JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.pid <> pg_backend_pid()";

/// The statements that took longest.
const STATEMENTS: &str = "SELECT * FROM pg_stat_statements ORDER BY total_exec_time DESC LIMIT 100";

/// Which settings are not PostgreSQL's own.
const SETTINGS: &str =
    "SELECT name, setting, unit, source FROM pg_settings WHERE source NOT IN ('default', 'override')";

/// What the tables' counters say.
const TABLES: &str = "SELECT relname, n_tup_ins, n_tup_upd, n_tup_del, n_live_tup, seq_scan, idx_scan, last_autovacuum, last_autoanalyze \
     FROM pg_stat_user_tables ORDER BY n_tup_del + n_tup_upd DESC LIMIT 200";

/// What is kept of a server: names and queries. One that it cannot answer is left out with the reason.
pub const EVIDENCE: [(&str, &str); 5] = [
    ("sessions", "SELECT * FROM pg_stat_activity WHERE pid <> pg_backend_pid()"),
    ("locks", LOCKS),
    ("statements", STATEMENTS),
    ("tables", TABLES),
    ("settings", SETTINGS),
];

/// The rows of a query as one JSON document.
pub async fn rows_as_json(session: &Session, query: &str) -> Result<String> {
    let question = format!("SELECT coalesce(jsonb_pretty(jsonb_agg(to_jsonb(q))), '[]') FROM ({query}) q");
    let rows = session.query_typed(&question, &[]).await;
    let rows = rows.map_err(|e| Error::environment("cannot ask the server").because(words(&e)))?;
    Ok(rows.first().map(|row| row.get(0)).unwrap_or_default())
}

/// The counters of a database at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Counters {
    /// Rows inserted, updated and deleted since the statistics began.
    pub written: i64,
    /// For how many seconds they have been kept; `None` where nobody knows.
    pub seconds: Option<f64>,
    /// The longest that a session has waited for a lock, in seconds.
    pub waited: u64,
}

/// What the counters of a database say.
pub async fn counters(session: &Session, database: &str) -> Result<Counters> {
    let question = "SELECT tup_inserted + tup_updated + tup_deleted, \
         extract(epoch FROM now() - coalesce(stats_reset, pg_postmaster_start_time()))::double precision, \
         (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - coalesce((to_jsonb(l)->>'waitstart')::timestamptz, a.query_start))), 0)::bigint \
          FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE NOT l.granted AND a.datname = $1) FROM pg_stat_database WHERE datname = $1";
    let name = (&database as &(dyn ToSql + Sync), Type::TEXT);
    let rows = session.query_typed(question, &[name]).await;
    let failed = || Error::environment(format!("cannot read the counters of {database}"));
    let rows = rows.map_err(|e| failed().because(words(&e)))?;
    let row = rows.first().ok_or_else(|| failed().because("there is no such database"))?;
    Ok(Counters {
        written: row.get(0),
        seconds: row.get(1),
        waited: u64::try_from(row.get::<_, i64>(2)).unwrap_or_default(),
    })
}
