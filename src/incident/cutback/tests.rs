//! Cutbacks that never were.

use jiff::Timestamp;

use super::*;
use crate::base::{PgMajor, RunId};
use crate::facts::{BaselineSeen, Contained, FileSeen, InRepository, Known, Observation, samples};
use crate::incident::Request;
use crate::project::{Project, samples::project};
use crate::step::SidecarSource;

const TEXT: &str = "version: 1\nname: shop\nengine: local\nodoo: {version: 18.0}\npostgres: {version: 16}\narchive: {method: basebackup}\n";

const IN_A_VOLUME: &str = "version: 1\nname: shop\nodoo: {version: 18.0}\npostgres: {version: 16, volume: pgdata}\narchive: {method: basebackup}\n";

/// Everything that a cutback is planned on.
struct World {
    project: Project,
    seen: Observation,
    archive: ArchiveSeen,
    second: i64,
    immovable: Option<&'static str>,
}

/// Base backups at seconds 200 and 500, the log from segment 2 to 9, a server that runs, and room.
fn good() -> World {
    let project = project(TEXT, &[]);
    let mut seen = samples::bare_machine(&project.postgres.data);
    seen.data_dir = samples::cluster(PgMajor(16), 7);
    seen.engine.server = Known::Known(ServerSeen::Running { id: "812".into(), port: 5432, config: None });
    let archive =
        samples::archive(vec![samples::base(2, 200), samples::base(5, 500)], &[2, 3, 4, 5, 6, 7, 8, 9]);
    World { project, seen, archive, second: 600, immovable: None }
}

fn planned(world: &World) -> Plan {
    let run = RunId::parse("20261120T211333Z-1a2b3c4d").unwrap();
    let World { project, seen, archive, second, immovable } = world;
    let moment = Moment { at: Timestamp::from_second(*second).unwrap(), assumed_local: false };
    let databases = ["shop".to_owned(), "copy".to_owned()];
    let cutback = Cutback { moment, archive, databases: &databases, immovable: *immovable };
    let grounds = Grounds { project, seen, baseline: &BaselineSeen::Absent, run: &run };
    crate::incident::plan(&Request::Cutback(cutback), &grounds)
}

fn changed(change: impl FnOnce(&mut World)) -> Plan {
    let mut world = good();
    change(&mut world);
    planned(&world)
}

fn ids(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.as_str()).collect()
}

#[test]
fn the_rewound_cluster_is_proved_before_anything_is_moved_and_a_base_backup_ends_it() {
    let plan = planned(&good());
    let wanted = [
        "archive-log",
        "rewind-cluster",
        "stop-server",
        "replace-data",
        "start-server",
        "ensure-roles",
        "verify-login",
        "prove-archiving",
        "take-base-backup",
        "archive-base",
    ];
    assert_eq!(ids(&plan), wanted, "{:?}", plan.blocked);
    assert_eq!(plan.destroys, ["shop", "copy"]);
    assert!(plan.warnings.concat().contains("Files are not rewound"), "{:?}", plan.warnings);
    let Some(Step::ReplaceData(step)) = plan.steps.iter().map(|step| &step.step).nth(3) else {
        panic!("no step")
    };
    let data = &good().project.postgres.data;
    assert_eq!(step.aside, data.with_file_name("postgres.before-20261120T211333Z-1a2b3c4d"));
    assert_eq!(step.from.parent(), step.scratch.as_deref());
    let back = step.inverse();
    assert_eq!((&back.from, back.inverse().from), (&step.aside, step.back.clone()));
    assert_eq!(back.inverse().inverse(), back, "to and fro");
}

