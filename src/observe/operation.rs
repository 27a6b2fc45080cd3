//! Gathers what an upgrade finds around a database: who is at work in it, its backups and drills, room, measured rates.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use jiff::Timestamp;

use super::Loaded;
use super::audit::{asked, login};
use super::databases::{backups, drills, restores};
use super::world::free_bytes;
use crate::backup_file;
use crate::error::Result;
use crate::facts::{
    BackupSeen, BackupSource, DrillKind, Known, LastBackup, Measured, OperationSeen, Rate, Room,
};
use crate::grounds::specs;
use crate::postgres::operation as ask;
use crate::project::CheckpointKind;
use crate::state;
use crate::upgrade::checkpoint::checkpoint;

/// What an upgrade of this database finds, where this kind of checkpoint is wanted. What the role may not ask, or what takes too
/// long, is unknown with the reason.
pub async fn operation(
    loaded: &Loaded,
    database: &str,
    wanted: Option<CheckpointKind>,
) -> Result<OperationSeen> {
    let server = login(loaded, "postgres").await?;
    let mut subject = asked(&server, async |session| ask::subject(session, database).await).await;
    let mut at_work = Known::Unknown(format!("{database} takes no connections"));
    if let Known::Known(Some(seen)) = &mut subject
        && seen.open
    {
        let inside = login(loaded, database).await?;
        seen.odoo = asked(&inside, ask::odoo).await;
        at_work = asked(&inside, async |session| ask::at_work(session, database).await).await;
    }
    let terms = asked(&server, async |session| ask::terms(session, database).await).await;
    let mut own = backups(loaded);
    own.retain(|backup| backup.manifest.is_some() && backup.database() == Some(database));
    // One that left the files out is no way back where there are files.
    let files = specs::filestore(&loaded.project).join(database);
    let whole = |backup: &&BackupSeen| {
        !files.is_dir() || backup.manifest.as_ref().is_some_and(|manifest| manifest.filestore.is_some())
    };
    let newest = own.iter().rev().find(whole);
    let tried = drills(loaded).into_iter().filter(|drill| drill.kind == DrillKind::Restore);
    let mut seen = OperationSeen {
        at: Timestamp::now(),
        database: database.to_owned(),
        subject,
        at_work,
        terms,
        backup: newest.and_then(|backup| last_backup(loaded, backup)),
        drilled: tried.map(|drill| drill.begun).max(),
        room: room(loaded, &files, &own),
        rates: rates(loaded, &own),
    };
    // Files are counted, which takes long, only where a backup would be taken that has to copy them.
    let none = seen.room.fast.is_none() && files.is_dir();
    if none && checkpoint(&seen, wanted).kind == CheckpointKind::Backup {
        seen.room.unshared = Some(backup_file::folder_size(&files));
    }
    Ok(seen)
}

/// The newest backup, and when it was last found good: read whole, or restored on trial.
fn last_backup(loaded: &Loaded, backup: &BackupSeen) -> Option<LastBackup> {
    let at = backup.manifest.as_ref()?.created_at.parse().ok()?;
    let read = state::verified(&loaded.state).into_iter().map(|verified| (verified.backup, verified.at));
    let tried =
        restores(loaded).into_iter().filter_map(|drill| Some((drill.backup, drill.begun.parse().ok()?)));
    let good = read.chain(tried).filter(|(path, when)| *path == backup.path && *when >= at);
    Some(LastBackup { path: backup.path.clone(), at, verified: good.map(|(_, when)| when).max() })
}

fn room(loaded: &Loaded, files: &Path, own: &[BackupSeen]) -> Room {
    let project = &loaded.project;
    let filestore = specs::filestore(project);
    let device = |path: &Path| std::fs::metadata(path).ok().map(|meta| meta.dev());
    let unlinked = files.is_dir() && device(files) != device(&filestore);
    let fast = own.iter().rev().find(|backup| backup.source == Some(BackupSource::Fast));
    Room {
        data: match &project.postgres.external {
            Some(_) => Known::Unknown("the server is elsewhere".to_owned()),
            None => free_bytes(&project.postgres.data),
        },
        backups: free_bytes(&project.backup.path),
        unlinked: unlinked.then(|| backup_file::folder_size(files)),
        fast: fast.map(|backup| backup.bytes),
        unshared: None,
    }
}

/// What was measured; a drill that passed has measured a restore.
fn rates(loaded: &Loaded, own: &[BackupSeen]) -> Vec<Rate> {
    let drilled = restores(loaded).into_iter().filter_map(|drill| {
        let backup = own.iter().find(|backup| backup.path == drill.backup)?;
        let ms = u64::try_from(drill.seconds).ok().filter(|seconds| *seconds > 0)? * 1000;
        let bytes = backup.manifest.as_ref()?.database.bytes;
        Some(Rate { what: Measured::Restore, bytes, ms, at: drill.begun })
    });
    drilled.chain(state::rates(&loaded.state.rates())).collect()
}
