//! Plans against a world in which a step changes the observation as it would change the world.

mod machine;

use std::path::PathBuf;

use proptest::prelude::*;

use super::{Request, specs};
use crate::base::{Digest, PgMajor, RunId};
use crate::drift::{Acceptance, Kind};
use crate::facts::*;
use crate::plan::{Entry, Journal, Outcome, Plan, Record};
use crate::project::{self, Project};
use crate::step::Step;
use machine::Machine;

const SMALL: &str =
    "version: 1\nname: shop\nengine: local\nodoo:\n  version: 18.0\npostgres:\n  version: 16\n";

fn project(text: &str, environment: &[(&str, &str)]) -> Project {
    project::samples::project(text, environment)
}

fn cluster(major: u32, id: u64) -> DataDir {
    samples::cluster(PgMajor(major), id)
}

fn ids(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.as_str()).collect()
}

#[test]
fn a_new_project_follows_the_recipe_and_then_rests() {
    let project =
        project(&format!("{SMALL}  password: x\n").replace("18.0", "18.0\n  source: /opt/odoo"), &[]);
    let mut machine = Machine::new(&project);
    let first = machine.up(&project, &[]);
    assert_eq!(
        ids(&first),
        [
            "admin-password",
            "postgresql-conf",
            "odoo-conf",
            "data-folder",
            "odoo-folder",
            "init-cluster",
            "start-server",
            "ensure-roles",
            "verify-login",
            "start-odoo",
            "start-odoo-cron",
            "record-baseline",
        ]
    );
    machine.apply(&first);
    assert_eq!(ids(&machine.up(&project, &[])), Vec::<&str>::new());
}

#[test]
fn the_image_of_odoo_is_let_at_its_files_whenever_it_comes() {
    let idle = SMALL.replace("18.0", "18.0\n  services: {odoo: {replicas: 0}, odoo-cron: {replicas: 0}}");
    let of = |text: &str| project(&text.replace("local", "docker"), &[]);
    let (idle, busy) = (of(&idle), of(SMALL));
    let mut machine = Machine::new(&idle);
    let first = machine.up(&idle, &[]);
    assert!(
        !ids(&first).contains(&"pull-odoo") && !ids(&first).contains(&"share-files"),
        "{:?}",
        ids(&first)
    );
    machine.apply(&first);
    machine.look_at(&busy);
    let second = machine.up(&busy, &[]);
    let steps = ["compose-file", "pull-odoo", "share-files", "start-odoo", "start-odoo-cron"];
    assert_eq!(ids(&second), steps);
    machine.apply(&second);
    assert_eq!(ids(&machine.up(&busy, &[])), Vec::<&str>::new());
}

#[test]
fn an_inherited_cluster_is_adopted_without_touching_its_data() {
    let project = project(SMALL, &[]);
    let mut machine = Machine::new(&project);
    machine.seen.data_dir = cluster(16, 7);
    let plan = machine.up(&project, &[]);
    let steps = ids(&plan);
    assert!(!steps.contains(&"init-cluster"));
    let at = |id: &str| {
        steps.iter().position(|step| *step == id).unwrap_or_else(|| panic!("no {id} in {steps:?}"))
    };
    assert!(at("bootstrap-roles") < at("start-server"));
    assert!(at("start-server") < at("ensure-roles"));
    assert!(at("ensure-roles") < at("verify-login"));
    assert_eq!(at("record-baseline"), steps.len() - 1);
    machine.apply(&plan);
    assert!(machine.up(&project, &[]).is_empty());
}

#[test]
fn an_administrative_password_that_no_longer_works_is_set_anew_with_the_server_stopped() {
    let project = project(SMALL, &[]);
    let mut machine = Machine::new(&project);
    machine.apply(&machine.up(&project, &[]));
    machine.seen.live.admin_login = Known::Known(false);
    let plan = machine.up(&project, &[]);
    let steps = ids(&plan);
    assert_eq!(steps, ["stop-server", "bootstrap-roles", "start-server", "ensure-roles", "verify-login"]);
}