#[test]
fn what_cannot_be_rewound_is_refused_before_anything_is_stopped() {
    let table: Vec<(&str, Plan)> = vec![
        ("too_early", changed(|world| world.second = 204)),
        ("future", changed(|world| world.second = 10_000)),
        (
            "gap",
            changed(|world| world.archive = samples::archive(vec![samples::base(2, 200)], &[2, 3, 5, 6])),
        ),
        (
            "timelines",
            changed(|world| {
                let last = world.archive.segments.last_mut().unwrap();
                last.segment.timeline = 2;
                world.archive.archiver = Known::Unknown("it is down".into());
                world.second = 900;
            }),
        ),
        ("other_cluster", changed(|world| world.archive.bases[1].system_identifier = 8)),
        ("other_major", changed(|world| world.archive.bases[1].server_version = "15.3".into())),
        ("no_room", changed(|world| world.seen.free_bytes = Known::Known(1 << 30))),
        ("no_archive", changed(|world| world.project.archive = None)),
        ("immovable", changed(|world| world.immovable = Some("it is a mount point"))),
        ("no_cluster", changed(|world| world.seen.data_dir = DataDir::Empty)),
        (
            "foreign_server",
            changed(|world| {
                world.seen.engine.server = Known::Known(ServerSeen::Foreign { pid: 1, port: 5432 });
            }),
        ),
        ("volume", changed(|world| world.project = project(IN_A_VOLUME, &[]))),
        ("upgrading", changed(contained(false, Some("20261120T210000Z-1a2b3c4d")))),
    ];
    for (wanted, plan) in table {
        let codes: Vec<&str> = plan.blocked.iter().map(|block| block.code.as_str()).collect();
        assert_eq!(codes, [wanted]);
        assert!(plan.steps.is_empty() && plan.destroys.is_empty(), "{wanted}");
    }
}

fn contained(read_only: bool, upgrade: Option<&str>) -> impl FnOnce(&mut World) {
    let contained = Contained {
        format_version: 1,
        by: "ana".into(),
        since: "2026-11-20T21:00:00Z".into(),
        database: "shop".into(),
        read_only,
        limits: [("odoo-cron".to_owned(), 0)].into(),
        upgrade: upgrade.map(|run| RunId::parse(run).unwrap()),
    };
    let text = serde_json::to_string(&contained).unwrap();
    move |world| drop(world.seen.files.insert(world.project.state().contained(), FileSeen::Text(text)))
}

#[test]
fn what_is_contained_stays_so() {
    let contained = |read_only| changed(contained(read_only, None));
    let held = contained(true);
    let at = |id: &str| ids(&held).iter().position(|step| *step == id);
    assert!(at("hold-writes") > at("verify-login") && at("verify-login").is_some(), "{:?}", held.blocked);
    assert!(contained(false).blocked.is_empty());
    assert!(!ids(&contained(false)).contains(&"hold-writes"));
}

#[test]
fn from_a_repository_it_is_the_same_with_a_full_base_backup_into_each() {
    let plan = changed(|world| {
        world.project = project(&TEXT.replace("basebackup", "pgbackrest"), &[]);
        let kept = InRepository { repository: 1, prior: None, mark: None };
        world.archive.bases.iter_mut().for_each(|base| base.kept = Some(kept.clone()));
        let repository = |number: usize, knows: bool| RepositorySeen {
            number,
            place: "./archive".into(),
            knows,
            oldest: None,
            trouble: None,
        };
        world.archive.repositories = vec![repository(1, true), repository(2, false)];
    });
    assert_eq!(ids(&plan)[7..], ["prove-archiving", "back-up-1", "archive-base"], "{:?}", plan.blocked);
    let Step::RewindCluster(step) = &plan.steps[1].step else { panic!("{:?}", plan.steps[1]) };
    let SidecarSource::Pgbackrest { set, .. } = &step.lay_out.from else { panic!("{:?}", step.lay_out) };
    assert_eq!(set, "base-5");
    assert!(matches!(&plan.steps[8].step, Step::BackUpCluster(step) if step.full));
}

#[test]
fn without_the_server_or_without_room_for_a_base_backup_it_says_what_is_missing() {
    let plan = changed(|world| {
        world.seen.engine.server = Known::Known(ServerSeen::Stopped);
        world.archive.archiver = Known::Unknown("nobody listens".into());
    });
    assert_eq!(ids(&plan)[..2], ["rewind-cluster", "replace-data"], "{:?}", plan.blocked);
    assert!(plan.warnings.concat().contains("nobody listens"));
    let plan = changed(|world| world.archive.free_bytes = Known::Known(1));
    assert_eq!(ids(&plan).last(), Some(&"verify-login"));
    assert!(plan.warnings.concat().contains("odpm archive basebackup"));
}
