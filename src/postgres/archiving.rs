//! What a server says of its archiving, and having it archive up to now.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::connect::Session;
use super::probe::words;
use crate::error::{Error, Result};
use crate::facts::{Archiver, FLOORS, Lsn};

/// How often something that is waited for is looked at.
const BEAT: Duration = Duration::from_millis(100);

/// What a base backup is recorded with.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// The server's clock.
    pub now: Timestamp,
    /// The end of its log.
    pub place: Lsn,
    /// How many bytes a segment has.
    pub segment_bytes: u64,
    /// PostgreSQL's name for the cluster.
    pub system_identifier: u64,
    /// The server's version.
    pub version: String,
    /// How many tablespaces lie outside the data directory.
    pub tablespaces: i64,
    /// [`FLOORS`].
    pub floors: BTreeMap<String, String>,
}

fn failed(e: &tokio_postgres::Error) -> Error {
    Error::environment("cannot ask the server about its log").because(words(e))
}

/// A moment as microseconds since 1970, which every version can say.
const NOW: &str = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint";

fn moment(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(microseconds).unwrap_or_default()
}

/// What a base backup is recorded with.
pub async fn cluster(session: &Session) -> Result<Cluster> {
    let question = format!(
        "SELECT {NOW}, pg_current_wal_lsn()::text, current_setting('wal_segment_size'), \
         (SELECT system_identifier FROM pg_control_system()), current_setting('server_version'), \
         (SELECT count(*) FROM pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global')), \
         pg_size_bytes(current_setting('wal_segment_size'))"
    );
    let row = session.query_one(&question, &[]).await.map_err(|e| failed(&e))?;
    let place: String = row.get(1);
    let version: String = row.get(4);
    Ok(Cluster {
        now: moment(row.get(0)),
        place: Lsn::parse(&place)
            .ok_or_else(|| Error::internal(format!("`{place}` is no place in the log")))?,
        segment_bytes: row.get::<_, i64>(6).unsigned_abs(),
        system_identifier: row.get::<_, i64>(3).cast_unsigned(),
        version: version.split(' ').next().unwrap_or_default().to_owned(),
        tablespaces: row.get(5),
        floors: floors(session).await?,
    })
}

/// What the server says of its archiving; its command is known by `sign` as the one that is described.
pub async fn archiver(session: &Session, sign: &str) -> Result<Archiver> {
    let question = format!(
        "SELECT {NOW}, current_setting('archive_mode') <> 'off' \
           AND position($1::text IN current_setting('archive_command')) > 0, \
         last_archived_wal, (extract(epoch FROM last_archived_time) * 1000000)::bigint, \
         last_failed_wal, (extract(epoch FROM last_failed_time) * 1000000)::bigint, \
         (SELECT system_identifier FROM pg_control_system()), \
         (SELECT sum(pg_database_size(oid))::bigint FROM pg_database), \
         pg_size_bytes(current_setting('wal_segment_size')), \
         (SELECT timeline_id FROM pg_control_checkpoint()) FROM pg_stat_archiver"
    );
    let row = session.query_one(&question, &[&sign]).await.map_err(|e| failed(&e))?;
    let pair = |at: usize| -> Option<(String, Timestamp)> {
        Some((row.get::<_, Option<String>>(at)?, moment(row.get::<_, Option<i64>>(at + 1)?)))
    };
    // Not every role may look into the server's folders.
    let waiting = "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'";
    let waiting = session.query_one(waiting, &[]).await.ok().map(|row| row.get::<_, i64>(0).unsigned_abs());
    Ok(Archiver {
        now: moment(row.get(0)),
        on: row.get::<_, Option<bool>>(1).unwrap_or(false),
        last: pair(2),
        failed: pair(4),
        waiting,
        system_identifier: row.get::<_, i64>(6).cast_unsigned(),
        timeline: row.get::<_, i32>(9).unsigned_abs(),
        bytes: row.get::<_, Option<i64>>(7).unwrap_or_default().unsigned_abs(),
        segment_bytes: row.get::<_, i64>(8).unsigned_abs(),
        floors: floors(session).await?,
    })
}

/// [`FLOORS`] as they are.
async fn floors(session: &Session) -> Result<BTreeMap<String, String>> {
    let question =
        format!("SELECT name::text, setting FROM pg_settings WHERE name IN ('{}')", FLOORS.join("', '"));
    let rows = session.query(&question, &[]).await.map_err(|e| failed(&e))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Has the server finish its segment, and waits until that is archived; its name. The commit of a transaction without any
/// effect goes first: a recovery to a moment ends at the first commit after it, and there may be no other.
pub async fn settle(session: &Session, sign: &str, patience: Duration) -> Result<String> {
    let before = archiver(session, sign).await?;
    if !before.on {
        return Err(
            Error::refused("the server does not archive its log").hint("Have it do so: odpm archive enable")
        );
    }
    session.batch_execute("SELECT txid_current()").await.map_err(|e| failed(&e))?;
    let switch = "SELECT pg_walfile_name(pg_switch_wal())";
    let name: String = session.query_one(switch, &[]).await.map_err(|e| failed(&e))?.get(0);
    let begin = Instant::now();
    loop {
        let now = archiver(session, sign).await?;
        // Names sort as the log does; a note on a backup begins with the segment's.
        if now.last.as_ref().is_some_and(|(last, _)| last.get(..24).unwrap_or(last) >= name.as_str()) {
            return Ok(name);
        }
        let failed_since = now.fails() && now.failed != before.failed;
        if failed_since || begin.elapsed() > patience {
            let what = if failed_since { "failed" } else { "is not done" };
            let waiting = now.waiting.map_or_else(String::new, |count| format!(", {count} segments wait"));
            return Err(Error::environment(format!("archiving {name} {what}"))
                .because(format!("the server goes on trying{waiting}"))
                .hint("Read why in the server's log: odpm logs --service db --since 10m")
                .hint("See whether the archive's disk is full, and who may write there."));
        }
        tokio::time::sleep(BEAT).await;
    }
}
