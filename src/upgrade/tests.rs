//! Plans of upgrades that never were.

use super::*;
use crate::base::{PgMajor, RunId};
use crate::facts::*;
use crate::plan::Risk;
use crate::project::samples::project;
use crate::project::{CheckpointKind, Project};

const TEXT: &str = "version: 1\nname: shop\nengine: docker\nodoo: {version: 18.0, database: shop}\npostgres: {version: 16}\n";

/// A machine on which everything runs, with these databases beside PostgreSQL's own.
struct Machine {
    project: Project,
    seen: Observation,
    databases: DatabasesSeen,
    checks: Vec<Check>,
}

const RUN: &str = "20261120T211333Z-1a2b3c4d";
const EARLIER: &str = "20261119T100000Z-99999999";

fn machine(names: &[&str]) -> Machine {
    let project = project(TEXT, &[]);
    let mut seen = samples::bare_machine(&project.postgres.data);
    seen.data_dir = samples::cluster(PgMajor(16), 7);
    seen.engine.server = Known::Known(ServerSeen::Running { id: "db".into(), port: 5432, config: None });
    let service = |running| ServiceSeen { running, ids: Vec::new(), config: None, exited: Vec::new() };
    let services = [("odoo".to_owned(), service(1)), ("odoo-cron".to_owned(), service(0))];
    seen.engine.services = Known::Known(services.into());
    let database = |name: &&str| DatabaseSeen {
        name: (*name).to_owned(),
        owner: "odoo".into(),
        bytes: Some(1000),
        sessions: 0,
        comment: None,
        open: true,
        odoo: None,
    };
    let all = Known::Known(names.iter().map(database).collect());
    let folders = names.iter().map(|name| ((*name).to_owned(), None)).collect();
    let databases = DatabasesSeen { all, folders, backups: vec![backup()], half_removed: Vec::new() };
    Machine { project, seen, databases, checks: Vec::new() }
}

fn backup() -> BackupSeen {
    let database = DatabaseFacts { name: "shop".into(), bytes: 1000, ..DatabaseFacts::default() };
    let manifest = BackupManifest {
        odpm_backup: MANIFEST_VERSION,
        odpm_version: "5.0.0".into(),
        created_at: "2026-11-20T20:00:00Z".into(),
        database,
        filestore: Some(FilestoreFacts::default()),
        parts: Vec::new(),
    };
    let path = "/srv/backups/before.odpm".into();
    BackupSeen { path, source: Some(BackupSource::Fast), manifest: Some(manifest), odoo: None, bytes: 10 }
}

fn code() -> Code {
    let versions = Versions { from: Some("18.0.1.0".into()), to: Some("18.0.1.1".into()) };
    Code { update: vec!["rent".into()], modules: [("rent".to_owned(), versions)].into(), ..Code::default() }
}

fn choice(kind: CheckpointKind) -> checkpoint::Choice {
    let (seconds, back) = (None, Some(5));
    checkpoint::Choice { kind, bytes: 1000, free: None, fits: Some(true), why: String::new(), seconds, back }
}

/// An upgrade of before, that came so far.
fn earlier(kind: CheckpointKind, begun: bool, end: Option<UpgradeEnd>) -> UpgradeSeen {
    let run = RunId::parse(EARLIER).unwrap();
    let checkpoint = match kind {
        CheckpointKind::Copy => Checkpoint::Copy { kept: "odpm_old_99999999".into() },
        CheckpointKind::Backup => Checkpoint::Backup { path: "/srv/backups/before.odpm".into() },
    };
    let record = UpgradeRecord {
        run: run.clone(),
        begun: "2026-11-19T10:00:00Z".into(),
        work: "odpm_up_99999999".into(),
        ran: vec!["odoo".into()],
        checkpoint,
        ..samples::upgrade()
    };
    let outcome = end.map(|end| UpgradeOutcome { end, at: "2026-11-19T10:09:00Z".into(), run });
    let folder = "/srv/shop/.odpm/upgrades/x".into();
    UpgradeSeen { folder, record, begun, verdict: None, diagnosis: None, stopped: None, outcome }
}

impl Machine {
    fn plan(&self, request: Request<'_>) -> Plan {
        let run = RunId::parse(RUN).unwrap();
        let Self { project, seen, databases, checks } = self;
        let all = Grounds { project, seen, baseline: &BaselineSeen::Absent, run: &run };
        plan(request, &Ground { all, databases, checks })
    }

