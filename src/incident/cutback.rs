//! The plan of a cutback: the cluster itself is rewound to a moment, and the data directory of now is set aside whole.
//!
//! The rewound cluster is made and proved beside its place, as a sidecar is, before anything is moved: a recovery that fails
//! leaves all as it was. The data directory that was set aside is the checkpoint, and the way back.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use super::reach::{
    base_for, floors, log_up_to_now, needed, one_timeline, reachable, same_cluster, sources, spelled,
};
use super::{Ground, Moment, STILL, contain, launch, socket};
use crate::base::SecretRef;
use crate::base::size::human;
use crate::base::time::stamp;
use crate::drift::judge;
use crate::facts::{ArchiveSeen, BaseBackup, DataDir, Owner, RepositorySeen, ServerSeen};
use crate::grounds::{Grounds, frame, specs};
use crate::plan::{Block, Plan, PlannedStep, Risk};
use crate::project::{Archive, ArchiveMethod};
use crate::step::{
    BackUpCluster, LayOutSidecar, RecoverSidecar, ReplaceData, RewindCluster, ServerSpec, Sidecar,
    SidecarRecord, Step, TakeBaseBackup,
};

/// A moment to rewind the cluster to.
#[derive(Clone, Copy, Debug)]
pub struct Cutback<'a> {
    /// The moment.
    pub moment: Moment,
    /// The archive.
    pub archive: &'a ArchiveSeen,
    /// The databases of the cluster; the first is the one that a person names.
    pub databases: &'a [String],
    /// Why the data directory cannot be renamed, where it cannot.
    pub immovable: Option<&'a str>,
}

/// The folders of a cutback, all beside the data directory.
struct Places {
    scratch: PathBuf,
    aside: PathBuf,
    back: PathBuf,
}

impl Places {
    fn of(data: &Path, run: &str) -> Self {
        let name = data.file_name().unwrap_or_default().to_string_lossy();
        Self {
            scratch: data.with_file_name(format!(".{name}.odpm-cutback-{run}")),
            aside: data.with_file_name(format!("{name}.before-{run}")),
            back: data.with_file_name(format!("{name}.rewound-{run}")),
        }
    }
}

pub(super) fn plan(cutback: &Cutback<'_>, grounds: &Grounds<'_>, plan: &mut Plan) {
    let Cutback { moment, archive, databases, .. } = *cutback;
    let Some(own) = &grounds.project.archive else {
        plan.blocked.push(frame::no_archive().hint("What was lost may be in a backup: odpm database list"));
        return;
    };
    let ground = Ground { all: *grounds, archive, sidecars: &[], free_bytes: &grounds.seen.free_bytes };
    plan.blocked.extend(blocks(cutback, grounds));
    let Some(base) = base_for(moment.at, &ground, plan) else { return };
    same_cluster(base, &ground, plan);
    one_timeline(moment.at, base, &ground, plan);
    reachable(moment.at, base, &ground, plan);
    room(cutback, base, &ground, plan);
    let Some(rewind) = rewind(&moment, base, own, &ground, plan) else { return };
    let Some(server) = specs::server(grounds) else {
        plan.blocked.push(frame::no_programs(grounds));
        return;
    };
    plan.destroys.extend(databases.iter().cloned());
    plan.warnings.extend(notes(cutback, &server, grounds));
    log_up_to_now(&ground, plan);
    plan.steps.extend(stop_odoo(grounds));
    let reason = format!(
        "{} is the last base backup that was whole by then; nothing is moved before it is proved",
        base.id
    );
    plan.steps.push(PlannedStep::new("rewind-cluster", Step::RewindCluster(Box::new(rewind)), reason));
    plan.steps.extend(stop_server(grounds));
    plan.steps.extend(exchange(&server, databases, grounds));
    // What holds writes back is part of the cluster, and was not there then.
    if let Some(contained) = specs::contained(grounds).filter(|contained| contained.read_only) {
        contain::traffic(&contained.database, true, grounds, plan);
    }
    plan.steps.extend(start_odoo(grounds));
    base_backup(own, base, &ground, plan);
}

