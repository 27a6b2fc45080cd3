//! Plans on databases that were never there.

use std::path::PathBuf;

use super::keep::kept;
use super::*;
use crate::base::{PgMajor, RunId};
use crate::facts::*;
use crate::plan::Risk;
use crate::project::samples::project;
use crate::project::{EngineKind, Keep, Project};

fn database(name: &str, owner: &str, comment: Option<&str>) -> DatabaseSeen {
    DatabaseSeen {
        name: name.into(),
        owner: owner.into(),
        bytes: Some(1000),
        sessions: 0,
        comment: comment.map(str::to_owned),
        open: true,
        odoo: None,
    }
}

fn backup(name: &str, database: &str, created_at: &str) -> BackupSeen {
    let facts =
        DatabaseFacts { name: database.into(), server_version: "16.4".into(), ..DatabaseFacts::default() };
    let manifest = BackupManifest {
        odpm_backup: MANIFEST_VERSION,
        odpm_version: "5.0.0".into(),
        created_at: created_at.into(),
        database: facts,
        filestore: Some(FilestoreFacts::default()),
        parts: Vec::new(),
    };
    BackupSeen {
        path: PathBuf::from("/srv/backups").join(name),
        source: Some(BackupSource::Fast),
        manifest: Some(manifest),
        odoo: None,
        bytes: 10,
    }
}

const TEXT: &str = "version: 1\nname: shop\nengine: docker\nodoo: {version: 18.0, database: shop}\npostgres: {version: 16}\n";

const ELSEWHERE: &str = "version: 1\nname: shop\nengine: local\nodoo: {version: 18.0, database: shop}\n\
    postgres: {version: 16, password: secret, external: {host: db.example.com}}\n";

/// A machine on which everything runs.
struct Machine {
    project: Project,
    seen: Observation,
    databases: DatabasesSeen,
}

impl Machine {
    fn new() -> Self {
        let project = project(TEXT, &[]);
        assert_eq!(project.engine, EngineKind::Docker);
        let mut seen = samples::bare_machine(&project.postgres.data);
        seen.data_dir = samples::cluster(PgMajor(16), 7);
        seen.engine.server = Known::Known(ServerSeen::Running { id: "db".into(), port: 5432, config: None });
        let service = ServiceSeen { running: 1, ids: vec!["a".into()], config: None, exited: Vec::new() };
        let services = [("odoo".to_owned(), service.clone()), ("odoo-cron".to_owned(), service)];
        seen.engine.services = Known::Known(services.into());
        seen.free_bytes = Known::Known(1 << 40);
        let all = vec![database("postgres", "postgres", None), database("shop", "odoo", None)];
        let databases = DatabasesSeen {
            all: Known::Known(all),
            folders: Default::default(),
            backups: Vec::new(),
            half_removed: Vec::new(),
        };
        Self { project, seen, databases }
    }

    fn plan(&self, request: &Request) -> Plan {
        let run = RunId::parse("20261120T211333Z-1a2b3c4d").unwrap();
        let all =
            Grounds { project: &self.project, seen: &self.seen, baseline: &BaselineSeen::Absent, run: &run };
        plan(request, &Ground { all, seen: &self.databases })
    }

    fn restore(&self, change: impl FnOnce(&mut Restore)) -> Plan {
        let mut restore = Restore {
            backup: backup("a.odpm", "shop", "2026-11-20T00:00:00+00:00"),
            database: "shop".into(),
            replace: true,
            keep_old: false,
            neutralize: false,
            identity: Identity::Move,
            files: true,
            jobs: 2,
            modules: Modules::default(),
            admin_login: None,
        };
        change(&mut restore);
        self.plan(&Request::Restore(Box::new(restore)))
    }
}

fn ids(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.as_str()).collect()
}

fn codes(plan: &Plan) -> Vec<&str> {
    plan.blocked.iter().map(|block| block.code.as_str()).collect()
}