#[test]
fn another_major_is_never_started_accepted_or_not() {
    for recorded in [false, true] {
        let old = project(SMALL, &[]);
        let mut machine = Machine::new(&old);
        if recorded {
            machine.apply(&machine.up(&old, &[]));
        }
        for have in [15, 17] {
            machine.seen.data_dir = cluster(have, 7);
            for accepted in [&[][..], &["postgres_major"][..]] {
                let plan = machine.up(&old, accepted);
                assert!(plan.steps.is_empty());
                let block = plan.blocked.iter().find(|b| b.code == "other_major").expect("a block");
                let told = block.hints.join("\n");
                assert!(told.contains("dump") && told.contains("restore"), "{told}");
                assert!(told.contains(&format!("postgres.version: \"{have}\"")), "{told}");
            }
        }
    }
}

#[test]
fn what_stands_in_the_way_yields_no_steps() {
    type Change = fn(&mut Machine);
    let cases: [(&str, Change); 13] = [
        ("data_dir_half_initialised", |m| {
            m.seen.data_dir = DataDir::HalfInitialised { entries: vec!["base".into()] }
        }),
        ("data_dir_foreign", |m| m.seen.data_dir = DataDir::Foreign { entries: vec!["a.jpg".into()] }),
        ("data_dir_unreadable", |m| {
            m.seen.data_dir = DataDir::Unreadable { why: "Permission denied".into(), owner: Some(999) };
        }),
        ("data_dir_not_a_directory", |m| m.seen.data_dir = DataDir::NotADirectory),
        ("baseline_corrupt", |m| m.baseline = BaselineSeen::Corrupt("it is not JSON".into())),
        ("baseline_future", |m| m.baseline = BaselineSeen::Future(2)),
        ("programs_missing", |m| m.seen.engine.binaries = Known::Unknown("none".into())),
        ("engine_unavailable", |m| m.seen.engine.available = Known::Unknown("no daemon".into())),
        ("account", |m| m.seen.engine.run_as = Known::Unknown("root".into())),
        ("disk_full", |m| m.seen.free_bytes = Known::Known(1 << 20)),
        ("data_dir_in_use", |m| m.seen.engine.in_use_by = vec!["the container x mounts it".into()]),
        ("foreign_server", |m| {
            m.seen.engine.server = Known::Known(ServerSeen::Foreign { pid: 812, port: 5432 });
        }),
        ("port_in_use", |m| {
            let usage = PortUse::Taken { by: Some("nginx (pid 812)".into()) };
            m.seen.ports = vec![PortSeen { service: "db".into(), port: 5432, usage }];
        }),
    ];
    let project = project(SMALL, &[]);
    for (code, change) in cases {
        let mut machine = Machine::new(&project);
        change(&mut machine);
        let plan = machine.up(&project, &[]);
        assert_eq!(plan.blocked.iter().map(|b| b.code.as_str()).collect::<Vec<_>>(), [code]);
        assert!(plan.steps.is_empty(), "{code}");
        assert!(!plan.blocked[0].hints.is_empty(), "{code} says what to do");
    }
}

#[test]
fn odoo_conf_that_odoo_cannot_read_is_left_alone() {
    let project = project(SMALL, &[]);
    let mut machine = Machine::new(&project);
    let text = "[options]\ndb_host = a\ndb_host = b\n";
    machine.seen.files.insert(project.odoo_conf(), FileSeen::Text(text.into()));
    let plan = machine.up(&project, &[]);
    assert_eq!(plan.blocked[0].code, "odoo_conf_invalid");
    assert!(plan.blocked[0].why[0].contains("line 3"), "{:?}", plan.blocked[0].why);
}

/// odpm 4.7, bug 1: accepting one kind accepted every other.
#[test]
fn accepting_one_kind_accepts_no_other() {
    let old = project(SMALL, &[]);
    let mut machine = Machine::new(&old);
    machine.apply(&machine.up(&old, &[]));
    let moved = project(&format!("{SMALL}  data: /elsewhere\n"), &[("ODPM_SCENARIO", "server")]);
    machine.look_at(&moved);
    machine.seen.recorded_data_dir = Some(machine.seen.data_dir.clone());
    machine.seen.data_dir = cluster(16, 99);
    machine.seen.engine.server = Known::Known(ServerSeen::Stopped);
    machine.seen.live = Live::stopped();
    let pending = |accepted: &[&str]| -> Vec<Kind> {
        machine.up(&moved, accepted).pending().map(|judged| judged.drift.kind).collect()
    };
    assert_eq!(pending(&[]), [Kind::ClusterIdentity, Kind::DataPath, Kind::OdpmScenario]);
    assert_eq!(pending(&["data_path"]), [Kind::ClusterIdentity, Kind::OdpmScenario]);
    assert_eq!(pending(&["odpm_scenario"]), [Kind::ClusterIdentity, Kind::DataPath]);
    assert_eq!(pending(&["data_path", "odpm_scenario", "cluster_identity"]), []);
}