/// What stands in the way of a cutback, and not of a sidecar.
fn blocks(cutback: &Cutback<'_>, grounds: &Grounds<'_>) -> Vec<Block> {
    let Grounds { project, seen, .. } = *grounds;
    let mut blocks: Vec<Block> = frame::server_unknown(grounds).into_iter().collect();
    // What the upgrade goes back to, and the copy that it works on, are in this cluster.
    blocks.extend(specs::contained(grounds).as_ref().and_then(frame::upgrading));
    let data = project.postgres.data.display();
    let elsewhere = "Recover beside instead: odpm incident sidecar --at MOMENT, then odpm incident repair";
    if project.postgres.external.is_some() {
        let block =
            Block::refused("external", "the server is not odpm's: its data directory is out of reach");
        blocks.push(block.hint(elsewhere));
        return blocks;
    }
    if let Some(volume) = &project.postgres.volume {
        let block = Block::refused("volume", "a named volume cannot be set aside by renaming it");
        blocks.push(
            block.because(format!("the data directory is in the volume {}", volume.name)).hint(elsewhere),
        );
        return blocks;
    }
    if let Some(why) = cutback.immovable {
        let block = Block::refused("immovable", format!("{data} cannot be set aside by renaming it"));
        blocks.push(block.because(why).hint("Set postgres.data to a folder inside it.").hint(elsewhere));
    }
    if !matches!(seen.data_dir, DataDir::Cluster(_)) {
        let block = Block::refused("no_cluster", format!("there is no whole cluster in {data} to set aside"));
        blocks.push(block.hint("See what is there: odpm doctor"));
    }
    if let Some(ServerSeen::Foreign { pid, port }) = seen.engine.server.get() {
        let block =
            Block::refused("foreign_server", format!("a server that odpm did not start runs on {data}"));
        blocks.push(
            block
                .because(format!("it is process {pid}, on port {port}"))
                .hint("Stop it the way it was started, then run the command again."),
        );
    }
    let judged = judge(frame::drift(grounds), &[]);
    let waiting: Vec<&str> = judged.pending().map(|judged| judged.drift.kind.as_str()).collect();
    if !waiting.is_empty() {
        let block = Block::refused("drift", "the project is not as it was recorded");
        blocks.push(
            block
                .because(format!("drift waits for a person: {}", waiting.join(", ")))
                .hint("Look at it, and apply first: odpm plan"),
        );
    }
    blocks
}

/// What a person has to know before agreeing.
fn notes(cutback: &Cutback<'_>, server: &ServerSpec, grounds: &Grounds<'_>) -> Vec<String> {
    let places = Places::of(&server.data, grounds.run.as_str());
    let mut notes = vec![
        format!(
            "What was committed after {} goes out of service in every database of the cluster. It is kept in {} until \
             you remove that: odpm undo {} brings it back.",
            cutback.moment.at,
            places.aside.display(),
            grounds.run
        ),
        "Files are not rewound. Those of attachments made since stay, and nothing names them; those removed since may be \
         missing: see with `odpm database verify` what a backup has of them, and `odpm database restore` it beside."
            .to_owned(),
    ];
    if grounds.seen.engine.services.get().is_some() && !specs::running(grounds).is_empty() {
        notes
            .push("Odoo stands still from its stop on until the rewound cluster is in its place.".to_owned());
    }
    notes
}

/// Copy and log have to fit beside the data directory.
fn room(cutback: &Cutback<'_>, base: &BaseBackup, ground: &Ground<'_>, plan: &mut Plan) {
    let wanted = needed(cutback.moment.at, base, ground);
    let Some(free) = ground.free_bytes.get().filter(|free| **free < wanted) else { return };
    let data = ground.all.project.postgres.data.display();
    let block = Block::environment("no_room", format!("there is no room for a second cluster beside {data}"));
    plan.blocked.push(
        block
            .because(format!("it takes {}, {} are free", human(wanted), human(*free)))
            .hint("Make room on that disk: the data directory of now is kept whole."),
    );
}

fn rewind(
    moment: &Moment,
    base: &BaseBackup,
    archive: &Archive,
    ground: &Ground<'_>,
    plan: &mut Plan,
) -> Option<RewindCluster> {
    let Grounds { project, run, .. } = ground.all;
    let place = Places::of(&project.postgres.data, run.as_str()).scratch;
    // No sidecar of a person's has a dot in its name.
    let name = format!("cutback.{run}");
    let sidecar = Sidecar {
        launch: launch(&name, ground, plan)?,
        name,
        socket: socket(&place),
        place,
        port: project.postgres.port,
    };
    let record = SidecarRecord {
        format_version: 1,
        sidecar,
        base: base.id.clone(),
        moment: spelled(moment.at),
        role: specs::admin_role(project).unwrap_or(specs::ADMIN_ROLE).to_owned(),
        stands: false,
        last_commit: None,
    };
    let (from, log) = sources(moment.at, base, archive, ground);
    let floors = floors(base, ground);
    Some(RewindCluster {
        lay_out: LayOutSidecar { from, record: record.clone() },
        recovery: RecoverSidecar { record, log, floors, timeout: STILL },
        admin: SecretRef::AdminPassword,
    })
}

