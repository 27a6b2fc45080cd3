//! Gathers what there is of databases, their files and their backups.

use std::path::Path;
use std::time::Duration;

use super::Loaded;
use crate::backup_file;
use crate::base::Secret;
use crate::error::Result;
use crate::facts::{BackupSeen, DatabaseSeen, DatabasesSeen, Drill, DrillKind, DrillSeen, Known};
use crate::grounds::specs;
use crate::postgres::rows::Source;
use crate::postgres::{self, databases};
use crate::step::Endpoint;

/// How long a login may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// The databases of the project's cluster, their folders in the filestore, and the backups. `measured`: how much is in a folder is
/// asked too, which takes long where there are many files.
pub async fn databases(loaded: &Loaded, measured: bool) -> Result<DatabasesSeen> {
    let project = &loaded.project;
    let endpoint = specs::endpoint(project);
    let (role, secret) = specs::login(project);
    let all = match loaded.secrets.find(&secret)? {
        Some(secret) => all(&endpoint, role, &secret).await,
        None => Known::Unknown(format!("the password of {role} is not known")),
    };
    let names = std::fs::read_dir(specs::filestore(project)).into_iter().flatten().flatten();
    let folders = names.filter(|entry| entry.path().is_dir());
    let folders = folders.map(|entry| {
        let size = measured.then(|| backup_file::folder_size(&entry.path()));
        (entry.file_name().to_string_lossy().into_owned(), size)
    });
    let half_removed = backup_file::half_removed(&project.backup.path);
    Ok(DatabasesSeen { all, folders: folders.collect(), backups: backups(loaded), half_removed })
}

/// A database as whoever looks after databases reads it.
pub fn source(loaded: &Loaded, database: &str) -> Result<Source> {
    let project = &loaded.project;
    let (role, secret) = specs::login(project);
    let secret = loaded.secrets.find(&secret)?.ok_or_else(|| crate::state::missing(&secret))?;
    let (endpoint, role, database) = (specs::endpoint(project), role.to_owned(), database.to_owned());
    Ok(Source { endpoint, role, secret, database })
}

/// The backups in the project's folder for them, oldest first.
pub fn backups(loaded: &Loaded) -> Vec<BackupSeen> {
    backup_file::list(&loaded.project.backup.path)
}

/// What lies at a path, or under this name in the project's folder for backups.
pub fn backup(loaded: &Loaded, name: &Path) -> Result<BackupSeen> {
    let kept = loaded.project.backup.path.join(name);
    let place = if !name.exists() && kept.exists() { kept } else { name.to_owned() };
    let place = std::path::absolute(&place).unwrap_or(place);
    backup_file::look(&place)
}

/// The last drill of a kind that passed.
pub fn last_drill(loaded: &Loaded, kind: DrillKind) -> Option<Drill> {
    let text = std::fs::read_to_string(specs::drills(&loaded.project)).ok()?;
    let wanted = |line: &&str| drill(line).is_some_and(|drill| drill.kind == kind);
    text.lines().rev().filter(wanted).find_map(|line| serde_json::from_str(line).ok())
}

/// The drills of every kind that passed.
pub(super) fn drills(loaded: &Loaded) -> Vec<DrillSeen> {
    let text = std::fs::read_to_string(specs::drills(&loaded.project)).unwrap_or_default();
    text.lines().filter_map(drill).collect()
}

/// The restores on trial that passed, with all that is recorded of them.
pub(super) fn restores(loaded: &Loaded) -> Vec<Drill> {
    let text = std::fs::read_to_string(specs::drills(&loaded.project)).unwrap_or_default();
    let all = text.lines().filter_map(|line| serde_json::from_str::<Drill>(line).ok());
    all.filter(|drill| drill.kind == DrillKind::Restore).collect()
}

/// What every line says; `None` for one that is none.
fn drill(line: &str) -> Option<DrillSeen> {
    serde_json::from_str(line).ok()
}

async fn all(endpoint: &Endpoint, role: &str, secret: &Secret) -> Known<Vec<DatabaseSeen>> {
    let home = match postgres::connect(endpoint, role, secret, "postgres", DEADLINE).await {
        Ok(home) => home,
        Err(failure) => return Known::Unknown(failure.why().to_owned()),
    };
    let mut found = match databases::list(&home).await {
        Ok(found) => found,
        Err(e) => return Known::Unknown(e.report().why.join(": ")),
    };
    for database in found.iter_mut().filter(|database| database.open) {
        // One that lets nobody in is listed without what is in it.
        if let Ok(session) = postgres::connect(endpoint, role, secret, &database.name, DEADLINE).await {
            database.odoo = databases::odoo(&session).await.unwrap_or_default();
        }
    }
    Known::Known(found)
}
