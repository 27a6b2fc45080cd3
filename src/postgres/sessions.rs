//! Who is at work in a server, and how that is ended.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::connect::Session;
use super::probe::words;
use crate::base::quote::ident;
use crate::error::{Error, Result};
use crate::facts::SessionSeen;
use crate::step::Ending;

/// How much of a statement is told.
const LONG: usize = 220;

/// How often something that is waited for is looked at.
const BEAT: Duration = Duration::from_millis(100);

fn failed(e: &tokio_postgres::Error) -> Error {
    Error::environment("cannot ask the server who is at work").because(words(e))
}

/// The sessions of people and programs, but for the one that asks; those that have been at it longest first.
pub async fn list(session: &Session) -> Result<Vec<SessionSeen>> {
    Ok(endable(session).await?.into_iter().map(|(seen, _)| seen).collect())
}

/// The same, each with whether our role may end it; where that cannot be told, it may.
pub async fn endable(session: &Session) -> Result<Vec<(SessionSeen, bool)>> {
    let question = "SELECT pid, coalesce(usename::text, ''), coalesce(datname::text, ''), coalesce(application_name, ''), \
         coalesce(host(client_addr), ''), (extract(epoch FROM backend_start) * 1000000)::bigint, \
         (extract(epoch FROM CASE WHEN state = 'active' THEN query_start ELSE state_change END) * 1000000)::bigint, \
         (extract(epoch FROM xact_start) * 1000000)::bigint, coalesce(state, ''), \
         CASE WHEN wait_event_type IN ('Lock', 'LWLock', 'BufferPin') THEN wait_event_type || ': ' || wait_event END, \
         pg_blocking_pids(pid), coalesce(query, ''), \
         coalesce((SELECT rolsuper FROM pg_roles WHERE rolname = current_user) \
         OR NOT (SELECT rolsuper FROM pg_roles WHERE oid = usesysid) \
         AND (pg_has_role(usesysid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE')), true) FROM pg_stat_activity \
         WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY query_start NULLS LAST";
    let moment = |micro: Option<i64>| micro.and_then(|micro| Timestamp::from_microsecond(micro).ok());
    let rows = session.query(question, &[]).await.map_err(|e| failed(&e))?;
    let seen = |row: &tokio_postgres::Row| {
        let query: String = row.get(11);
        let seen = SessionSeen {
            pid: row.get(0),
            role: row.get(1),
            database: row.get(2),
            application: row.get(3),
            address: row.get(4),
            began: moment(row.get(5)).unwrap_or_default(),
            since: moment(row.get(6)),
            transaction: moment(row.get(7)),
            state: row.get(8),
            waits: row.get(9),
            blocked_by: row.get(10),
            query: query.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONG).collect(),
        };
        (seen, row.get(12))
    };
    Ok(rows.iter().map(seen).collect())
}

/// Ends what a session does, or the session; tells what it took. One that has gone by itself is what was wanted.
pub async fn end(
    session: &Session,
    pid: i32,
    began: Timestamp,
    ending: Ending,
    patience: Duration,
) -> Result<String> {
    let terminate = format!("to end the session: odpm incident sessions --terminate {pid}");
    match there(session, pid, began).await?.as_deref() {
        None => return Ok("it had ended by itself".to_owned()),
        Some("active") => {}
        Some(state) if ending == Ending::Cancel => {
            return Ok(format!("it is {state}, there is no statement to cancel; {terminate}"));
        }
        Some(_) => {}
    }
    ask(session, "pg_cancel_backend", pid, began).await?;
    if settled(session, pid, began, ending, patience).await? {
        return Ok("its statement was cancelled".to_owned());
    }
    if ending == Ending::Cancel {
        // Not a failure that has to be resumed: the next thing to do is another one.
        return Ok(format!("IT GOES ON in spite of the cancel; {terminate}"));
    }
    ask(session, "pg_terminate_backend", pid, began).await?;
    let begin = Instant::now();
    while there(session, pid, began).await?.is_some() {
        if begin.elapsed() > patience {
            return Err(Error::environment(format!("process {pid} does not end")));
        }
        tokio::time::sleep(BEAT).await;
    }
    Ok("the session was terminated, its transaction rolled back".to_owned())
}

/// How many sessions were asked: none where it has gone.
async fn ask(session: &Session, function: &str, pid: i32, began: Timestamp) -> Result<usize> {
    let question =
        format!("SELECT {function}(pid) FROM pg_stat_activity WHERE pid = {pid} AND {}", at(began));
    Ok(session.query(&question, &[]).await.map_err(|e| failed(&e))?.len())
}

fn at(began: Timestamp) -> String {
    format!("(extract(epoch FROM backend_start) * 1000000)::bigint = {}", began.as_microsecond())
}

/// The state that it is in; `None` where it has gone.
async fn there(session: &Session, pid: i32, began: Timestamp) -> Result<Option<String>> {
    let question =
        format!("SELECT coalesce(state, '') FROM pg_stat_activity WHERE pid = {pid} AND {}", at(began));
    Ok(session.query(&question, &[]).await.map_err(|e| failed(&e))?.first().map(|row| row.get(0)))
}

/// Whether the cancel has done what was wanted. For one whose end is wanted a cancelled statement is not enough: it would
/// begin another.
async fn settled(
    session: &Session,
    pid: i32,
    began: Timestamp,
    ending: Ending,
    patience: Duration,
) -> Result<bool> {
    let begin = Instant::now();
    loop {
        match there(session, pid, began).await? {
            None => return Ok(true),
            Some(state) if state != "active" => return Ok(ending == Ending::Cancel),
            Some(_) if begin.elapsed() > patience => return Ok(false),
            Some(_) => tokio::time::sleep(BEAT).await,
        }
    }
}

/// Has a database take no writes but those of transactions that say that they write, or take them again. Everybody else is sent
/// away from it.
pub async fn hold(session: &Session, database: &str, hold: bool) -> Result<String> {
    let what =
        if hold { "SET default_transaction_read_only = on" } else { "RESET default_transaction_read_only" };
    let failed = |e: tokio_postgres::Error| {
        let what = if hold { "hold back" } else { "let go of" };
        Error::environment(format!("cannot {what} the writes to {database}")).because(words(&e))
    };
    let alter = format!("ALTER DATABASE {} {what}", ident(database));
    session.batch_execute(&alter).await.map_err(failed)?;
    let away = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid() \
         AND backend_type = 'client backend'";
    let name = (&database as &(dyn tokio_postgres::types::ToSql + Sync), tokio_postgres::types::Type::TEXT);
    let sent = session.query_typed(away, &[name]).await.map_err(failed)?.len();
    Ok(format!("{sent} sessions were sent away"))
}
