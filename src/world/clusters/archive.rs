//! The archive: proved to work, base backups taken and removed, the log shortened.

use std::fs;
use std::io;
use std::time::Duration;

use crate::archive_file::{self as file, PARTIAL};
use crate::backup_file::folder_size;
use crate::base::size::human;
use crate::engine::Tool;
use crate::error::{Error, Result};
use crate::facts::{BaseBackup, Lsn};
use crate::postgres::{archiving, sessions};
use crate::process::blocking;
use crate::state::{self, cannot};
use crate::step::{ArchiveLog, EndSession, RemoveBaseBackup, RemoveLog, TakeBaseBackup};
use crate::world::Hands;
use crate::world::databases::session;

/// The database that every cluster has.
pub(super) const HOME: &str = "postgres";

pub async fn archive_log(step: &ArchiveLog, hands: Hands<'_>) -> Result<Vec<String>> {
    let session = session(&step.operator, &hands, HOME).await?;
    let name = archiving::settle(&session, &step.sign, Duration::from_secs(u64::from(step.timeout))).await?;
    Ok(vec![format!("archived up to {name}")])
}

pub async fn take_base_backup(step: &TakeBaseBackup, hands: Hands<'_>) -> Result<Vec<String>> {
    // A program of an attempt that was killed may be at work still: each attempt has a place of its own.
    let partial = step.folder.join(format!("{}-{}.{PARTIAL}", step.id, std::process::id()));
    let place = step.folder.join(&step.id);
    if file::record_path(&step.folder, &step.id).exists() {
        return Ok(vec!["it was whole already".to_owned()]);
    }
    let (folder, stale) = (step.folder.clone(), [place.clone(), partial.clone()]);
    blocking(move || {
        state::make_dir(&folder, 0o700).map_err(|e| cannot("make", &folder, &e))?;
        stale.iter().try_for_each(|path| state::remove_folder(path))
    })
    .await?;

    let session = session(&step.operator, &hands, HOME).await?;
    let before = archiving::cluster(&session).await?;
    no_tablespaces(&before)?;
    let pgdata = format!("--pgdata={}", partial.display());
    let args = ["--format=plain", "--wal-method=stream", "--checkpoint=fast", "--no-password", &pgdata];
    let tool = Tool {
        operator: &step.operator,
        program: "pg_basebackup",
        args: args.map(str::to_owned).to_vec(),
        role: &step.operator.role,
        secret: &hands.operator,
        database: Some(HOME),
        paths: vec![&step.folder],
        output: None,
    };
    hands.engine.tool(tool).await.map_err(|e| {
        e.hint("pg_hba.conf has to let this role in for replication from 127.0.0.1, as initdb's own does.")
    })?;
    // Nothing of it is needed for longer than the backup itself: what the server says now is past its end.
    let after = archiving::cluster(&session).await?;
    let label = file::label(&partial)?;
    let start = label.get("START WAL LOCATION").and_then(|text| Lsn::parse(text.split(' ').next()?));
    let timeline = label.get("START TIMELINE").and_then(|text| text.parse().ok());
    let (Some(start), Some(timeline)) = (start, timeline) else {
        return Err(Error::environment("the base backup has no label that can be understood"));
    };
    let folder = step.folder.clone();
    let id = step.id.clone();
    blocking(move || {
        let base = BaseBackup {
            format_version: 1,
            id,
            started_at: before.now,
            stopped_at: after.now,
            timeline,
            start,
            stop: after.place,
            segment_bytes: after.segment_bytes,
            system_identifier: after.system_identifier,
            server_version: after.version,
            bytes: folder_size(&partial).bytes,
            floors: after.floors,
            kept: None,
        };
        fs::rename(&partial, &place).map_err(|e| cannot("rename", &partial, &e))?;
        state::sync_folder(&folder).map_err(|e| cannot("write", &folder, &e))?;
        file::write_record(&folder, &base)?;
        Ok(vec![human(base.bytes), format!("any moment since {} can be recovered from it", base.stopped_at)])
    })
    .await
}

/// A sidecar cannot have what lies where the primary has it.
pub(super) fn no_tablespaces(cluster: &archiving::Cluster) -> Result<()> {
    if cluster.tablespaces == 0 {
        return Ok(());
    }
    Err(Error::refused("the cluster has tablespaces outside its data directory")
        .because("a plain base backup would have to put them where the server has them")
        .hint("Move their tables to pg_default: ALTER DATABASE ... SET TABLESPACE pg_default"))
}

pub async fn end_session(step: &EndSession, hands: Hands<'_>) -> Result<Vec<String>> {
    let session = session(&step.operator, &hands, HOME).await?;
    let began =
        step.began.parse().map_err(|e: jiff::Error| Error::internal("no moment in a step").caused_by(&e))?;
    let patience = Duration::from_secs(u64::from(step.patience));
    Ok(vec![sessions::end(&session, step.pid, began, step.ending, patience).await?])
}

/// The record goes first: without it there is no base backup.
pub fn remove_base_backup(step: &RemoveBaseBackup) -> Result<()> {
    let record = file::record_path(&step.folder, &step.id);
    match fs::remove_file(&record) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(cannot("remove", &record, &e)),
        _ => state::sync_folder(&step.folder).map_err(|e| cannot("write", &step.folder, &e))?,
    }
    state::remove_folder(&step.folder.join(&step.id))
}

pub fn remove_log(step: &RemoveLog) -> Result<Vec<String>> {
    let (mut count, mut bytes) = (0u64, 0);
    for kept in file::segments(&step.folder, step.segment_bytes)? {
        if kept.segment.number >= step.before {
            continue;
        }
        let path = file::segment_path(&step.folder, kept.segment, step.segment_bytes);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(cannot("remove", &path, &e)),
            _ => (count, bytes) = (count + 1, bytes + kept.bytes),
        }
    }
    Ok(vec![format!("{count} removed, {}", human(bytes))])
}
