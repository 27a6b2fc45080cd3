//! The planner of incidents: sidecars that stand at a moment before the damage.
//!
//! Pure and sync, as every planner. The primary is never rewound: what was there before is recovered beside it, read-only.

mod burst;
mod consequences;
mod contain;
mod damage;
mod drill;
mod gates;
mod links;
mod moment;
mod order;
mod repair;
mod transactions;
mod trouble;
mod watch;
mod writers;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::base::size::human;
use crate::base::{Digest, PgMajor};
use crate::facts::{ArchiveSeen, Archiver, BaseBackup, Known, Owner, SessionSeen};
use crate::grounds::{Grounds, frame, specs};
use crate::plan::{Block, Plan, PlannedStep, Risk};
use crate::project::{Archive, ArchiveFolder, ArchiveMethod, EngineKind};
use crate::step::{
    EndSession, Ending, KeptLog, LayOutSidecar, LogRange, RecoverSidecar, RemoveSidecar, Sidecar,
    SidecarLaunch, SidecarRecord, SidecarSource, Step,
};

pub use burst::Proposal;
pub use consequences::{Consequence, Lost, consequences};
pub use contain::{LIMITS, Limits, stages};
pub use damage::{Damage, Harm, LogRead};
pub use gates::{Gate, gates};
pub use links::Links;
pub use moment::{Moment, parse};
pub use order::{Dangling, dangling, referred};
pub use repair::{Gathered, LostFiles, Part, Repair, Unrepaired, Wanted, file_names, ordered};
pub use transactions::{Ops, Transaction, Transactions};
pub use trouble::{Calm, LOG_TROUBLE, Trouble, troubles};
pub use watch::{Alarm, HOURS, INTERVALS, Standing, Verdict, judge, kept, total, watched};
pub use writers::{Minutes, Writers};

/// For how many seconds a recovery may show no sign of life: before version 15 it says nothing while it reads what was laid out.
const STILL: u32 = 600;

/// How many segments of the log are laid out beforehand at most.
const AHEAD: u64 = 64;

/// How long a path of a socket's folder may be, for PostgreSQL adds its own name to it, and the kernel takes 107 bytes.
const LONGEST_SOCKET: usize = 85;

/// What a person asked for.
#[derive(Clone, Copy, Debug)]
pub enum Request<'a> {
    /// Recover the cluster to a moment, beside itself.
    Sidecar(Recovery<'a>),
    /// End what a session does, or the session.
    End {
        /// The session.
        seen: &'a SessionSeen,
        /// How.
        ending: Ending,
    },
    /// Hold back what writes.
    Contain {
        /// The database.
        database: &'a str,
        /// Whether it takes no writes but odpm's.
        read_only: bool,
    },
    /// Let go of what is held back, up to this.
    Reopen {
        /// What is held back still.
        limits: &'a Limits,
    },
    /// Damage a scratch database on purpose, once to prepare it and once to do it.
    Damage {
        /// Its name.
        database: &'a str,
    },
    /// Record a rehearsal that passed.
    Record {
        /// The backup that was rehearsed with.
        backup: &'a Path,
        /// The database that it is of.
        database: &'a str,
        /// When it began.
        begun: Timestamp,
    },
    /// Take damage back.
    Repair(&'a Repair),
    /// Remove a sidecar.
    Remove {
        /// Its name.
        name: &'a str,
        /// The sidecars that there are.
        sidecars: &'a [SidecarRecord],
    },
}

/// A moment to recover, and what it is recovered from.
#[derive(Clone, Copy, Debug)]
pub struct Recovery<'a> {
    /// The sidecar's name; one of the moment's when `None`.
    pub name: Option<&'a str>,
    /// The moment.
    pub moment: Moment,
    /// The archive.
    pub archive: &'a ArchiveSeen,
    /// The sidecars that there are.
    pub sidecars: &'a [SidecarRecord],
    /// Free bytes where sidecars go.
    pub free_bytes: &'a Known<u64>,
}

/// What a recovery is planned on.
struct Ground<'a> {
    all: Grounds<'a>,
    archive: &'a ArchiveSeen,
    sidecars: &'a [SidecarRecord],
    free_bytes: &'a Known<u64>,
}

/// The folder of sidecars.
pub fn folder(project: &crate::project::Project) -> PathBuf {
    project.state().sidecars()
}