    fn run(&self, checkpoint: CheckpointKind, before: &[UpgradeSeen]) -> Plan {
        let code = code();
        let checkpoint = choice(checkpoint);
        let attempt = Attempt {
            database: "shop",
            code: &code,
            checkpoint: &checkpoint,
            before,
            rolled_back: None,
            command: String::new(),
            watch: None,
            scripts: &[],
        };
        self.plan(Request::Run(&attempt))
    }

    fn back(&self, seen: &UpgradeSeen) -> Plan {
        self.plan(Request::Rollback(Back { seen, others: &[], written: &[], as_it_is: false }))
    }

    /// Held back by an upgrade.
    fn resting(mut self, run: &str) -> Self {
        let contained = Contained {
            format_version: 1,
            by: "ada@laptop".into(),
            since: "2026-11-19T10:00:00Z".into(),
            database: "shop".into(),
            read_only: false,
            limits: self.project.odoo.services.keys().map(|name| (name.clone(), 0)).collect(),
            upgrade: RunId::parse(run),
        };
        let text = serde_json::to_string_pretty(&contained).unwrap() + "\n";
        self.seen.files.insert(self.project.state().contained(), FileSeen::Text(text));
        if let Known::Known(services) = &mut self.seen.engine.services {
            services.values_mut().for_each(|service| service.running = 0);
        }
        self
    }
}

fn ids(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.as_str()).collect()
}

fn codes(plan: &Plan) -> Vec<&str> {
    plan.blocked.iter().map(|block| block.code.as_str()).collect()
}

#[test]
fn the_database_rests_while_a_copy_is_upgraded_and_proved() {
    let plan = machine(&["shop"]).run(CheckpointKind::Copy, &[]);
    let wanted = [
        "begin",
        "hold-back",
        "stop-odoo",
        "close",
        "copy",
        "upgrade",
        "probe",
        "publish",
        "record",
        "start-odoo",
        "let-go",
    ];
    assert_eq!(ids(&plan), wanted, "what rested before goes on resting");
    assert!(plan.destroys.is_empty());
    let copy = plan.steps.iter().find_map(|step| match &step.step {
        Step::DuplicateDatabase(copy) => Some(copy),
        _ => None,
    });
    let copy = copy.unwrap();
    assert!(copy.keep_closed && copy.from == "shop");
    let odoo = plan.steps.iter().find_map(|step| match &step.step {
        Step::RunOdoo(odoo) => Some(odoo),
        _ => None,
    });
    let odoo = odoo.unwrap();
    assert_eq!((&odoo.database, odoo.anew.as_ref()), (&copy.to, Some(copy.as_ref())));
    assert_eq!(odoo.wanted["rent"].as_deref(), Some("18.0.1.1"));
    assert!(plan.steps.iter().all(|step| step.risk != Risk::Destroys));
}

#[test]
fn a_backup_is_taken_before_the_database_itself_is_taken_away() {
    let plan = machine(&["shop"]).run(CheckpointKind::Backup, &[]);
    let wanted = [
        "begin",
        "hold-back",
        "stop-odoo",
        "take-away",
        "backup",
        "upgrade",
        "probe",
        "publish",
        "record",
        "start-odoo",
        "let-go",
    ];
    assert_eq!(ids(&plan), wanted);
}

#[test]
fn what_preflight_finds_stands_in_the_way_or_is_said() {
    let mut machine = machine(&["shop"]);
    machine.checks =
        vec![Check::bad("files", "x.xml cannot be read").remedy("Mend it."), Check::open("drill", "none")];
    let plan = machine.run(CheckpointKind::Copy, &[]);
    assert_eq!((codes(&plan), ids(&plan)), (vec!["preflight"], Vec::new()));
    assert_eq!(plan.warnings, ["drill: none"]);
}

