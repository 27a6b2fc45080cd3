//! The planner of the archive: base backups taken, what nobody needs any more removed.
//!
//! Pure and sync, as every planner. That the server keeps its log is part of the stack: `odpm.yaml` describes it, `apply` does
//! it.

mod repositories;

#[cfg(test)]
mod tests;

use crate::base::size::human;
use crate::base::time::stamp;
use crate::facts::ArchiveSeen;
use crate::grounds::{Grounds, frame, specs};
use crate::plan::{Block, Plan, PlannedStep, Risk};
use crate::project::{Archive, ArchiveFolder, ArchiveMethod};
use crate::step::{ArchiveLog, RemoveBaseBackup, RemoveLog, Step, TakeBaseBackup};

/// What a person asked for.
#[derive(Clone, Copy, Debug)]
pub enum Request {
    /// Take a base backup.
    BaseBackup {
        /// Of everything, whatever was taken before.
        full: bool,
    },
    /// Remove the base backups that the project does not want to keep, the log before them, and what interrupted runs left.
    Expire,
}

/// What these plans are made on.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// As for every plan.
    pub all: Grounds<'a>,
    /// The archive.
    pub seen: &'a ArchiveSeen,
}

/// The plan for a request.
pub fn plan(request: Request, ground: &Ground<'_>) -> Plan {
    let verb = match request {
        Request::BaseBackup { .. } => "archive basebackup",
        Request::Expire => "archive expire",
    };
    let mut plan = frame::empty(verb, &ground.all);
    plan.blocked.extend(frame::unfinished(&ground.all));
    // What is removed may be what the damage is taken back from.
    plan.blocked.extend(frame::frozen(&ground.all).filter(|_| matches!(request, Request::Expire)));
    let Some(archive) = &ground.all.project.archive else {
        plan.blocked.push(none());
        return plan;
    };
    match request {
        Request::BaseBackup { full } => base_backup(full, archive, ground, &mut plan),
        Request::Expire => match &archive.method {
            ArchiveMethod::Basebackup(folder) => expire(archive.keep, folder, ground, &mut plan),
            ArchiveMethod::Pgbackrest(all) => repositories::expire(archive.keep, all, ground, &mut plan),
        },
    }
    if !plan.blocked.is_empty() {
        plan.steps.clear();
    }
    plan
}

/// A project that keeps no log.
pub fn none() -> Block {
    frame::no_archive()
        .hint("Add to odpm.yaml: archive: {method: basebackup}")
        .hint("Then: odpm archive enable")
}

fn base_backup(full: bool, archive: &Archive, ground: &Ground<'_>, plan: &mut Plan) {
    let all = &ground.all;
    plan.blocked.extend(frame::unavailable(all));
    plan.blocked.extend(frame::stopped(all));
    match ground.seen.archiver.get() {
        None if plan.blocked.is_empty() => {
            let why = ground.seen.archiver.why().unwrap_or_default();
            let block = Block::environment("archive_unknown", "the server does not say whether it archives");
            plan.blocked.push(block.because(why).hint("See how it is: odpm database status"));
        }
        Some(archiver) if !archiver.on => {
            let block = Block::refused("not_archiving", "the server does not archive its log yet");
            plan.blocked.push(block.hint("Bring it to what odpm.yaml describes: odpm archive enable"));
        }
        _ => {}
    }
    let Some(settle) = specs::archive_log(all) else {
        plan.blocked.push(frame::no_programs(all));
        return;
    };
    match &archive.method {
        ArchiveMethod::Basebackup(folder) => take(folder, settle, ground, plan),
        ArchiveMethod::Pgbackrest(all) => repositories::take(full, all, settle, ground, plan),
    }
}

fn take(folder: &ArchiveFolder, settle: ArchiveLog, ground: &Ground<'_>, plan: &mut Plan) {
    let room = ground.seen.free_bytes.get().zip(ground.seen.archiver.get().map(|archiver| &archiver.bytes));
    if let Some((free, wanted)) = room.filter(|(free, wanted)| free < wanted) {
        let block = Block::environment("no_room", format!("there is no room in {}", folder.path.display()));
        plan.blocked.push(
            block
                .because(format!("the cluster has {}, {} are free", human(*wanted), human(*free)))
                .hint("Make room, see `odpm archive expire`, or set archive.path to another disk."),
        );
    }
    let id = stamp(ground.all.seen.at);
    let take = TakeBaseBackup { operator: settle.operator.clone(), folder: folder.base(), id };
    plan.steps.extend([
        PlannedStep::new(
            "prove-archiving",
            Step::ArchiveLog(settle.clone()),
            "without its log a base backup is worth nothing",
        ),
        PlannedStep::new("take-base-backup", Step::TakeBaseBackup(take), "every recovery begins with one"),
        PlannedStep::new("archive-log", Step::ArchiveLog(settle), "it is of use from its end on"),
    ]);
}

fn expire(keep: usize, folder: &ArchiveFolder, ground: &Ground<'_>, plan: &mut Plan) {
    let bases = &ground.seen.bases;
    let remove = |id: &str, reason: String| {
        let step = RemoveBaseBackup { folder: folder.base(), id: id.to_owned() };
        PlannedStep::new(format!("remove-{id}"), Step::RemoveBaseBackup(step), reason).risk(Risk::Destroys)
    };
    let (old, kept) = bases.split_at(bases.len().saturating_sub(keep));
    let reason = format!("{} newer ones are kept", kept.len());
    plan.steps.extend(old.iter().map(|base| remove(&base.id, reason.clone())));
    plan.steps.extend(ground.seen.litter.iter().filter_map(|path| {
        Some(remove(path.file_name()?.to_str()?, "an interrupted run has left it".to_owned()))
    }));
    // The oldest that is kept needs its log from its own beginning on; without any, nothing says what is needed.
    let Some(oldest) = kept.iter().min_by_key(|base| base.first().number) else { return };
    let before = oldest.first().number;
    let count = ground.seen.segments.iter().filter(|kept| kept.segment.number < before).count() as u64;
    if count > 0 {
        let step = RemoveLog { folder: folder.wal(), before, segment_bytes: oldest.segment_bytes, count };
        let reason = format!("{}, the oldest base backup that is kept, begins after them", oldest.id);
        plan.steps.push(PlannedStep::new("remove-log", Step::RemoveLog(step), reason).risk(Risk::Destroys));
    }
}