/// The plan for a request.
pub fn plan(request: &Request<'_>, grounds: &Grounds<'_>) -> Plan {
    let verb = match request {
        Request::Sidecar(_) | Request::Remove { .. } => "incident sidecar",
        Request::End { .. } => "incident sessions",
        Request::Repair(_) => "incident repair",
        Request::Contain { .. } => "incident contain",
        Request::Damage { .. } | Request::Record { .. } => "incident drill",
        Request::Reopen { .. } => "incident reopen",
    };
    let mut plan = frame::empty(verb, grounds);
    // What does damage is stopped whatever else is unfinished.
    if !matches!(request, Request::End { .. } | Request::Contain { .. }) {
        plan.blocked.extend(frame::unfinished(grounds));
    }
    plan.blocked.extend(frame::unavailable(grounds));
    match *request {
        Request::Sidecar(Recovery { name, moment, archive, sidecars, free_bytes }) => {
            let ground = Ground { all: *grounds, archive, sidecars, free_bytes };
            recover(name, &moment, &ground, &mut plan);
        }
        Request::Remove { name, sidecars } => remove(name, sidecars, &mut plan),
        Request::Repair(repair) => repair::plan(repair, grounds, &mut plan),
        Request::Damage { database } => drill::damage(database, grounds, &mut plan),
        Request::Record { backup, database, begun } => {
            drill::record(backup, database, begun, grounds, &mut plan);
        }
        Request::Contain { database, read_only } => contain::contain(database, read_only, grounds, &mut plan),
        Request::Reopen { limits } => contain::reopen(limits, grounds, &mut plan),
        Request::End { seen, ending } => end(seen, ending, grounds, &mut plan),
    }
    if !plan.blocked.is_empty() {
        plan.steps.clear();
    }
    plan
}

fn end(seen: &SessionSeen, ending: Ending, grounds: &Grounds<'_>, plan: &mut Plan) {
    let Some(operator) = specs::operator(grounds) else {
        plan.blocked.push(frame::no_programs(grounds));
        return;
    };
    let step = EndSession { operator, pid: seen.pid, began: seen.began.to_string(), ending, patience: 5 };
    // Its statement is on the screen and not in the plan, which is kept: it may hold what nobody else may see.
    let reason = format!("{} in {}, {}, from {}", seen.role, seen.database, seen.state, seen.application);
    plan.steps.push(PlannedStep::new("end-session", Step::EndSession(step), reason).risk(Risk::Interrupts));
}

fn remove(name: &str, sidecars: &[SidecarRecord], plan: &mut Plan) {
    let Some(record) = sidecars.iter().find(|record| record.sidecar.name == name) else {
        let block = Block::refused("no_sidecar", format!("there is no sidecar {name}"));
        plan.blocked.push(block.hint("See which there are: odpm incident sidecar list"));
        return;
    };
    let step = RemoveSidecar { sidecar: record.sidecar.clone() };
    let reason = format!("{}; it can be made anew as long as its log is kept", record.told());
    plan.steps
        .push(PlannedStep::new("remove-sidecar", Step::RemoveSidecar(step), reason).risk(Risk::Destroys));
}

fn recover(name: Option<&str>, moment: &Moment, ground: &Ground<'_>, plan: &mut Plan) {
    let Some(archive) = &ground.all.project.archive else {
        plan.blocked.push(
            frame::no_archive()
                .hint("What was lost may be in a backup: odpm database list")
                .hint("For the next time: odpm archive enable"),
        );
        return;
    };
    let at = moment.at;
    let spelled = at.strftime("%Y-%m-%dT%H:%M:%S%.fZ").to_string();
    let Some(base) = base_for(at, ground, plan) else { return };
    same_cluster(base, ground, plan);
    one_timeline(base, ground, plan);
    let name = name.map_or_else(|| at.strftime("%Y%m%dT%H%M%S").to_string(), str::to_owned);
    let Some(sidecar) = place(&name, ground, plan) else { return };
    reachable(at, base, ground, plan);
    room(at, base, ground, plan);
    let floors = floors(base, ground);
    let role = specs::admin_role(ground.all.project).unwrap_or(specs::ADMIN_ROLE).to_owned();
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
    let (base_id, moment) = (base.id.clone(), spelled);
    let record = SidecarRecord {
        format_version: 1,
        sidecar,
        base: base_id,
        moment,
        role,
        stands: false,
        last_commit: None,
    };
    let (from, log) = sources(at, base, archive, ground);
    let lay = LayOutSidecar { from, record: record.clone() };
    let reason = format!("it is the last one that was whole by then ({})", base.stopped_at);
    plan.steps.push(PlannedStep::new("lay-out-sidecar", Step::LayOutSidecar(lay), reason));
    let step = RecoverSidecar { record, log, floors, timeout: STILL };
    plan.steps.push(PlannedStep::new(
        "recover-sidecar",
        Step::RecoverSidecar(Box::new(step)),
        "read-only, without a port, an archive, crons or mail",
    ));
}