#[test]
fn another_attempt_begins_with_the_database_and_not_with_what_is_left() {
    let before = [earlier(CheckpointKind::Copy, true, None)];
    let resting = machine(&["shop", "odpm_up_99999999"]).resting(EARLIER);
    let plan = resting.run(CheckpointKind::Copy, &before);
    let wanted = [
        "begin",
        "hold-back",
        "drop-odpm_up_99999999",
        "supersede-20261119T100000Z-99999999",
        "close",
        "copy",
        "upgrade",
        "probe",
        "publish",
        "record",
        "start-odoo",
        "let-go",
    ];
    assert_eq!(ids(&plan), wanted, "what ran when the first attempt began runs again at the end");
    assert_eq!(codes(&resting.run(CheckpointKind::Copy, &[])), ["upgrading"]);

    // Where the database itself was upgraded, it comes out of its backup first; that one is not taken again.
    let before = [earlier(CheckpointKind::Backup, true, None)];
    let resting = machine(&["odpm_up_99999999"]).resting(EARLIER);
    let plan = resting.run(CheckpointKind::Backup, &before);
    let wanted = [
        "begin",
        "hold-back",
        "check-backup",
        "load",
        "load-files",
        "check",
        "put-back",
        "compare",
        "drop-odpm_up_99999999",
        "supersede-20261119T100000Z-99999999",
        "take-away",
        "upgrade",
        "probe",
        "publish",
        "record",
        "start-odoo",
        "let-go",
    ];
    assert_eq!(ids(&plan), wanted);
}

#[test]
fn the_way_back_is_what_the_databases_say() {
    use CheckpointKind::{Backup, Copy};
    let upgraded = Some(UpgradeEnd::Upgraded);
    let load = ["check-backup", "load", "load-files", "check", "put-back", "compare", "record"];
    let one = |step| vec![step, "compare", "record"];
    let then_dropped = |steps: Vec<&'static str>| [steps, vec!["drop-odpm_up_99999999"]].concat();
    let (work, kept, undone) = ("odpm_up_99999999", "odpm_old_99999999", "odpm_undone_99999999");
    let table = [
        ("the copy has failed", vec!["shop", work], Copy, true, None, then_dropped(one("open")), false),
        ("killed before the copy", vec!["shop"], Copy, false, None, one("open"), false),
        ("killed right after the publication", vec!["shop", kept], Copy, true, None, one("put-back"), true),
        ("in service", vec!["shop", kept], Copy, true, upgraded, one("put-back"), true),
        ("put back, and killed", vec!["shop", undone], Copy, true, upgraded, one("open"), false),
        ("taken away, half upgraded", vec![work], Backup, true, None, then_dropped(load.to_vec()), false),
        (
            "put back, and killed before that went",
            vec!["shop", work],
            Backup,
            true,
            None,
            then_dropped(one("open")),
            false,
        ),
        ("taken away, Odoo never begun with", vec![work], Backup, false, None, one("put-back"), false),
        ("killed before it was taken away", vec!["shop"], Backup, false, None, one("open"), false),
        ("in service, by a backup", vec!["shop"], Backup, true, upgraded, load.to_vec(), true),
        (
            "put back by a backup, and killed",
            vec!["shop", undone],
            Backup,
            true,
            upgraded,
            one("open"),
            false,
        ),
    ];
    for (what, names, kind, begun, end, wanted, in_service) in table {
        let plan = machine(&names).resting(EARLIER).back(&earlier(kind, begun, end));
        assert_eq!((ids(&plan), plan.destroys.contains(&"shop".to_owned())), (wanted, in_service), "{what}");
    }
}

#[test]
fn a_renaming_that_was_broken_off_before_its_folders_is_brought_to_its_end_first() {
    let cases: [(&[&str], &str, CheckpointKind, bool, &str); 3] = [
        (&["shop", "odpm_old_99999999"], "odpm_up_99999999", CheckpointKind::Copy, true, "finish-publish"),
        (
            &["shop", "odpm_undone_99999999"],
            "odpm_old_99999999",
            CheckpointKind::Copy,
            true,
            "finish-put-back",
        ),
        (&["odpm_up_99999999"], "shop", CheckpointKind::Backup, false, "finish-take-away"),
    ];
    for (names, folder, kind, begun, first) in cases {
        let mut machine = machine(names);
        machine.databases.folders = [(folder.to_owned(), None)].into();
        let plan = machine.resting(EARLIER).back(&earlier(kind, begun, None));
        assert_eq!(ids(&plan)[0], first);
        let whole = machine_without_folders(names).resting(EARLIER).back(&earlier(kind, begun, None));
        assert_ne!(ids(&whole)[0], first);
    }
}

fn machine_without_folders(names: &[&str]) -> Machine {
    let mut machine = machine(names);
    machine.databases.folders.clear();
    machine
}

