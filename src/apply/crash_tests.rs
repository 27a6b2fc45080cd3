//! Kills a run at every durable point, and its resume at every durable point again: every path has to
//! come to the same end as the run that nobody killed.

mod clusters;
mod copy;
mod cutback;
mod watched;

use std::path::PathBuf;

use super::{Stop, run};
use crate::base::{Digest, PgMajor, RunId, SecretRef};
use crate::error::{Kind, Result};
use crate::facts::{Accepted, Baseline, BaselineCluster, BaselineCompose, BaselineConf, RunStatus};
use crate::plan::{Basis, Journal, Plan, PlannedStep, ProjectRef, Record, inverse};
use crate::step::*;
use crate::world::fake::{Durable, Fake};

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(work)
}

fn server(config: &str) -> ServerSpec {
    ServerSpec {
        service: "db".into(),
        data: "data".into(),
        major: PgMajor(15),
        port: 5432,
        config: Digest::of(config),
        start_timeout: 300,
        launch: Launch::Compose { project: "shop".into(), file: "docker-compose.yml".into() },
    }
}

fn service() -> ServiceSpec {
    ServiceSpec {
        name: "odoo".into(),
        service: "odoo".into(),
        replicas: 1,
        port: Some(8069),
        command: Vec::new(),
        env: Default::default(),
        config: Digest::of("odoo"),
        start_timeout: 300,
        launch: server("").launch,
    }
}

fn baseline() -> Baseline {
    Baseline {
        schema_version: 1,
        recorded_at: String::new(),
        odpm_scenario: "developer".into(),
        engine: "postgres".into(),
        compose: BaselineCompose {
            service_name: "db".into(),
            image_tag: "15".into(),
            data_path_abs: "data".into(),
            host_port: 5432,
            compose_project_name: None,
            odoo_service_name: Some("odoo".into()),
        },
        odoo_conf: BaselineConf { db_host: "db".into(), db_port: 5432, db_user: "odoo".into() },
        cluster: BaselineCluster { app_role: "odoo".into(), ..BaselineCluster::default() },
    }
}

/// Every kind of step that changes something, over a world with an old `odoo.conf`.
fn plan(old_conf: &str) -> Plan {
    let endpoint = Endpoint { host: "127.0.0.1".into(), port: 5432, tls: None, container: None };
    let (admin, app) = (SecretRef::AdminPassword, SecretRef::AppPassword);
    let step = |id: &str, step| PlannedStep::new(id, step, "it is a test");
    let steps = vec![
        step("make-dir", Step::MakeDir(MakeDir { path: "filestore".into(), mode: 0o700, owner: None })),
        step("pull", Step::PullImage(PullImage { image: "odoo:18.0".into() })),
        step(
            "share",
            Step::ShareFiles(ShareFiles {
                image: "odoo:18.0".into(),
                own: vec!["filestore".into()],
                read: vec!["odoo.conf".into()],
                user: None,
                visible: false,
            }),
        ),
        step("admin-secret", Step::GenerateSecret(GenerateSecret { secret: admin.clone() })),
        step("app-secret", Step::GenerateSecret(GenerateSecret { secret: app.clone() })),
        step(
            "write-new",
            Step::WriteFile(WriteFile {
                path: "postgresql.conf".into(),
                content: "port = 5432\n".into(),
                mode: 0o644,
                before: None,
            }),
        ),
        step(
            "edit-conf",
            Step::EditConf(EditConf {
                path: "odoo.conf".into(),
                edits: vec![
                    ConfEdit { option: "db_host".into(), value: ConfValue::Text("db".into()) },
                    ConfEdit { option: "db_password".into(), value: ConfValue::Secret(app.clone()) },
                ],
                mode: 0o600,
                before: Some(Digest::of(old_conf)),
            }),
        ),
        step(
            "init-cluster",
            Step::InitCluster(InitCluster {
                server: server("new"),
                admin_role: "postgres".into(),
                admin: admin.clone(),
            }),
        ),
        step(
            "bootstrap-roles",
            Step::BootstrapRoles(BootstrapRoles {
                server: server("new"),
                admin_role: "postgres".into(),
                admin: admin.clone(),
            }),
        ),
        step("start-server", Step::StartServer(server("new"))),
        step(
            "ensure-roles",
            Step::EnsureRoles(EnsureRoles {
                endpoint: endpoint.clone(),
                admin_role: "postgres".into(),
                admin: admin.clone(),
                app_role: "odoo".into(),
                app: app.clone(),
                extensions: vec!["unaccent".into()],
            }),
        ),
        step(
            "verify-login",
            Step::VerifyLogin(VerifyLogin {
                endpoint: endpoint.clone(),
                role: "odoo".into(),
                secret: app.clone(),
                database: "postgres".into(),
            }),
        ),
        step("start-odoo", Step::StartService(service())),
        step(
            "record",
            Step::RecordBaseline(Box::new(RecordBaseline {
                run: run_id(),
                baseline: baseline(),
                engine: "docker".into(),
                accepted: vec![Accepted {
                    kind: "image_tag".into(),
                    recorded: "15.1".into(),
                    current: "15".into(),
                    by: "ada@laptop".into(),
                    at: "2026-11-20T21:13:33+00:00".into(),
                    how: "flag".into(),
                }],
                endpoint,
                role: "odoo".into(),
                secret: app,
            })),
        ),
    ];
    wrap(steps)
}