/// The base backup to begin with; says what stands in the way where there is none.
fn base_for<'a>(at: Timestamp, ground: &Ground<'a>, plan: &mut Plan) -> Option<&'a BaseBackup> {
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
fn same_cluster(base: &BaseBackup, ground: &Ground<'_>, plan: &mut Plan) {
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

/// Where the cluster was promoted, its log forks: which of the branches is meant cannot be read off a moment.
fn one_timeline(base: &BaseBackup, ground: &Ground<'_>, plan: &mut Plan) {
    let newest = ground.archive.segments.iter().map(|kept| kept.segment.timeline).max();
    let Some(newest) = newest.filter(|newest| *newest > base.timeline) else { return };
    plan.blocked.push(
        Block::refused("timelines", format!("the log forks after the base backup {}", base.id))
            .because(format!(
                "it is of timeline {}, and the cluster was promoted to {newest} since",
                base.timeline
            ))
            .because("a recovery would follow the newest branch, whichever is meant")
            .hint(
                "Name a moment after a base backup that was taken since the promotion: odpm archive status",
            ),
    );
}

/// The log has to reach to the moment without a gap. What is not archived yet the server archives first.
fn reachable(at: Timestamp, base: &BaseBackup, ground: &Ground<'_>, plan: &mut Plan) {
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
fn sources(
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
    let after = ground.archive.segments.iter().find(|kept| kept.segment.number >= first && kept.at > at);
    let last = after.or(ground.archive.segments.last()).map_or(first, |kept| kept.segment.number + 1);
    LogRange {
        folder: folder.wal(),
        segment_bytes: base.segment_bytes,
        first,
        last: last.clamp(first, first + AHEAD),
    }
}

/// Copy and log have to fit.
fn room(at: Timestamp, base: &BaseBackup, ground: &Ground<'_>, plan: &mut Plan) {
    let first = base.first().number;
    let needed = ground.archive.segments.iter().filter(|kept| kept.segment.number >= first && kept.at <= at);
    // The server keeps what it has replayed until its next checkpoint.
    let log = (needed.count() as u64 + 2).min(AHEAD) * base.segment_bytes;
    let wanted = base.bytes + log;
    if let Some(free) = ground.free_bytes.get().filter(|free| **free < wanted) {
        let block = Block::environment("no_room", "there is no room for the sidecar");
        plan.blocked.push(
            block
                .because(format!("it takes {}, {} are free", human(wanted), human(*free)))
                .hint("Make room below .odpm/sidecars; a link to another disk in its place will do."),
        );
    }
}

/// A recovery refuses to run with less than the primary had; that may have been raised since the base backup.
fn floors(base: &BaseBackup, ground: &Ground<'_>) -> BTreeMap<String, String> {
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

/// Where it goes and how it runs.
fn place(name: &str, ground: &Ground<'_>, plan: &mut Plan) -> Option<Sidecar> {
    let Grounds { project, seen, .. } = ground.all;
    let fit = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 40 || !name.chars().all(fit) {
        let block = Block::refused("bad_name", format!("`{}` cannot be a sidecar", name.escape_debug()));
        plan.blocked.push(block.hint("Use letters, digits, `-` and `_`."));
        return None;
    }
    if let Some(there) = ground.sidecars.iter().find(|record| record.sidecar.name == name) {
        let block = Block::refused("sidecar_exists", format!("there is a sidecar {name} already"));
        plan.blocked.push(
            block
                .because(there.told())
                .hint(format!("Remove it: odpm incident sidecar rm {name}"))
                .hint("Or name this one otherwise: --name NAME"),
        );
        return None;
    }
    let owner = seen.data_dir.cluster().map(|files| Owner { uid: files.uid, gid: files.gid });
    let launch = match project.engine {
        EngineKind::Local => {
            let (Some(binaries), Some(run_as)) = (seen.engine.binaries.get(), seen.engine.run_as.get())
            else {
                plan.blocked.push(frame::no_programs(&ground.all));
                return None;
            };
            SidecarLaunch::Local { bin_dir: binaries.dir.clone(), run_as: *run_as }
        }
        EngineKind::Docker => SidecarLaunch::Container {
            image: project.postgres.image.clone(),
            name: format!("{}-sidecar-{name}", project.compose_project()),
            run_as: owner.filter(|_| seen.author.uid == 0),
        },
    };
    let place = folder(project).join(name);
    Some(Sidecar {
        name: name.to_owned(),
        socket: socket(&place),
        place,
        port: project.postgres.port,
        launch,
    })
}

/// The folder of its socket: in its own folder, unless its path is too long for the kernel.
fn socket(place: &Path) -> PathBuf {
    let usual = place.join("run");
    if usual.as_os_str().len() <= LONGEST_SOCKET {
        return usual;
    }
    let name = Digest::of(place.as_os_str().as_encoded_bytes());
    Path::new("/tmp").join(format!("odpm-sidecar-{}", name.short()))
}
