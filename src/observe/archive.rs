//! Gathers what there is of the archive, the sidecars, and who is at work in the server.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use super::Loaded;
use super::world::free_bytes;
use crate::archive_file::{self, pgbackrest};
use crate::base::SecretRef;
use crate::error::{Error, Result};
use crate::facts::{
    ArchiveSeen, Archiver, BaseBackup, KeptSegment, Known, RepositorySeen, SessionSeen, segment_bytes,
};
use crate::grounds::specs;
use crate::incident;
use crate::postgres::{self, Session, archiving, sessions};
use crate::project::{ArchiveMethod, Repositories, Repository};
use crate::state::cannot;
use crate::step::{Pgbackrest, Sidecar, SidecarRecord};

/// How long a login may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// The archive of the project; empty where it describes none.
pub async fn archive(loaded: &Loaded) -> Result<ArchiveSeen> {
    let Some(archive) = &loaded.project.archive else {
        return Ok(ArchiveSeen {
            bases: Vec::new(),
            segments: Vec::new(),
            litter: Vec::new(),
            archiver: Known::unasked(),
            free_bytes: Known::unasked(),
            repositories: Vec::new(),
        });
    };
    // The server first: what it has archived by then is there.
    let archiver = archiver(loaded, &archive.sign()).await?;
    let folder = match &archive.method {
        ArchiveMethod::Basebackup(folder) => folder,
        ArchiveMethod::Pgbackrest(all) => return Ok(repositories(loaded, all, archiver).await),
    };
    let (bases, litter) = archive_file::bases(&folder.base())?;
    let segments = archive_file::segments(&folder.wal(), segment_bytes(&bases))?;
    let free_bytes = free_bytes(&folder.path);
    Ok(ArchiveSeen { bases, segments, litter, archiver, free_bytes, repositories: Vec::new() })
}

/// What pgBackRest's repositories hold. One that cannot be read is a trouble to tell, and no reason to say nothing of the others.
async fn repositories(loaded: &Loaded, all: &Repositories, archiver: Known<Archiver>) -> ArchiveSeen {
    let how = specs::pgbackrest(&loaded.project, all, None);
    let size = archiver.get().map(|archiver| archiver.segment_bytes);
    // At once: one that does not answer takes its time.
    let asked = all.all.iter().enumerate().map(|(at, one)| repository(&how, at + 1, one, size));
    let (mut bases, mut segments, mut seen) = (Vec::new(), Vec::new(), Vec::new());
    for (repository, holds, log) in futures_util::future::join_all(asked).await {
        seen.push(repository);
        bases.extend(holds);
        segments.extend(log);
    }
    bases.sort_by_key(|base| base.stopped_at);
    // What is in several repositories is one segment, there since the first of them had it.
    segments.sort_by_key(|kept: &KeptSegment| (kept.segment, kept.at));
    segments.dedup_by_key(|kept| kept.segment);
    let free_bytes = all.folders().next().map_or_else(Known::unasked, free_bytes);
    ArchiveSeen { bases, segments, litter: Vec::new(), archiver, free_bytes, repositories: seen }
}

/// One of them, its base backups and its log.
async fn repository(
    how: &Pgbackrest,
    number: usize,
    described: &Repository,
    size: Option<u64>,
) -> (RepositorySeen, Vec<BaseBackup>, Vec<KeptSegment>) {
    let place = described.told();
    let mut seen = RepositorySeen { number, place, knows: false, oldest: None, trouble: None };
    let mut log = Vec::new();
    if !how.config.exists() {
        // Nothing was rendered yet, so nothing was ever asked of it.
        return (seen, Vec::new(), log);
    }
    let pgbackrest::Holdings { repositories, bases } = match pgbackrest::holdings(how, number).await {
        Ok(holdings) => holdings,
        Err(e) => {
            seen.trouble = Some(e.to_string());
            return (seen, Vec::new(), log);
        }
    };
    let Some(held) = repositories.into_iter().find(|held| held.number == number) else {
        return (seen, bases, log);
    };
    (seen.knows, seen.oldest, seen.trouble) = (held.knows, held.oldest, held.trouble);
    if let Some(form) = held.form {
        match pgbackrest::segments(how, number, &form, size.unwrap_or_else(|| segment_bytes(&bases))).await {
            Ok(found) => log = found,
            Err(e) => seen.trouble = Some(e.to_string()),
        }
    }
    (seen, bases, log)
}

async fn archiver(loaded: &Loaded, sign: &str) -> Result<Known<Archiver>> {
    Ok(match administrator(loaded).await? {
        Known::Known(session) => match archiving::archiver(&session, sign).await {
            Ok(archiver) => Known::Known(archiver),
            Err(e) => Known::Unknown(e.report().why.join(": ")),
        },
        Known::Unknown(why) => Known::Unknown(why),
    })
}

/// A session of the administrative role.
pub(super) async fn administrator(loaded: &Loaded) -> Result<Known<Session>> {
    let project = &loaded.project;
    let Some(role) = specs::admin_role(project) else {
        return Ok(Known::Unknown("no administrative role is known".to_owned()));
    };
    let Some(secret) = loaded.secrets.find(&SecretRef::AdminPassword)? else {
        return Ok(Known::Unknown(format!("the password of {role} is not known")));
    };
    let login = postgres::connect(&specs::endpoint(project), role, &secret, "postgres", DEADLINE).await;
    Ok(login.map_or_else(|failure| Known::Unknown(failure.why().to_owned()), Known::Known))
}

/// Who is at work in the server.
pub async fn sessions(loaded: &Loaded) -> Result<Vec<SessionSeen>> {
    match administrator(loaded).await? {
        Known::Known(session) => sessions::list(&session).await,
        Known::Unknown(why) => Err(Error::environment("cannot ask the server who is at work")
            .because(why)
            .hint("See how it is: odpm status")),
    }
}

/// Free bytes where sidecars go.
pub fn sidecar_room(loaded: &Loaded) -> Known<u64> {
    free_bytes(&incident::folder(&loaded.project))
}

/// Why the data directory cannot be renamed, where it cannot.
pub fn immovable(loaded: &Loaded) -> Option<String> {
    let data = &loaded.project.postgres.data;
    let own = fs::symlink_metadata(data).ok()?;
    if own.is_symlink() {
        return Some("it is a link: only the link would be renamed".to_owned());
    }
    let above = fs::metadata(data.parent()?).ok()?;
    (above.dev() != own.dev()).then(|| "it is a mount point".to_owned())
}

/// The sidecars that were begun, by name.
pub fn sidecars(loaded: &Loaded) -> Result<Vec<SidecarRecord>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(incident::folder(&loaded.project)).into_iter().flatten().flatten() {
        let path = entry.path().join(Sidecar::RECORD);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            // A folder of somebody else's.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
            Err(e) => return Err(cannot("read", &path, &e)),
        };
        let unreadable = |e: serde_json::Error| {
            Error::input(format!("{} is no record of a sidecar", path.display())).caused_by(&e)
        };
        found.push(serde_json::from_str(&text).map_err(unreadable)?);
    }
    found.sort_by(|a: &SidecarRecord, b| a.sidecar.name.cmp(&b.sidecar.name));
    Ok(found)
}
