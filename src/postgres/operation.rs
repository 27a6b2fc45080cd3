//! Who and what is at work in a database, and what is set on it: what an upgrade has to know. Writes nothing, locks nothing.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::connect::Session;
use super::database_settings::Grant;
use super::databases::has_table;
use super::probe::words;
use super::sessions;
use crate::error::{Error, Result};
use crate::facts::{
    AtWork, DatabaseTerms, JobSeen, Known, OdooSeen, PreparedSeen, SessionSeen, SubjectSeen, WorkerSeen,
};
use crate::odoo::mask_statement;

/// How many locks of a session are told.
const LOCKS: usize = 4;

fn failed(e: &tokio_postgres::Error) -> Error {
    Error::environment("cannot ask the server what goes on in the database").because(words(e))
}

async fn ask(session: &Session, question: &str) -> Result<Vec<Row>> {
    session.query(question, &[]).await.map_err(|e| failed(&e))
}

/// A database, asked from any other; `None` where there is none of this name. Odoo in it is asked from within.
pub async fn subject(session: &Session, database: &str) -> Result<Option<SubjectSeen>> {
    let question = "SELECT datallowconn, CASE WHEN has_database_privilege(oid, 'CONNECT') THEN pg_database_size(oid) END \
         FROM pg_database WHERE datname = $1 AND NOT datistemplate";
    let row = session.query_opt(question, &[&database]).await.map_err(|e| failed(&e))?;
    Ok(row.map(|row| SubjectSeen {
        open: row.get(0),
        bytes: row.get::<_, Option<i64>>(1).and_then(|bytes| u64::try_from(bytes).ok()),
        odoo: Known::unasked(),
    }))
}

/// Odoo in the session's database.
pub async fn odoo(session: &Session) -> Result<Option<OdooSeen>> {
    super::databases::odoo(session).await.map_err(|e| failed(&e))
}

/// Who and what is at work in the session's database.
pub async fn at_work(session: &Session, database: &str) -> Result<AtWork> {
    let prepared = "SELECT gid, owner::text, (extract(epoch FROM prepared) * 1000000)::bigint \
         FROM pg_prepared_xacts WHERE database = current_database() ORDER BY prepared";
    let rows = ask(session, prepared).await?;
    let prepared = rows.iter().map(|row| PreparedSeen {
        name: row.get(0),
        owner: row.get(1),
        since: Timestamp::from_microsecond(row.get(2)).unwrap_or_default(),
    });
    let slots = "SELECT slot_name::text, active FROM pg_replication_slots WHERE database = current_database() ORDER BY 1";
    let subscriptions = "SELECT subname::text FROM pg_subscription \
         WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1";
    Ok(AtWork {
        prepared: prepared.collect(),
        slots: ask(session, slots).await?.iter().map(|row| (row.get(0), row.get(1))).collect(),
        subscriptions: ask(session, subscriptions).await?.iter().map(|row| row.get(0)).collect(),
        sessions: workers(session, database).await?,
        jobs: jobs(session).await?,
    })
}

async fn workers(session: &Session, database: &str) -> Result<Vec<WorkerSeen>> {
    let locks = "SELECT l.pid, array_agg(DISTINCT c.relname || ' ' || l.mode ORDER BY c.relname || ' ' || l.mode) \
         FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE l.locktype = 'relation' AND l.granted \
         AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
         AND c.relkind IN ('r', 'p', 'm') AND c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)' \
         GROUP BY l.pid";
    let locks = ask(session, locks).await?;
    let mut all = sessions::endable(session).await?;
    all.retain(|(seen, _)| seen.database == database);
    let worker = |(mut seen, endable): (SessionSeen, bool)| {
        seen.query = mask_statement(&seen.query);
        let own = locks.iter().find(|row| row.get::<_, i32>(0) == seen.pid);
        let mut locks: Vec<String> = own.map(|row| row.get(1)).unwrap_or_default();
        locks.truncate(LOCKS);
        WorkerSeen { locks, endable, session: seen }
    };
    Ok(all.into_iter().map(worker).collect())
}

/// Scheduled actions whose rows are locked, as Odoo does while it runs one, and jobs of the queue that have begun. A row tells who
/// has locked it, and the server whether that one is still at work: nothing is locked to find out.
async fn jobs(session: &Session) -> Result<Vec<JobSeen>> {
    let mut found = Vec::new();
    if has_table(session, "ir_cron").await.map_err(|e| failed(&e))? {
        // Whoever refers to the row while it is locked makes its xmax stand for several transactions.
        let question = "SELECT DISTINCT c.id, coalesce(to_jsonb(c) ->> 'cron_name', to_jsonb(c) ->> 'name', 'number ' || c.id), l.pid \
             FROM ir_cron c CROSS JOIN pg_control_checkpoint() p \
             LEFT JOIN LATERAL (SELECT m.xid FROM pg_get_multixact_members( \
               CASE WHEN mxid_age(c.xmax) BETWEEN 1 AND mxid_age(p.oldest_multi_xid) THEN c.xmax END) m \
               WHERE m.mode NOT IN ('keysh', 'sh')) m ON true \
             JOIN pg_locks l ON l.locktype = 'transactionid' AND l.granted AND l.mode = 'ExclusiveLock' \
             AND l.transactionid IN (c.xmax, m.xid) ORDER BY c.id";
        let rows = ask(session, question).await?;
        let job = |row: &Row| JobSeen { kind: "scheduled action", name: row.get(1), pid: row.get(2) };
        found.extend(rows.iter().map(job));
    }
    if has_table(session, "queue_job").await.map_err(|e| failed(&e))? {
        let question = "SELECT coalesce(to_jsonb(j) ->> 'name', to_jsonb(j) ->> 'uuid', 'number ' || j.id) \
             FROM queue_job j WHERE to_jsonb(j) ->> 'state' = 'started' ORDER BY j.id LIMIT 100";
        let rows = ask(session, question).await?;
        let job = |row: &Row| JobSeen { kind: "queue job", name: row.get(0), pid: None };
        found.extend(rows.iter().map(job));
    }
    Ok(found)
}

/// What is set on a database, asked from any other; nothing where there is none of this name.
pub async fn terms(session: &Session, database: &str) -> Result<DatabaseTerms> {
    let question = "SELECT d.datconnlimit, shobj_description(d.oid, 'pg_database'), d.datacl IS NULL, \
         (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) FROM pg_database d WHERE d.datname = $1";
    let row = session.query_opt(question, &[&database]).await.map_err(|e| failed(&e))?;
    let Some(row) = row else { return Ok(DatabaseTerms::default()) };
    let privileges = match row.get(2) {
        true => None,
        false => {
            let all = super::database_settings::grants(session, database).await?;
            Some(all.iter().filter(|grant| !grant.owners).map(Grant::told).collect())
        }
    };
    Ok(DatabaseTerms {
        settings: super::database_settings::settings(session, database).await?,
        privileges,
        connection_limit: row.get(0),
        comment: row.get(1),
        superuser: row.get::<_, Option<bool>>(3).unwrap_or(false),
    })
}