fn run_id() -> RunId {
    RunId::parse("20261120T211333Z-1a2b3c4d").unwrap()
}

fn wrap(steps: Vec<PlannedStep>) -> Plan {
    Plan {
        format_version: 1,
        odpm_version: "5.0.0".into(),
        run: run_id(),
        created_at: "2026-11-20T21:13:33+00:00".into(),
        command: "apply".into(),
        skip_start: false,
        author: "ada@laptop".into(),
        project: ProjectRef { name: "shop".into(), root: "/srv/shop".into() },
        basis: Basis { project: Digest::of("a"), baseline: Digest::of("b"), world: Default::default() },
        drift: Vec::new(),
        blocked: Vec::new(),
        warnings: Vec::new(),
        destroys: Vec::new(),
        named: false,
        steps,
    }
}

const OLD_CONF: &str = "; mine\n[options]\nworkers = 2\ndb_host = elsewhere\n";

/// A world before the run: an edited `odoo.conf`, an old baseline.
fn before() -> Fake {
    let fake = Fake::default();
    fake.change(|d| {
        d.files.insert("odoo.conf".into(), OLD_CONF.into());
        d.files.insert("last_run.json".into(), "{\"old\": true}".into());
    });
    fake
}

/// One process: begins the run, or goes on with what the journal tells.
fn attempt(fake: &Fake, plan: &Plan) -> Result<()> {
    let earlier = fake.journal();
    let mut log = fake.clone();
    if earlier.is_none() {
        use crate::world::Log;
        log.append(Record::Begin { plan: Box::new(plan.clone()), pid: 1, by: "ada@laptop".into() })?;
    }
    if earlier.as_ref().is_some_and(|journal| !journal.unfinished()) {
        return Ok(());
    }
    let plan = earlier.as_ref().map_or(plan, |journal| &journal.plan).clone();
    block_on(run(&plan, earlier.as_ref(), &mut fake.world(), &mut log, &Stop::default(), &mut |_| {}))
}

fn finished(fake: &Fake) -> Journal {
    let journal = fake.journal().expect("a journal");
    assert_eq!(journal.end.as_ref().map(|(status, _)| *status), Some(RunStatus::Done));
    journal
}

/// The end of a run that nobody kills, and how many points it passes.
fn uncrashed(world: &dyn Fn() -> Fake, plan: &Plan) -> (Durable, Vec<Vec<Step>>, u32) {
    let fake = world();
    fake.fuse(None);
    attempt(&fake, plan).unwrap();
    (fake.durable(), undo_of(&finished(&fake)), fake.points())
}

fn undo_of(journal: &Journal) -> Vec<Vec<Step>> {
    journal.finished.iter().map(|(_, outcome)| outcome.undo.clone()).collect()
}