/// odpm 4.7, bug 6 and 7: an acceptance was bound to no values, and was kept before anything was done.
#[test]
fn an_acceptance_is_bound_to_its_values_and_recorded_last() {
    let old = project(SMALL, &[]);
    let mut machine = Machine::new(&old);
    machine.apply(&machine.up(&old, &[]));
    let server = project(SMALL, &[("ODPM_SCENARIO", "server")]);
    let hash = machine.up(&server, &[]).drift[0].drift.hash.clone();
    let right = format!("odpm_scenario={hash}");
    let ci = project(SMALL, &[("ODPM_SCENARIO", "ci")]);
    assert_eq!(machine.up(&ci, &[&right]).pending().count(), 1, "another change than the one agreed to");
    let plan = machine.up(&server, &[&right]);
    let Some(Step::RecordBaseline(record)) = plan.steps.last().map(|s| &s.step) else {
        panic!("{:?}", ids(&plan))
    };
    assert_eq!(record.accepted.len(), 1);
    assert_eq!(
        (record.accepted[0].kind.as_str(), record.accepted[0].by.as_str()),
        ("odpm_scenario", "ada@laptop")
    );
    assert!(plan.steps.iter().any(|s| s.id == "verify-login"), "nothing is recorded without a login");
    // With --skip-start nothing is verified, so nothing is recorded.
    let accepted = vec![Acceptance::parse(&right).unwrap()];
    let prepared = machine.plan(&server, &Request::Up { skip_start: true, accepted, set_aside: false });
    assert!(!ids(&prepared).contains(&"record-baseline"));
}

/// odpm 4.7, bugs 2 and 3: a missing role that was accepted stayed missing, or was asked for forever.
#[test]
fn an_accepted_missing_role_is_created() {
    let project = project(SMALL, &[]);
    let mut machine = Machine::new(&project);
    machine.apply(&machine.up(&project, &[]));
    machine.seen.live.role_present = Known::Known(false);
    machine.seen.live.role_login = Known::Known(false);
    let plan = machine.up(&project, &[]);
    assert_eq!(plan.pending().map(|j| j.drift.kind).collect::<Vec<_>>(), [Kind::AppRoleMissing]);
    let plan = machine.up(&project, &["app_role_missing"]);
    assert_eq!(ids(&plan), ["ensure-roles", "verify-login", "record-baseline"]);
    machine.apply(&plan);
    assert!(machine.up(&project, &[]).is_empty());
}

#[test]
fn a_changed_password_restarts_odoo_and_its_digest_does_not_tell_it() {
    let text = format!("{SMALL}  password: x\n").replace("18.0", "18.0\n  source: /opt/odoo");
    let project = project(&text, &[]);
    let mut machine = Machine::new(&project);
    machine.apply(&machine.up(&project, &[]));
    machine.seen.stale_secrets.insert("db_password".into());
    let plan = machine.up(&project, &[]);
    assert_eq!(ids(&plan), ["odoo-conf", "stop-odoo", "start-odoo", "stop-odoo-cron", "start-odoo-cron"]);
    assert!(!serde_json::to_string(&plan).unwrap().contains("\"x\""));
}

#[test]
fn down_stops_odoo_before_the_server_and_nothing_twice() {
    let project = project(&SMALL.replace("18.0", "18.0\n  source: /opt/odoo"), &[]);
    let mut machine = Machine::new(&project);
    machine.apply(&machine.up(&project, &[]));
    let down = machine.plan(&project, &Request::Down);
    assert_eq!(ids(&down), ["stop-odoo-cron", "stop-odoo", "stop-server"]);
    machine.apply(&down);
    assert!(machine.plan(&project, &Request::Down).is_empty());
}

