//! What a recovering server says, and what its log says when it gives up.

use jiff::Timestamp;

use super::connect::Session;
use super::probe::words;
use crate::error::{Error, Result};

/// How a recovery stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Whether the server recovers still; one that does not takes writes.
    pub recovering: bool,
    /// Whether it stands still.
    pub paused: bool,
    /// The last commit that was replayed.
    pub last_commit: Option<Timestamp>,
    /// The place in the log that it has come to.
    pub place: String,
}

/// Asks a recovering server. `now()` would tell the clock of the wall: only the log knows where it stands.
pub async fn look(session: &Session) -> Result<Recovery> {
    let question = "SELECT pg_is_in_recovery(), \
         CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() ELSE false END, \
         (extract(epoch FROM pg_last_xact_replay_timestamp()) * 1000000)::bigint, \
         coalesce(pg_last_wal_replay_lsn()::text, '')";
    let row = session
        .query_one(question, &[])
        .await
        .map_err(|e| Error::environment("cannot ask the sidecar how far it has come").because(words(&e)))?;
    let last = row.get::<_, Option<i64>>(2).and_then(|at| Timestamp::from_microsecond(at).ok());
    Ok(Recovery { recovering: row.get(0), paused: row.get(1), last_commit: last, place: row.get(3) })
}

/// Runs a statement where a recovery has ended.
pub async fn run(session: &Session, statement: &str) -> Result<()> {
    let failed = |e| Error::environment("the recovered cluster takes no statement").because(words(&e));
    session.batch_execute(statement).await.map_err(failed)
}

/// The timeline that a promoted server writes.
pub async fn timeline(session: &Session) -> Result<u32> {
    let unknown = || Error::environment("the recovered cluster does not tell its timeline");
    let row = session.query_one("SELECT pg_walfile_name(pg_current_wal_lsn())", &[]).await;
    let name: String = row.map_err(|e| unknown().because(words(&e)))?.get(0);
    name.get(..8).and_then(|number| u32::from_str_radix(number, 16).ok()).ok_or_else(unknown)
}

/// Whether the log says that the target was met: a recovery pauses for other reasons, too.
pub fn stopped_at_target(log: &str) -> bool {
    log.lines()
        .any(|line| line.contains("recovery stopping before") || line.contains("recovery stopping after"))
}

/// Why a recovery failed and what helps, where the log says one of the things that are known.
pub fn explain(log: &str) -> Option<(String, &'static str)> {
    let line = |words: &str| log.lines().rev().find(|line| line.contains(words));
    if line("recovery ended before configured recovery target was reached").is_some() {
        let last = line("last completed transaction was at log time");
        let last = last.and_then(|line| line.split("at log time ").nth(1));
        let why = last.map_or_else(
            || "the log ends before that moment, and has no commit".to_owned(),
            |last| format!("the log ends before that moment: its last commit is of {last}"),
        );
        return Some((why, "See which moments can be recovered: odpm archive status"));
    }
    if let Some(found) = line("insufficient parameter settings") {
        let why = found.split("because of ").last().unwrap_or(found).trim().to_owned();
        return Some((
            why,
            "The primary was given greater settings since the base backup: start it, so that they are known.",
        ));
    }
    for words in [
        "could not locate",
        "invalid record length",
        "incorrect resource manager data checksum",
        "unexpected pageaddr",
    ] {
        if let Some(found) = line(words) {
            let why = found.split("LOG:  ").last().unwrap_or(found).trim().to_owned();
            return Some((why, "Prove the log: odpm archive verify"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_postgresql_says_is_explained() {
        let ended = "2026-11-21 14:00:00.1 UTC [7] LOG:  last completed transaction was at log time 2026-11-21 13:59:58.123+00\n\
             2026-11-21 14:00:00.1 UTC [7] FATAL:  recovery ended before configured recovery target was reached\n";
        let (why, hint) = explain(ended).unwrap();
        assert!(why.ends_with("2026-11-21 13:59:58.123+00") && hint.contains("archive status"), "{why}");
        assert_eq!(explain("LOG:  redo starts at 0/2000028"), None);
        assert!(stopped_at_target("LOG:  recovery stopping before commit of transaction 740, time 2026-"));
        assert!(!stopped_at_target("LOG:  pausing at the end of recovery"));
    }
}