/// Kills at every point, and each resume at every point again.
fn every_crash(world: &dyn Fn() -> Fake, plan: &Plan) {
    let (want, undo, points) = uncrashed(world, plan);
    assert!(points > 2, "the plan does something");
    for first in 0..points {
        let crashed = world();
        crashed.fuse(Some(first));
        attempt(&crashed, plan).unwrap_err();
        assert!(crashed.died());
        for second in 0..=points {
            let fake = world();
            fake.fuse(Some(first));
            attempt(&fake, plan).unwrap_err();
            fake.fuse(Some(second));
            if attempt(&fake, plan).is_err() {
                assert!(fake.died(), "{first}, {second}: a resume fails by itself");
            }
            fake.fuse(None);
            attempt(&fake, plan).unwrap_or_else(|e| panic!("{first}, {second}: {e}"));
            assert_eq!(fake.durable(), want, "killed at {first} and {second}");
            assert_eq!(undo_of(&finished(&fake)), undo, "undo after {first} and {second}");
        }
    }
}

#[test]
fn every_crash_converges() {
    every_crash(&before, &plan(OLD_CONF));
}

/// The inverse of a whole run, itself killed everywhere.
#[test]
fn undo_puts_files_and_services_back_and_converges_too() {
    let done = || {
        let fake = before();
        attempt(&fake, &plan(OLD_CONF)).unwrap();
        fake
    };
    let journal = finished(&done());
    let inverse = inverse(&journal);
    assert!(inverse.stays.iter().any(|s| s.starts_with("init-cluster: the data directory stays")));
    let undo = wrap(inverse.steps);
    let world = || {
        let fresh = Fake::default();
        let before = done().durable();
        // A run of its own keeps its own copies.
        fresh.change(|d| *d = Durable { copies: Default::default(), ..before });
        fresh
    };
    let after = world();
    attempt(&after, &undo).unwrap();
    let files = after.durable().files;
    assert_eq!(files[&PathBuf::from("odoo.conf")], OLD_CONF);
    assert_eq!(files[&PathBuf::from("last_run.json")], "{\"old\": true}");
    assert!(!files.contains_key(&PathBuf::from("postgresql.conf")));
    assert_eq!(after.durable().server, None);
    assert!(after.durable().services.is_empty());
    every_crash(&world, &undo);
}

fn operator() -> Operator {
    Operator {
        endpoint: Endpoint { host: "127.0.0.1".into(), port: 5432, tls: None, container: None },
        role: "postgres".into(),
        secret: SecretRef::AdminPassword,
        app_role: "odoo".into(),
        app: SecretRef::AppPassword,
        programs: Programs::Local { bin_dir: "bin".into() },
    }
}

fn step(id: &str, step: Step) -> PlannedStep {
    PlannedStep::new(id, step, "it is needed")
}

/// What was made anew takes the place of the database in service, which is kept.
fn replacing() -> Step {
    Step::MoveDatabase(Box::new(MoveDatabase {
        operator: operator(),
        from: "odpm_new".into(),
        to: "shop".into(),
        expect: None,
        keep: Some("odpm_old".into()),
        keep_expect: None,
        keep_mark: "replaced".into(),
        open: true,
        mark: String::new(),
        filestore: "filestore".into(),
    }))
}

fn with_secrets(durable: &mut Durable) {
    durable.secrets.insert("AdminPassword".into(), "a".into());
    durable.secrets.insert("AppPassword".into(), "b".into());
}

