//! The planner of incidents: sidecars that stand at a moment before the damage.
//!
//! Pure and sync, as every planner. What was there before is recovered beside the primary, read-only; only a cutback rewinds
//! the primary itself.

mod burst;
mod consequences;
mod contain;
mod cutback;
mod damage;
mod drill;
mod gates;
mod links;
mod moment;
mod order;
mod reach;
mod repair;
mod transactions;
mod trouble;
mod watch;
mod writers;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::base::Digest;
use crate::base::size::human;
use crate::facts::{ArchiveSeen, BaseBackup, Known, Owner, SessionSeen};
use crate::grounds::{Grounds, frame, specs};
use crate::plan::{Block, Plan, PlannedStep, Risk};
use crate::project::EngineKind;
use crate::step::{
    EndSession, Ending, LayOutSidecar, RecoverSidecar, RemoveSidecar, Sidecar, SidecarLaunch, SidecarRecord,
    Step,
};

pub use burst::Proposal;
pub use consequences::{Consequence, Lost, consequences};
pub use contain::{LIMITS, Limits, stages};
pub use cutback::Cutback;
pub use damage::{Damage, Harm, LogRead};
pub use gates::{Gate, gates};
pub use links::Links;
pub use moment::{Moment, parse};
pub use order::{Dangling, dangling, referred};
use reach::{
    base_for, floors, log_up_to_now, needed, one_timeline, reachable, same_cluster, sources, spelled,
};
pub use repair::{Gathered, LostFiles, Part, Repair, Unrepaired, Wanted, file_names, ordered};
pub use transactions::{Ops, Transaction, Transactions};
pub use trouble::{Calm, LOG_TROUBLE, Trouble, troubles};
pub use watch::{Alarm, HOURS, INTERVALS, Standing, Verdict, fewer, judge, kept, total, watched};
pub use writers::{Minutes, Writers};

/// For how many seconds a recovery may show no sign of life: before version 15 it says nothing while it reads what was laid out.
const STILL: u32 = 600;

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
    /// Rewind the cluster itself to a moment.
    Cutback(Cutback<'a>),
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
        Request::Cutback(_) => "incident cutback",
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
        Request::Cutback(cutback) => cutback::plan(&cutback, grounds, &mut plan),
        Request::End { seen, ending } => end(seen, ending, grounds, &mut plan),
    }
    if !plan.blocked.is_empty() {
        plan.steps.clear();
        plan.destroys.clear();
    }
    plan
}

fn end(seen: &SessionSeen, ending: Ending, grounds: &Grounds<'_>, plan: &mut Plan) {
    let Some(operator) = frame::operator(grounds, plan) else { return };
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
    let spelled = spelled(at);
    let Some(base) = base_for(at, ground, plan) else { return };
    same_cluster(base, ground, plan);
    one_timeline(at, base, ground, plan);
    let name = name.map_or_else(|| at.strftime("%Y%m%dT%H%M%S").to_string(), str::to_owned);
    let Some(sidecar) = place(&name, ground, plan) else { return };
    reachable(at, base, ground, plan);
    room(at, base, ground, plan);
    let floors = floors(base, ground);
    let role = specs::admin_role(ground.all.project).unwrap_or(specs::ADMIN_ROLE).to_owned();
    log_up_to_now(ground, plan);
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

/// Copy and log have to fit.
fn room(at: Timestamp, base: &BaseBackup, ground: &Ground<'_>, plan: &mut Plan) {
    let wanted = needed(at, base, ground);
    if let Some(free) = ground.free_bytes.get().filter(|free| **free < wanted) {
        let block = Block::environment("no_room", "there is no room for the sidecar");
        plan.blocked.push(
            block
                .because(format!("it takes {}, {} are free", human(wanted), human(*free)))
                .hint("Make room below .odpm/sidecars; a link to another disk in its place will do."),
        );
    }
}

/// Where it goes and how it runs.
fn place(name: &str, ground: &Ground<'_>, plan: &mut Plan) -> Option<Sidecar> {
    let project = ground.all.project;
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
    let launch = launch(name, ground, plan)?;
    let place = folder(project).join(name);
    Some(Sidecar {
        name: name.to_owned(),
        socket: socket(&place),
        place,
        port: project.postgres.port,
        launch,
    })
}

/// How the server of a recovery runs; `name` is a part of its container's.
fn launch(name: &str, ground: &Ground<'_>, plan: &mut Plan) -> Option<SidecarLaunch> {
    let Grounds { project, seen, .. } = ground.all;
    let owner = seen.data_dir.cluster().map(|files| Owner { uid: files.uid, gid: files.gid });
    Some(match project.engine {
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