#[test]
fn several_attempts_go_back_to_what_the_first_one_began_with() {
    let first = earlier(CheckpointKind::Backup, true, None);
    let mut second = earlier(CheckpointKind::Backup, false, None);
    second.record.run = RunId::parse("20261119T110000Z-88888888").unwrap();
    second.record.work = "odpm_up_88888888".into();
    let others = [second];
    let back = Back { seen: &first, others: &others, written: &[], as_it_is: false };
    let plan =
        machine(&["odpm_up_99999999"]).resting("20261119T110000Z-88888888").plan(Request::Rollback(back));
    let ids = ids(&plan);
    assert_eq!(ids[..3], ["hold-back", "check-backup", "load"], "{:?}", plan.blocked);
    assert!(ids.contains(&"record") && ids.contains(&"record-20261119T110000Z-88888888"), "{ids:?}");
}

#[test]
fn what_is_published_is_not_begun_anew_with() {
    let before = [earlier(CheckpointKind::Copy, true, None)];
    let published = machine(&["shop", "odpm_old_99999999"]).resting(EARLIER);
    assert_eq!(codes(&published.run(CheckpointKind::Copy, &before)), ["published"]);
    let failed = machine(&["shop", "odpm_up_99999999"]).resting(EARLIER);
    assert_eq!(codes(&failed.run(CheckpointKind::Backup, &before)), ["another_checkpoint"]);
}

#[test]
fn another_databases_freeze_is_nobodys_to_lift() {
    let seen = earlier(CheckpointKind::Copy, true, Some(UpgradeEnd::Upgraded));
    let mut elsewhere = machine(&["shop", "odpm_old_99999999"]).resting("20261119T120000Z-77777777");
    let path = elsewhere.project.state().contained();
    let held = elsewhere.seen.files[&path].text().unwrap().replace("\"shop\"", "\"other\"");
    elsewhere.seen.files.insert(path, FileSeen::Text(held));
    assert_eq!(codes(&elsewhere.back(&seen)), ["upgrading"]);
    assert_eq!(codes(&elsewhere.plan(Request::Reopen(&seen))), ["upgrading"]);
}

#[test]
fn without_a_checkpoint_nothing_is_touched() {
    let gone = earlier(CheckpointKind::Copy, true, Some(UpgradeEnd::Upgraded));
    assert_eq!(codes(&machine(&["shop"]).back(&gone)), ["no_checkpoint"]);
    let neither = earlier(CheckpointKind::Copy, true, None);
    assert_eq!(codes(&machine(&[]).back(&neither)), ["no_checkpoint"]);
    let mut without = machine(&["odpm_up_99999999"]);
    without.databases.backups.clear();
    assert_eq!(codes(&without.back(&earlier(CheckpointKind::Backup, true, None))), ["no_checkpoint"]);
}

#[test]
fn with_little_room_the_half_upgraded_database_goes_once_the_backup_was_read() {
    let mut machine = machine(&["odpm_up_99999999"]);
    machine.seen.free_bytes = Known::Known(10);
    let plan = machine.resting(EARLIER).back(&earlier(CheckpointKind::Backup, true, None));
    assert_eq!(ids(&plan)[..3], ["check-backup", "drop-odpm_up_99999999", "load"]);
    assert!(plan.warnings[0].contains("no room for both"), "{:?}", plan.warnings);
}

#[test]
fn only_what_ran_runs_again() {
    let seen = earlier(CheckpointKind::Copy, true, Some(UpgradeEnd::RolledBack));
    let plan = machine(&["shop"]).resting(EARLIER).plan(Request::Reopen(&seen));
    assert_eq!(ids(&plan), ["start-odoo", "let-go"]);
    assert!(machine(&["shop"]).plan(Request::Reopen(&seen)).steps.is_empty());
}

#[test]
fn a_rehearsal_leaves_the_services_running_and_nothing_behind() {
    let code = code();
    let checkpoint = choice(CheckpointKind::Copy);
    let attempt = Attempt {
        database: "shop",
        code: &code,
        checkpoint: &checkpoint,
        before: &[],
        rolled_back: None,
        command: String::new(),
        watch: None,
        scripts: &[],
    };
    let plan = machine(&["shop"]).plan(Request::Rehearse(&attempt));
    let wanted = [
        "begin",
        "stop-odoo",
        "copy",
        "start-odoo",
        "renew-identity",
        "neutralize",
        "upgrade",
        "neutralize-again",
        "probe",
        "drop-odpm_up_1a2b3c4d",
        "record",
    ];
    assert_eq!(ids(&plan), wanted);
}