/// What people write now would be lost: Odoo stops before the work begins.
fn stop_odoo(grounds: &Grounds<'_>) -> Vec<PlannedStep> {
    let running = specs::running(grounds).into_iter().rev();
    let stop = running.filter_map(|name| {
        let step = Step::StopService(specs::service_to_stop(name, grounds)?);
        let reason = "what people write from now on would be lost";
        Some(PlannedStep::new(format!("stop-{name}"), step, reason).risk(Risk::Interrupts))
    });
    stop.collect()
}

fn start_odoo(grounds: &Grounds<'_>) -> Vec<PlannedStep> {
    let start = specs::running(grounds).into_iter().filter_map(|name| {
        let step = Step::StartService(specs::service(name, grounds)?);
        Some(PlannedStep::new(format!("start-{name}"), step, "it was stopped for the cutback"))
    });
    start.collect()
}

fn stop_server(grounds: &Grounds<'_>) -> Option<PlannedStep> {
    if !matches!(grounds.seen.engine.server.get(), Some(ServerSeen::Running { .. })) {
        return None;
    }
    let step = Step::StopServer(specs::server_to_stop(grounds));
    let reason = "its data directory is set aside whole, with every commit in it";
    Some(PlannedStep::new("stop-server", step, reason).risk(Risk::Interrupts))
}

/// The rewound cluster takes the place, and serves.
fn exchange(server: &ServerSpec, databases: &[String], grounds: &Grounds<'_>) -> [PlannedStep; 4] {
    let Grounds { project, seen, run, .. } = *grounds;
    let Places { scratch, aside, back } = Places::of(&server.data, run.as_str());
    let files = seen.data_dir.cluster();
    let replace = ReplaceData {
        server: server.clone(),
        system_identifier: files.and_then(|files| files.system_identifier).map(|id| id.to_string()),
        from: scratch.join("data"),
        aside,
        back,
        owner: files.map(|files| Owner { uid: files.uid, gid: files.gid }),
        settings: true,
        scratch: Some(scratch),
        databases: databases.to_vec(),
    };
    let login = Step::VerifyLogin(specs::verify_login(project));
    [
        PlannedStep::new(
            "replace-data",
            Step::ReplaceData(Box::new(replace)),
            "nothing of what is there now is removed",
        )
        .risk(Risk::Destroys),
        PlannedStep::new(
            "start-server",
            Step::StartServer(server.clone()),
            "the rewound cluster serves from now on",
        ),
        PlannedStep::new(
            "ensure-roles",
            Step::EnsureRoles(specs::ensure_roles(project)),
            "it has the roles and passwords of then",
        )
        .risk(Risk::Access),
        PlannedStep::new("verify-login", login, "Odoo logs in just so"),
    ]
}

/// The log forks at the moment: what is committed from now on is recovered from a base backup of after it.
fn base_backup(archive: &Archive, base: &BaseBackup, ground: &Ground<'_>, plan: &mut Plan) {
    let little = ground.archive.free_bytes.get().filter(|free| **free < base.bytes);
    let (Some(settle), None) = (specs::archive_log(&ground.all), little) else {
        plan.warnings.push(
            "The log forks at the moment, and there is no room in the archive for another base backup: until \
             `odpm archive basebackup` nothing of what is committed afterwards can be recovered."
                .to_owned(),
        );
        return;
    };
    let id = stamp(ground.all.seen.at);
    let operator = settle.operator.clone();
    let take: Vec<(String, Step)> = match &archive.method {
        ArchiveMethod::Basebackup(folder) => {
            let take = TakeBaseBackup { operator, folder: folder.base(), id };
            vec![("take-base-backup".to_owned(), Step::TakeBaseBackup(take))]
        }
        ArchiveMethod::Pgbackrest(all) => {
            let run_as = ground.all.seen.engine.run_as.get().copied().flatten();
            let pgbackrest = specs::pgbackrest(ground.all.project, all, run_as);
            let into = |seen: &RepositorySeen| {
                let (operator, pgbackrest, id) = (operator.clone(), pgbackrest.clone(), id.clone());
                let repository = seen.number;
                // A full one: what is made on one of the other branch hangs on that, too.
                let step = BackUpCluster { operator, pgbackrest, repository, full: true, id };
                (format!("back-up-{repository}"), Step::BackUpCluster(step))
            };
            // One that cannot be asked now must not hold the rest up.
            ground.archive.repositories.iter().filter(|seen| seen.knows).map(into).collect()
        }
    };
    plan.steps.push(PlannedStep::new(
        "prove-archiving",
        Step::ArchiveLog(settle.clone()),
        "the log goes on as another branch",
    ));
    let reason = "what is committed from now on is recovered from it";
    plan.steps.extend(take.into_iter().map(|(id, step)| PlannedStep::new(id, step, reason)));
    plan.steps.push(PlannedStep::new(
        "archive-base",
        Step::ArchiveLog(settle),
        "it is of use from its end on",
    ));
}