#[test]
fn a_replacing_restore_touches_the_old_one_last_and_lets_odoo_rest_meanwhile() {
    let machine = Machine::new();
    let plan = machine.restore(|_| {});
    let swap = ["stop-odoo-cron", "stop-odoo", "rename", "start-odoo", "start-odoo-cron"];
    let fill = ["check-backup", "load", "load-files", "check"];
    assert_eq!(ids(&plan), [&fill[..], &swap, &["drop-old"]].concat());
    assert_eq!(plan.destroys, ["shop"]);

    let plan = machine.restore(|restore| {
        restore.keep_old = true;
        restore.neutralize = true;
        restore.identity = Identity::Copy;
        restore.modules.update = vec!["sale".into()];
        restore.admin_login = Some("admin".into());
    });
    // What an update of a module switches on again is switched off again.
    let own = ["renew-identity", "neutralize", "modules", "neutralize-again", "set-admin-pass"];
    assert_eq!(ids(&plan), [&fill[..], &own, &swap].concat());

    let plan = machine.restore(|restore| restore.database = "copy".into());
    assert_eq!(ids(&plan), [&fill[..], &["rename"]].concat(), "nobody serves it yet");
    assert!(plan.destroys.is_empty());
}

#[test]
fn what_stands_in_the_way_is_told_and_nothing_is_planned() {
    let mut machine = Machine::new();
    machine.databases.folders.insert("files".into(), None);
    let cases: [(&str, Plan); 9] = [
        ("database_exists", machine.restore(|restore| restore.replace = false)),
        ("files_exist", machine.restore(|restore| restore.database = "files".into())),
        ("bad_name", machine.restore(|restore| restore.database = "postgres".into())),
        ("bad_name", machine.restore(|restore| restore.database = "odpm_new_x".into())),
        ("bad_name", machine.restore(|restore| restore.database = "x".repeat(64))),
        ("no_backup", machine.restore(|restore| restore.backup.source = None)),
        ("newer_dump", machine.restore(|restore| version(restore, "17.2"))),
        ("no_database", machine.plan(&Request::Drop { database: "shp".into(), keep: true })),
        ("bad_name", machine.plan(&Request::Drop { database: "template1".into(), keep: true })),
    ];
    for (code, plan) in cases {
        assert_eq!(codes(&plan), [code]);
        assert!(plan.steps.is_empty() && plan.destroys.is_empty(), "{code}");
    }
    machine.seen.free_bytes = Known::Known(1000);
    let large = |restore: &mut Restore| restore.backup.manifest.as_mut().unwrap().database.bytes = 5000;
    assert_eq!(codes(&machine.restore(large)), ["disk_full"]);
    let guessed = |restore: &mut Restore| (restore.backup.manifest, restore.backup.bytes) = (None, 5000);
    let plan = machine.restore(guessed);
    assert!(plan.blocked.is_empty(), "a guess refuses nothing: {:?}", codes(&plan));
    assert!(plan.warnings.iter().any(|warning| warning.contains("may take 30.0 kB")), "{:?}", plan.warnings);
    let local = std::mem::replace(&mut machine.project, project(ELSEWHERE, &[]));
    assert!(codes(&machine.restore(large)).is_empty(), "the disk of another machine");
    machine.project = local;
    machine.seen.engine.server = Known::Known(ServerSeen::Stopped);
    assert_eq!(codes(&machine.restore(|_| {})), ["server_stopped"]);
    machine.seen.engine.available = Known::Unknown("no daemon".into());
    assert_eq!(codes(&machine.restore(|_| {})), ["engine_unavailable"]);
}

fn version(restore: &mut Restore, version: &str) {
    restore.backup.manifest.as_mut().unwrap().database.server_version = version.into();
}

