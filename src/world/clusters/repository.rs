//! pgBackRest's repositories: told of the cluster, base backups taken into them and removed.

use crate::archive_file::pgbackrest::{self, MARK, SEGMENT_BYTES, SERVER_VERSION};
use crate::base::size::human;
use crate::error::{Error, Result};
use crate::facts::BaseBackup;
use crate::postgres::archiving;
use crate::step::{BackUpCluster, CreateStanza, ExpireRepository};
use crate::world::Hands;
use crate::world::databases::session;

use super::archive::{HOME, no_tablespaces};

pub async fn create_stanza(step: &CreateStanza) -> Result<()> {
    pgbackrest::create_stanza(&step.pgbackrest).await
}

/// Takes a base backup with a note on it by which it is known again: a program of an attempt that was killed goes on, and what it
/// comes to is this step's work, too.
pub async fn back_up(step: &BackUpCluster, hands: Hands<'_>) -> Result<Vec<String>> {
    let cluster = archiving::cluster(&session(&step.operator, &hands, HOME).await?).await?;
    no_tablespaces(&cluster)?;
    let notes = [
        (MARK.to_owned(), step.id.clone()),
        (SEGMENT_BYTES.to_owned(), cluster.segment_bytes.to_string()),
        (SERVER_VERSION.to_owned(), cluster.version.clone()),
    ];
    let floors = cluster.floors.iter().map(|(name, value)| (format!("odpm-{name}"), value.clone()));
    let notes = notes.into_iter().chain(floors);
    let mut args = vec![format!("--repo={}", step.repository)];
    args.push(format!("--type={}", if step.full { "full" } else { "incr" }));
    args.extend(notes.map(|(name, value)| format!("--annotation={name}={value}")));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = async || Ok(found(step).await?.is_some());
    pgbackrest::back_up(&step.pgbackrest, &args, &hands.operator, done).await?;
    let base = found(step).await?.ok_or_else(|| {
        Error::environment(format!("repository {} does not have the base backup", step.repository))
            .because("pgBackRest took it without complaint, and does not list it")
    })?;
    Ok(vec![
        base.id,
        human(base.bytes),
        format!("any moment since {} can be recovered from it", base.stopped_at),
    ])
}

/// The base backup that this step takes, once it is whole.
async fn found(step: &BackUpCluster) -> Result<Option<BaseBackup>> {
    let bases = pgbackrest::holdings(&step.pgbackrest, step.repository).await?.bases;
    let own = |base: &BaseBackup| base.kept.as_ref().is_some_and(|kept| kept.mark.as_ref() == Some(&step.id));
    Ok(bases.into_iter().find(own))
}

/// Removes what the plan names, then the log before what is left; a set that is gone was removed by an attempt before.
pub async fn expire(step: &ExpireRepository) -> Result<Vec<String>> {
    let bases = pgbackrest::holdings(&step.pgbackrest, step.repository).await?.bases;
    let there = |set: &&String| bases.iter().any(|base| base.id == **set);
    for set in step.sets.iter().filter(there) {
        pgbackrest::expire(&step.pgbackrest, step.repository, Some(set)).await?;
    }
    pgbackrest::expire(&step.pgbackrest, step.repository, None).await?;
    Ok(step.sets.iter().map(|set| format!("{set} removed")).collect())
}