/// A restore that takes the place of a database in service: at every moment one of the two is whole under its name.
#[test]
fn a_restore_killed_anywhere_converges_and_never_loses_the_old_one() {
    let (path, source) = (PathBuf::from("a.zip"), crate::facts::BackupSource::Zip);
    let load = LoadBackup {
        operator: operator(),
        path: path.clone(),
        source,
        database: "odpm_new".into(),
        mark: "new".into(),
        extensions: Vec::new(),
        jobs: 1,
    };
    let check = CheckDatabase {
        operator: operator(),
        database: "odpm_new".into(),
        backup: path.clone(),
        files: None,
        before: None,
    };
    let old = DropDatabase { operator: operator(), name: "odpm_old".into(), filestore: "filestore".into() };
    let name = || "odpm_new".to_owned();
    let plan = wrap(vec![
        step(
            "check-backup",
            Step::CheckBackup(CheckBackup { operator: operator(), path: path.clone(), source }),
        ),
        step("load", Step::LoadBackup(Box::new(load))),
        step("load-files", Step::LoadFiles(LoadFiles { path, source, to: "filestore/odpm_new".into() })),
        step("check", Step::CheckDatabase(Box::new(check))),
        step(
            "renew",
            Step::RenewIdentity(Box::new(RenewIdentity { operator: operator(), database: name() })),
        ),
        step("stop-odoo", Step::StopService(service())),
        step("rename", replacing()),
        step("start-odoo", Step::StartService(service())),
        step("drop-old", Step::DropDatabase(Box::new(old))),
    ]);
    let world = || {
        let fake = before();
        fake.change(|d| {
            d.databases.insert("shop".into(), vec!["old"]);
            with_secrets(d);
        });
        fake
    };
    every_crash(&world, &plan);
    let (end, _, points) = uncrashed(&world, &plan);
    assert_eq!(end.databases.keys().collect::<Vec<_>>(), ["shop"]);
    for at in 0..points {
        let fake = world();
        fake.fuse(Some(at));
        attempt(&fake, &plan).unwrap_err();
        let shop = fake.durable().databases["shop"].clone();
        assert!(shop == ["old"] || shop == ["loaded", "files", "renewed"], "killed at {at}: {shop:?}");
    }
}

/// A base backup, and a sidecar from it.
#[test]
fn a_step_whose_guard_fails_is_not_begun() {
    let fake = before();
    fake.change(|d| drop(d.files.insert("odoo.conf".into(), "[options]\nby = hand\n".into())));
    let error = attempt(&fake, &plan(OLD_CONF)).unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    assert!(error.to_string().contains("odoo.conf is not the file that was planned for"), "{error}");
    assert_eq!(fake.durable().files[&PathBuf::from("odoo.conf")], "[options]\nby = hand\n");
    assert_eq!(fake.durable().server, None, "nothing after it ran");
}

/// A step that was refused was never begun: however often the run is gone on with, it does not take another's work for its own.
#[test]
fn a_refused_step_is_refused_again_when_the_run_is_resumed() {
    let fake = before();
    fake.change(|d| d.cluster = Some((PgMajor(15), 77)));
    for _ in 0..3 {
        let error = attempt(&fake, &plan(OLD_CONF)).unwrap_err();
        assert_eq!(error.kind(), Kind::Refused);
        assert!(error.to_string().contains("is no longer empty"), "{error}");
        let journal = fake.journal().expect("a journal");
        assert_eq!((journal.stopped_in.as_deref(), journal.attempts), (Some("init-cluster"), 0));
    }
    fake.change(|d| d.cluster = None);
    attempt(&fake, &plan(OLD_CONF)).unwrap();
    assert_eq!(fake.durable(), uncrashed(&before, &plan(OLD_CONF)).0);
}

#[test]
fn a_wish_to_stop_ends_the_run_between_steps_and_resumes() {
    let fake = before();
    let plan = plan(OLD_CONF);
    let stop = Stop::default();
    let mut log = fake.clone();
    {
        use crate::world::Log;
        log.append(Record::Begin { plan: Box::new(plan.clone()), pid: 1, by: "ada@laptop".into() }).unwrap();
    }
    let asking = stop.clone();
    let mut tell = |event: super::Event<'_>| {
        if let super::Event::Finished { step, .. } = event
            && step.id == "write-new"
        {
            asking.ask();
        }
    };
    let error = block_on(run(&plan, None, &mut fake.world(), &mut log, &stop, &mut tell)).unwrap_err();
    assert_eq!(error.kind(), Kind::Interrupted);
    let journal = fake.journal().unwrap();
    assert_eq!(journal.finished.len(), 6);
    assert!(journal.unfinished());
    attempt(&fake, &plan).unwrap();
    assert_eq!(fake.durable(), uncrashed(&before, &plan).0);
}
