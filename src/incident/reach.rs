//! What a recovery to a moment begins with, how far the archive reaches, and what PostgreSQL would be silent about.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Ground;
use crate::base::PgMajor;
use crate::facts::{Archiver, BaseBackup, KeptSegment, Known};
use crate::grounds::{Grounds, specs};
use crate::plan::{Block, Plan, PlannedStep};
use crate::project::{Archive, ArchiveFolder, ArchiveMethod};
use crate::step::{KeptLog, LogRange, SidecarSource, Step};

/// How many segments of the log are laid out beforehand at most.
const AHEAD: u64 = 64;

/// A moment as steps carry it.
pub(super) fn spelled(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.fZ").to_string()
}

/// The base backup to begin with; says what stands in the way where there is none.
pub(super) fn base_for<'a>(at: Timestamp, ground: &Ground<'a>, plan: &mut Plan) -> Option<&'a BaseBackup> {
    let now = ground.archive.archiver.get().map_or(ground.all.seen.at, |archiver| archiver.now);
    if at >= now {
        let block = Block::refused("future", format!("{at} is not past yet"));
        plan.blocked.push(
            block.because(format!("the server's clock says {now}")).hint("Name a moment before the damage."),
        );
        return None;
    }
    let found = ground.archive.base_for(at);
    if found.is_none() {
        let block = Block::refused("too_early", format!("no base backup was whole by {at}"));
        // PostgreSQL itself would say nothing, and stand at the end of the base backup instead.
        plan.blocked.push(match ground.archive.bases.first() {
            Some(first) => block
                .because(format!("the oldest one, {}, was whole at {}", first.id, first.stopped_at))
                .hint("Name a later moment, or restore a backup: odpm database list"),
            None => block
                .because("there is none")
                .hint("Take one now, for the next time: odpm archive basebackup"),
        });
    }
    found
}

/// A base backup of another cluster, or of another major version, is no way back for this one.
pub(super) fn same_cluster(base: &BaseBackup, ground: &Ground<'_>, plan: &mut Plan) {
    let project = ground.all.project;
    let major = PgMajor::from_tag(&base.server_version);
    if major.is_some_and(|major| major != project.postgres.major) {
        let what = format!("the base backup {} is of PostgreSQL {}", base.id, base.server_version);
        plan.blocked.push(
            Block::refused("other_major", what)
                .because(format!("the project has PostgreSQL {} now, whose programs cannot read it", project.postgres.major))
                .hint("Recover it with the programs of its own version: another project with that postgres.version and this archive.path."),
        );
    }
    let own = ground.archive.archiver.get().map(|archiver| archiver.system_identifier);
    let own = own.or_else(|| ground.all.seen.data_dir.cluster().and_then(|files| files.system_identifier));
    if let Some(own) = own.filter(|own| *own != base.system_identifier) {
        plan.blocked.push(
            Block::refused("other_cluster", format!("the base backup {} is of another cluster", base.id))
                .because(format!("it is of {}, the project's is {own}", base.system_identifier))
                .hint("See what there is: odpm archive status"),
        );
    }
}

/// Where the cluster was promoted or rewound, its log forks, and a recovery follows the branch that its base backup is of.
pub(super) fn one_timeline(at: Timestamp, base: &BaseBackup, ground: &Ground<'_>, plan: &mut Plan) {
    if ground.archive.on_its_timeline(base, at) {
        return;
    }
    let since = ground.archive.timeline().unwrap_or_default();
    plan.blocked.push(
        Block::refused("timelines", format!("the log forks between the base backup {} and {at}", base.id))
            .because(format!(
                "it is of timeline {}, and the cluster was promoted or rewound since: its log is of timeline {since}",
                base.timeline
            ))
            .hint("Name a moment before the fork, or one after a base backup that was taken since: odpm archive status"),
    );
}

/// The log has to reach to the moment without a gap. What is not archived yet the server archives first.
pub(super) fn reachable(at: Timestamp, base: &BaseBackup, ground: &Ground<'_>, plan: &mut Plan) {
    let reach = ground.archive.reach(base);
    let until = reach.until.unwrap_or(base.stopped_at);
    let Some(gap) = reach.gap.filter(|_| until < at) else { return };
    let name = gap.name(base.segment_bytes);
    plan.blocked.push(
        Block::refused("gap", format!("the log has a gap before {at}: {name} is missing"))
            .because(format!("what was committed by {until} can be recovered, and nothing after it"))
            .hint("Name a moment before the gap, or put the segment back.")
            .hint("See what there is: odpm archive status"),
    );
}

