//! Gathers what there is of the archive, the sidecars, and who is at work in the server.

use std::fs;
use std::time::Duration;

use super::Loaded;
use super::world::free_bytes;
use crate::archive_file;
use crate::base::SecretRef;
use crate::error::{Error, Result};
use crate::facts::{ArchiveSeen, Archiver, Known, SessionSeen, segment_bytes};
use crate::grounds::specs;
use crate::incident;
use crate::postgres::{self, Session, archiving, sessions};
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
        });
    };
    let (bases, litter) = archive_file::bases(&archive.base())?;
    // The server first: what it has archived by then is there.
    let archiver = archiver(loaded).await?;
    let segments = archive_file::segments(&archive.wal(), segment_bytes(&bases))?;
    Ok(ArchiveSeen { bases, segments, litter, archiver, free_bytes: free_bytes(&archive.path) })
}

async fn archiver(loaded: &Loaded) -> Result<Known<Archiver>> {
    Ok(match administrator(loaded).await? {
        Known::Known(session) => match archiving::archiver(&session).await {
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
