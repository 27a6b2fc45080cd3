//! Gathers what there is to know of what was written lately: by `write_date`, and by the server's own log.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::{Loaded, source};
use crate::archive_file::{self, pgbackrest};
use crate::base::Secret;
use crate::engine::{Engine, Tool};
use crate::error::Result;
use crate::facts::{ArchiveSeen, KeptSegment, Known, segment_bytes};
use crate::grounds::specs;
use crate::incident::{Damage, LogRead, Transactions};
use crate::postgres::traces;
use crate::process::blocking;
use crate::project::ArchiveMethod;
use crate::state::cannot;
use crate::step::{KeptLog, Operator};

/// How many segments of the log are read at most: they are unpacked for it.
const SEGMENTS: usize = 64;

/// How many chunks of what a program says wait to be read.
const WAITING: usize = 16;

/// What is usual is taken from as many hours before.
const USUAL: SignedDuration = SignedDuration::from_hours(24);

/// What was written in a database since a moment.
pub async fn damage(
    loaded: &Loaded,
    engine: &dyn Engine,
    operator: &Operator,
    database: &str,
    since: Timestamp,
    archive: &ArchiveSeen,
) -> Result<Damage> {
    let session = source(loaded, database)?.connect().await?;
    let from = since.checked_sub(USUAL).unwrap_or(since);
    let traces::Found { traces, without, unread } = traces::traces(&session, from).await?;
    let files = traces::files(&session).await?;
    let tables = files.tables;
    let read = Transactions::new(files.database, files.own, since);
    let log = match &loaded.project.archive {
        None => Known::Unknown("odpm.yaml describes no archive".to_owned()),
        Some(described) => {
            let log = match &described.method {
                ArchiveMethod::Basebackup(folder) => KeptLog::Basebackup { folder: folder.wal() },
                ArchiveMethod::Pgbackrest(all) => {
                    KeptLog::Pgbackrest { pgbackrest: specs::pgbackrest(&loaded.project, all, None) }
                }
            };
            read_log(engine, operator, (&log, loaded.state.path()), archive, since, read).await
        }
    };
    let log = log.map(|(read, left_out)| LogRead {
        transactions: read.committed,
        count: read.count,
        sizes: read.sizes,
        until: read.until,
        left_out,
        tables,
    });
    Ok(Damage { database: database.to_owned(), since, traces, without, unread, log })
}

/// Reads the kept log since a moment; how many segments were left out.
async fn read_log(
    engine: &dyn Engine,
    operator: &Operator,
    (log, state): (&KeptLog, &Path),
    archive: &ArchiveSeen,
    since: Timestamp,
    read: Transactions,
) -> Known<(Transactions, usize)> {
    // Where the log forks, the branch that is written now counts. One more segment: what was committed first may have begun in it.
    let own = archive.segments.iter().filter(|kept| Some(kept.segment.timeline) == archive.timeline());
    let mut wanted: Vec<KeptSegment> = own.copied().collect();
    let older = wanted.iter().filter(|kept| kept.at < since).count().saturating_sub(1);
    wanted.drain(..older);
    let left_out = wanted.len().saturating_sub(SEGMENTS);
    wanted.drain(..left_out);
    let Some((first, last)) = wanted.first().zip(wanted.last()) else {
        return Known::Unknown("nothing of it was archived since".to_owned());
    };
    let size = segment_bytes(&archive.bases);
    let (first, last) = (first.segment.name(size), last.segment.name(size));
    let dir = match bring(log, wanted.clone(), size, state).await {
        Ok(dir) => dir,
        Err(e) => return Known::Unknown(e.to_string()),
    };
    let (sender, mut chunks) = tokio::sync::mpsc::channel(WAITING);
    // It logs in nowhere.
    let nobody = Secret::new("");
    let tool = Tool {
        operator,
        program: "pg_waldump",
        args: vec![format!("--path={}", dir.path().display()), first, last],
        role: &operator.role,
        secret: &nobody,
        database: None,
        paths: vec![dir.path()],
        output: Some(sender),
    };
    let listen = async move {
        let (mut read, mut rest) = (read, Vec::new());
        while let Some(chunk) = chunks.recv().await {
            let Ok(chunk) = chunk else { break };
            rest.extend_from_slice(&chunk);
            let end = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            for line in rest.drain(..end).as_slice().split(|byte| *byte == b'\n') {
                read.see(&String::from_utf8_lossy(line));
            }
        }
        read
    };
    let (done, read) = tokio::join!(engine.tool(tool), listen);
    match done {
        // It reads until there is nothing more, and always calls that an error; that it read nothing at all is one.
        Err(e) if read.until.is_none() => Known::Unknown(e.to_string()),
        _ => Known::Known((read, left_out)),
    }
}

/// Lays segments of the log out in a folder of their own.
async fn bring(
    log: &KeptLog,
    wanted: Vec<KeptSegment>,
    size: u64,
    state: &Path,
) -> Result<tempfile::TempDir> {
    let dir = tempfile::tempdir_in(state).map_err(|e| cannot("make a folder in", state, &e))?;
    match log {
        KeptLog::Basebackup { folder } => {
            let (folder, to) = (folder.clone(), dir.path().to_owned());
            blocking(move || archive_file::unpack(&folder, &wanted, size, &to)).await?;
        }
        KeptLog::Pgbackrest { pgbackrest: how } => {
            for kept in wanted {
                let name = kept.segment.name(size);
                // One that is gone by now ends what can be read.
                let _ = pgbackrest::fetch(how, &name, &dir.path().join(&name)).await?;
            }
        }
    }
    Ok(dir)
}