#[test]
fn down_stops_what_runs_though_its_programs_are_gone() {
    let project = project(&SMALL.replace("18.0", "18.0\n  source: /opt/odoo"), &[]);
    let mut machine = Machine::new(&project);
    machine.apply(&machine.up(&project, &[]));
    machine.seen.engine.binaries = Known::Unknown("there are none".into());
    machine.seen.engine.run_as = Known::Unknown("there is no account".into());
    machine.seen.engine.odoo = Known::Unknown("there is no odoo-bin".into());
    let without_source = self::project(SMALL, &[]);
    for project in [&project, &without_source] {
        let down = machine.plan(project, &Request::Down);
        assert_eq!(ids(&down), ["stop-odoo-cron", "stop-odoo", "stop-server"]);
        assert!(down.blocked.is_empty(), "{:?}", down.blocked);
    }
}

#[test]
fn a_server_of_which_nothing_is_known_does_not_count_as_stopped() {
    let project = project(SMALL, &[]);
    let mut machine = Machine::new(&project);
    machine.seen.engine.server = Known::Unknown("/srv/pg cannot be read: no permission".into());
    let down = machine.plan(&project, &Request::Down);
    assert_eq!(down.blocked[0].code, "server_unknown");
    assert_eq!(down.blocked[0].why, ["/srv/pg cannot be read: no permission"]);
}

#[test]
fn a_file_that_cannot_be_read_is_not_none_yet() {
    let project = project(SMALL, &[]);
    let mut machine = Machine::new(&project);
    let path = specs::rendered(&project, "postgresql.conf");
    machine.seen.files.insert(path, FileSeen::Unreadable("no permission".into()));
    let plan = machine.up(&project, &[]);
    let step = plan.steps.iter().find(|step| step.id == "postgresql-conf").unwrap();
    assert_eq!(step.reason, "what is there cannot be read: no permission");
}

#[test]
fn undo_refuses_to_lose_what_was_written_since() {
    let project = project(SMALL, &[]);
    let mut machine = Machine::new(&project);
    let first = machine.up(&project, &[]);
    let conf = project.odoo_conf();
    let undo = Step::RemoveFile(crate::step::RemoveFile {
        path: conf.clone(),
        expect: Digest::of("as it was written"),
    });
    let record = |record| Entry { at: "2026-11-20T21:13:33+00:00".into(), record };
    let journal = Journal::read([
        record(Record::Begin { plan: Box::new(first), pid: 1, by: "ada@laptop".into() }),
        record(Record::Finished { step: "odoo-conf".into(), outcome: Outcome::changed(vec![undo]) }),
        record(Record::End { status: RunStatus::Done }),
    ])
    .unwrap();
    machine.seen.files.insert(conf, FileSeen::Text("changed by hand".into()));
    let plan = machine.plan(&project, &Request::Undo(Box::new(journal)));
    assert_eq!(plan.blocked[0].code, "changed_since");
}

#[test]
fn an_unfinished_run_comes_first() {
    let project = project(SMALL, &[]);
    let mut machine = Machine::new(&project);
    machine.seen.unfinished = Some(RunSummary {
        run: RunId::parse("20261120T211333Z-1a2b3c4d").unwrap(),
        command: "apply".into(),
        started_at: "2026-11-20T21:13:33+00:00".into(),
        ended_at: None,
        by: "ada@laptop".into(),
        status: RunStatus::Interrupted,
        done: 3,
        steps: 12,
        stopped_at: Some("init-cluster".into()),
    });
    for request in [Request::Up { skip_start: true, accepted: Vec::new(), set_aside: false }, Request::Down] {
        let plan = machine.plan(&project, &request);
        assert_eq!(plan.blocked[0].code, "unfinished_run");
        assert!(plan.blocked[0].hints.iter().any(|hint| hint.contains("--resume")));
    }
}