/// What it is laid out from, and where its log is.
pub(super) fn sources(
    at: Timestamp,
    base: &BaseBackup,
    archive: &Archive,
    ground: &Ground<'_>,
) -> (SidecarSource, KeptLog) {
    match &archive.method {
        ArchiveMethod::Basebackup(folder) => {
            let (log, base) = (ahead(at, base, folder, ground), folder.base().join(&base.id));
            (SidecarSource::Basebackup { base, log }, KeptLog::Basebackup { folder: folder.wal() })
        }
        ArchiveMethod::Pgbackrest(all) => {
            let Grounds { project, seen, .. } = ground.all;
            let run_as = seen.engine.run_as.get().copied().flatten();
            let pgbackrest = specs::pgbackrest(project, all, run_as);
            let repository = base.kept.as_ref().map_or(1, |kept| kept.repository);
            let (log, set) = (KeptLog::Pgbackrest { pgbackrest: pgbackrest.clone() }, base.id.clone());
            (SidecarSource::Pgbackrest { pgbackrest, repository, set }, log)
        }
    }
}

/// The part of the log that is laid out beforehand: up to the segment after the moment's, as far as there is room for it.
fn ahead(at: Timestamp, base: &BaseBackup, folder: &ArchiveFolder, ground: &Ground<'_>) -> LogRange {
    let first = base.first().number;
    let own = || ground.archive.segments.iter().filter(|kept| kept.segment.timeline == base.timeline);
    let after = own().find(|kept| kept.segment.number >= first && kept.at > at);
    let last = after.or(own().next_back()).map_or(first, |kept| kept.segment.number + 1);
    LogRange {
        folder: folder.wal(),
        segment_bytes: base.segment_bytes,
        timeline: base.timeline,
        first,
        last: last.clamp(first, first + AHEAD),
    }
}

/// How many bytes the copy of a base backup and its log take.
pub(super) fn needed(at: Timestamp, base: &BaseBackup, ground: &Ground<'_>) -> u64 {
    let first = base.first();
    let own =
        |kept: &&KeptSegment| kept.segment.timeline == first.timeline && kept.segment.number >= first.number;
    let needed = ground.archive.segments.iter().filter(own).filter(|kept| kept.at <= at);
    // The server keeps what it has replayed until its next checkpoint.
    let log = (needed.count() as u64 + 2).min(AHEAD) * base.segment_bytes;
    base.bytes + log
}

/// A recovery refuses to run with less than the primary had; that may have been raised since the base backup.
pub(super) fn floors(base: &BaseBackup, ground: &Ground<'_>) -> BTreeMap<String, String> {
    let number = |text: &String| text.parse::<u64>().unwrap_or_default();
    let mut floors = base.floors.clone();
    for (name, value) in ground.archive.archiver.get().into_iter().flat_map(|archiver| &archiver.floors) {
        let floor = floors.entry(name.clone()).or_insert_with(|| value.clone());
        if number(value) > number(floor) {
            floor.clone_from(value);
        }
    }
    floors
}

/// Has the server archive what was committed just now, where it can; else says that it cannot.
pub(super) fn log_up_to_now(ground: &Ground<'_>, plan: &mut Plan) {
    if let (Some(step), Known::Known(archiver)) = (specs::archive_log(&ground.all), &ground.archive.archiver)
        && archiver.on
        && !archiver.fails()
    {
        plan.steps.push(PlannedStep::new(
            "archive-log",
            Step::ArchiveLog(step),
            "what was committed just now is needed, too",
        ));
    } else {
        let fails = ground.archive.archiver.get().is_some_and(Archiver::fails);
        let why = if fails { "archiving fails" } else { "it does not archive" };
        let why = ground.archive.archiver.why().unwrap_or(why);
        plan.warnings.push(format!(
            "The server cannot be asked for the end of its log ({why}): what is archived already has to do."
        ));
    }
}
