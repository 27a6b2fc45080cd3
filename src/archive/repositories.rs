//! Base backups in pgBackRest's repositories: which kind is taken next, which go.

use super::Ground;
use crate::base::time::stamp;
use crate::facts::{BaseBackup, RepositorySeen};
use crate::grounds::specs;
use crate::plan::{Plan, PlannedStep, Risk};
use crate::project::Repositories;
use crate::step::{ArchiveLog, BackUpCluster, CreateStanza, ExpireRepository, Pgbackrest, Step};

/// How many incremental ones are made on a full one before the next full one: a chain is as good as its weakest link, and as long
/// as it is in use nothing of it can go.
const INCREMENTAL: usize = 6;

fn how(all: &Repositories, ground: &Ground<'_>) -> Pgbackrest {
    let run_as = ground.all.seen.engine.run_as.get().copied().flatten();
    specs::pgbackrest(ground.all.project, all, run_as)
}

/// A base backup into each repository.
pub fn take(full: bool, all: &Repositories, settle: ArchiveLog, ground: &Ground<'_>, plan: &mut Plan) {
    let pgbackrest = how(all, ground);
    if ground.seen.repositories.iter().any(|one| !one.knows && one.trouble.is_none()) {
        let step = Step::CreateStanza(CreateStanza { pgbackrest: pgbackrest.clone() });
        plan.steps.push(PlannedStep::new(
            "create-stanza",
            step,
            "a repository does not know the cluster yet",
        ));
    }
    let operator = settle.operator.clone();
    plan.steps.push(PlannedStep::new(
        "prove-archiving",
        Step::ArchiveLog(settle),
        "without its log a base backup is worth nothing",
    ));
    let id = stamp(ground.all.seen.at);
    for repository in 1..=all.all.len() {
        let (full, reason) = kind(full, repository, ground);
        let (operator, pgbackrest, id) = (operator.clone(), pgbackrest.clone(), id.clone());
        let step = Step::BackUpCluster(BackUpCluster { operator, pgbackrest, repository, full, id });
        plan.steps.push(PlannedStep::new(format!("back-up-{repository}"), step, reason));
    }
}

/// Whether the next one is a full one, and why.
fn kind(asked: bool, repository: usize, ground: &Ground<'_>) -> (bool, String) {
    let own = ground.seen.archiver.get().map(|archiver| archiver.system_identifier);
    let ours = |base: &BaseBackup| own.is_none_or(|own| own == base.system_identifier);
    let bases: Vec<_> = ground.seen.bases_in(repository).filter(|(base, _)| ours(base)).collect();
    let since = bases.iter().rev().take_while(|(_, kept)| kept.prior.is_some()).count();
    match bases.len().checked_sub(since + 1).and_then(|at| bases.get(at)) {
        _ if asked => (true, "it is asked for".to_owned()),
        None => (true, "there is none yet to make one on".to_owned()),
        Some((full, _)) if since >= INCREMENTAL => (true, format!("{since} were made on {}", full.id)),
        Some((full, _)) => (false, format!("what has changed since; it is made on {}", full.id)),
    }
}

/// What goes: full base backups beyond those that are kept, with what is made on them, and the log before the rest.
pub fn expire(keep: usize, all: &Repositories, ground: &Ground<'_>, plan: &mut Plan) {
    for repository in &ground.seen.repositories {
        let fulls: Vec<&BaseBackup> = ground
            .seen
            .bases_in(repository.number)
            .filter(|(_, kept)| kept.prior.is_none())
            .map(|(base, _)| base)
            .collect();
        // With fewer than are kept pgBackRest removes no log either.
        let Some(beyond) = fulls.len().checked_sub(keep) else { continue };
        let (old, kept) = fulls.split_at(beyond);
        let Some(oldest) = kept.first().filter(|oldest| !old.is_empty() || has_older_log(repository, oldest))
        else {
            continue;
        };
        let sets = old.iter().map(|base| base.id.clone()).collect();
        let (pgbackrest, number) = (how(all, ground), repository.number);
        let step = Step::ExpireRepository(ExpireRepository { pgbackrest, repository: number, sets });
        let reason = match old.is_empty() {
            true => format!("{}, the oldest base backup that is kept, begins after it", oldest.id),
            false => format!("{} newer full ones are kept", kept.len()),
        };
        plan.steps.push(PlannedStep::new(format!("expire-{number}"), step, reason).risk(Risk::Destroys));
    }
}

/// Names sort as the log does.
fn has_older_log(repository: &RepositorySeen, oldest: &BaseBackup) -> bool {
    let first = oldest.first().name(oldest.segment_bytes);
    repository.oldest.as_ref().is_some_and(|name| *name < first)
}