prop_compose! {
    /// Projects that differ in what decides about steps.
    fn projects()(
        port in 1024_u16..60000,
        prefix in prop::option::of("[a-z]{1,8}"),
        password in prop::option::of("[a-zA-Z0-9]{1,12}"),
        source in any::<bool>(),
        cron in 0_u16..3,
        settings in prop::collection::btree_map("[a-z_]{12,16}", "[ -~&&[^'\"\\\\$]]{0,12}", 0..4),
        conf in prop::collection::btree_map("[a-z]{12,16}", "[a-zA-Z0-9 .%=-]{0,12}", 0..4),
        scenario in prop::sample::select(vec!["developer", "server", "ci"]),
        engine in prop::sample::select(vec!["local", "docker"]),
    ) -> Project {
        let yaml = serde_json::json!({
            "version": 1, "name": "shop", "scenario": scenario, "engine": engine,
            "odoo": {
                "version": "18.0",
                "source": source.then_some("/opt/odoo"),
                "services": { "odoo-cron": { "replicas": cron }, "odoo": { "port": 999 } },
                "conf": conf,
            },
            "postgres": { "version": "16", "port": port, "password": password, "settings": settings },
        });
        let prefix: Vec<(&str, &str)> = prefix.iter().map(|p| ("ODPM_COMPOSE_PREFIX", p.as_str())).collect();
        project(&yaml.to_string(), &prefix)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Law 7: a plan after a good apply is empty.
    #[test]
    fn a_plan_after_a_good_apply_is_empty(project in projects(), inherited in any::<bool>()) {
        let mut machine = Machine::new(&project);
        if inherited {
            machine.seen.data_dir = cluster(16, 7);
        }
        machine.apply(&machine.up(&project, &[]));
        let again = machine.up(&project, &[]);
        prop_assert!(again.is_empty(), "{:?} {:?}", ids(&again), again.drift);
        prop_assert!(again.drift.is_empty(), "{:?}", again.drift);
    }

    /// And so it is after any change of the project that a person has agreed to.
    #[test]
    fn a_change_is_one_apply(before in projects(), after in projects()) {
        let mut machine = Machine::new(&before);
        machine.apply(&machine.up(&before, &[]));
        machine.look_at(&after);
        let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        machine.apply(&machine.up(&after, &kinds));
        let again = machine.up(&after, &[]);
        prop_assert!(again.is_empty(), "{:?} {:?}", ids(&again), again.drift);
    }
}

#[test]
fn the_engines_words_hold_no_secret() {
    let project = project(&format!("{SMALL}  password: geheim\n"), &[]);
    let machine = Machine::new(&project);
    let plan = machine.up(&project, &[]);
    assert!(!serde_json::to_string(&plan).unwrap().contains("geheim"));
    assert_eq!(specs::rendered(&project, "a"), PathBuf::from("/srv/shop/.odpm/rendered/a"));
}

#[test]
fn repositories_know_the_cluster_before_its_server_starts() {
    let text = format!(
        "{SMALL}archive: {{method: pgbackrest, repositories: [{{path: /repositories/one}}, \
         {{s3: {{bucket: b, endpoint: e, region: r, key: k, secret: s}}}}]}}\n"
    );
    let described = project(&text, &[]);
    let mut machine = Machine::new(&described);
    machine.seen.stale_secrets.insert("repo2-s3-key".into());
    let plan = machine.up(&described, &[]);
    let steps = ids(&plan);
    let at = |id: &str| {
        steps.iter().position(|step| *step == id).unwrap_or_else(|| panic!("no {id} in {steps:?}"))
    };
    assert!(at("pgbackrest-folder") < at("pgbackrest-keys") && at("pgbackrest-keys") < at("create-stanza"));
    assert!(at("init-cluster") < at("create-stanza") && at("create-stanza") < at("start-server"));
    machine.apply(&plan);
    assert_eq!(ids(&machine.up(&described, &[])), Vec::<&str>::new());
    // Other retention, other keys: the server goes on, and is told nothing.
    let other = project(&text.replace("{method", "{keep: 5, method"), &[]);
    assert_eq!(ids(&machine.up(&other, &[])), ["pgbackrest-conf", "create-stanza"]);
    machine.seen.stale_secrets.insert("repo2-s3-key-secret".into());
    assert_eq!(ids(&machine.up(&described, &[])), ["pgbackrest-keys", "create-stanza"]);
    // A cluster that is gone is not made anew under the name of the old one.
    machine.seen.data_dir = DataDir::Absent;
    let refused = machine.up(&described, &[]);
    assert!(refused.blocked.iter().any(|block| block.code == "stanza_taken"), "{:?}", refused.blocked);
    machine.seen.engine.pgbackrest = Known::Known("2.37".into());
    assert!(machine.up(&described, &[]).blocked.iter().any(|block| block.code == "pgbackrest_old"));
}
