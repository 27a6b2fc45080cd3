//! Gathers what there is of the archive, the sidecars, and who is at work in the server.

use std::fs;
use std::time::Duration;

use super::Loaded;
use super::world::free_bytes;
use crate::archive_file::{self, pgbackrest};
use crate::base::SecretRef;
use crate::error::{Error, Result};
use crate::facts::{ArchiveSeen, Archiver, KeptSegment, Known, RepositorySeen, SessionSeen, segment_bytes};
use crate::grounds::specs;
use crate::incident;
use crate::postgres::{self, Session, archiving, sessions};
use crate::project::{ArchiveMethod, Repositories, Repository};
use crate::state::cannot;
use crate::step::{Sidecar, SidecarRecord};

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
    let mut seen: Vec<RepositorySeen> =
        all.all.iter().enumerate().map(|(at, one)| unseen(at + 1, one)).collect();
    let (mut bases, mut segments) = (Vec::new(), Vec::new());
    let holdings = match how.config.exists() {
        // Nothing was rendered yet, so nothing was ever asked of it.
        false => Ok(pgbackrest::Holdings::default()),
        true => pgbackrest::holdings(&how).await,
    };
    match holdings {
        Err(e) => seen.iter_mut().for_each(|one| one.trouble = Some(e.to_string())),
        Ok(holdings) => {
            bases = holdings.bases;
            let size = archiver.get().map_or(segment_bytes(&bases), |archiver| archiver.segment_bytes);
            for held in holdings.repositories {
                let Some(one) = seen.iter_mut().find(|one| one.number == held.number) else { continue };
                (one.knows, one.oldest, one.trouble) = (held.knows, held.oldest, held.trouble);
                let Some(form) = &held.form else { continue };
                match pgbackrest::segments(&how, held.number, form, size).await {
                    Ok(found) => segments.extend(found),
                    Err(e) => one.trouble = Some(e.to_string()),
                }
            }
        }
    }
    // What is in several repositories is one segment, there since the first of them had it.
    segments.sort_by_key(|kept: &KeptSegment| (kept.segment, kept.at));
    segments.dedup_by_key(|kept| kept.segment);
    let free_bytes = all.folders().next().map_or_else(Known::unasked, free_bytes);
    ArchiveSeen { bases, segments, litter: Vec::new(), archiver, free_bytes, repositories: seen }
}

fn unseen(number: usize, repository: &Repository) -> RepositorySeen {
    RepositorySeen { number, place: repository.told(), knows: false, oldest: None, trouble: None }
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