#[test]
fn a_drop_keeps_what_it_takes_unless_told_otherwise() {
    let mut machine = Machine::new();
    machine.seen.engine.services = Known::Known(Default::default());
    let plan = machine.plan(&Request::Drop { database: "shop".into(), keep: true });
    assert_eq!((ids(&plan), plan.destroys.clone()), (vec!["keep-old"], vec!["shop".to_owned()]));
    let plan = machine.plan(&Request::Drop { database: "shop".into(), keep: false });
    assert_eq!((ids(&plan), plan.steps[0].risk), (vec!["drop"], Risk::Destroys));
    machine.databases.all = Known::Known(vec![database("shop", "somebody", None)]);
    let plan = machine.plan(&Request::Drop { database: "shop".into(), keep: false });
    assert!(plan.warnings[0].contains("belongs to somebody"), "{:?}", plan.warnings);
}

#[test]
fn what_is_kept_of_many_backups() {
    let all: Vec<BackupSeen> = (0..100)
        .map(|day| {
            let at = jiff::Timestamp::from_second(1_780_000_000 + day * 86_400).unwrap();
            backup(&format!("{day:02}"), "shop", &at.to_string())
        })
        .collect();
    let names = |keep: Keep| -> Vec<String> {
        let all: Vec<&BackupSeen> = all.iter().collect();
        kept(&all, keep).iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
    };
    let keep = |last, daily, weekly, monthly| Keep { last, daily, weekly, monthly };
    assert_eq!(names(keep(2, 0, 0, 0)), ["98", "99"]);
    assert_eq!(names(keep(0, 3, 0, 0)), ["97", "98", "99"]);
    assert_eq!(names(keep(0, 0, 3, 0)).len(), 3);
    assert_eq!(names(keep(0, 0, 0, 12)).len(), 5, "there are backups of five months only");
    assert!(names(keep(0, 0, 0, 0)).is_empty());
    let mut odd = backup("odd", "shop", "who knows");
    odd.manifest.as_mut().unwrap().created_at = "who knows".into();
    assert_eq!(kept(&[&odd], keep(0, 0, 0, 0)).len(), 1, "nobody knows how old it is");
}

#[test]
fn a_prune_leaves_what_is_not_odpms() {
    let mut machine = Machine::new();
    let mut stranger = backup("stranger.zip", "shop", "2020-01-01T00:00:00+00:00");
    stranger.manifest = None;
    machine.databases.backups = vec![stranger, backup("mine", "shop", "2026-11-20T00:00:00+00:00")];
    let litter = database("odpm_old_1", "odoo", Some("odpm: shop, dropped by a run"));
    machine.databases.half_removed = vec!["/srv/backups/a.odpm.removed".into()];
    let closed = |name: &str, comment| DatabaseSeen { open: false, ..database(name, "odoo", comment) };
    let theirs = [
        database("odpm_mine", "odoo", Some("mine")),
        database("odpm_bare", "odoo", None),
        closed("odpm_shut", Some("mine")),
        closed("shut", None),
    ];
    let all = theirs.into_iter().chain([litter, closed("odpm_new_2", None)]);
    machine.databases.all = Known::Known(all.collect());
    let plan = machine.plan(&Request::Prune);
    let litter = ["remove-a.odpm.removed", "drop-odpm_old_1", "drop-odpm_new_2"];
    assert_eq!(ids(&plan), litter, "a name alone is no mark");
    assert!(plan.warnings[0].contains("not odpm's"));
}

#[test]
fn what_runs_is_stopped_though_it_cannot_be_started_again() {
    let mut machine = Machine::new();
    machine.project = project(&TEXT.replace("engine: docker", "engine: local"), &[]);
    machine.seen.engine.odoo = Known::Unknown("there is no odoo-bin".into());
    let plan = machine.plan(&Request::Rename { from: "shop".into(), to: "store".into() });
    let ids: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids, ["stop-odoo-cron", "stop-odoo", "rename"], "{:?}", plan.blocked);
    assert!(plan.steps[0].reason.contains("there is no odoo-bin"), "{}", plan.steps[0].reason);
}
