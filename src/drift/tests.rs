//! Every kind of drift, and the predecessor's mistakes with them.

use super::*;
use crate::base::PgMajor;
use crate::facts::{BaselineSeen, Companion, DataDir, Known, Observation, samples};
use crate::project::Project;
use crate::project::samples::project;

const TEXT: &str =
    "version: 1\nname: shop\nengine: local\nodoo: {version: '18.0'}\npostgres: {version: '16'}\n";

/// A project that was applied once, and the world as it is a moment later.
struct Case {
    project: Project,
    seen: Observation,
    baseline: BaselineSeen,
    conf_host: Option<&'static str>,
}

impl Case {
    fn applied() -> Self {
        let project = project(TEXT, &[]);
        let mut seen = samples::bare_machine(&project.postgres.data);
        seen.data_dir = samples::cluster(PgMajor(16), 7);
        seen.live = samples::well();
        let now = fingerprint(&project, &seen);
        let companion = Companion {
            engine: Some("local".into()),
            system_identifier: Some("7".into()),
            ..Companion::default()
        };
        let baseline = BaselineSeen::Present(Box::new(now.baseline), Box::new(companion));
        Self { project, seen, baseline, conf_host: None }
    }

    fn baseline(&mut self) -> (&mut crate::facts::Baseline, &mut Companion) {
        match &mut self.baseline {
            BaselineSeen::Present(baseline, companion) => (baseline, companion),
            _ => panic!("no baseline"),
        }
    }

    fn edit(&mut self, postgres: &str, environment: &[(&str, &str)]) {
        let text = TEXT.replace("{version: '16'}", &format!("{{version: '16', {postgres}}}"));
        self.project = project(&text, environment);
        self.seen.data_path = self.project.postgres.data.clone();
    }

    fn drift(&self) -> Vec<Drift> {
        let now = fingerprint(&self.project, &self.seen);
        compare(&now, self.project.postgres.major, self.conf_host, &self.seen, &self.baseline)
    }

    fn kinds(&self) -> Vec<Kind> {
        self.drift().into_iter().map(|drift| drift.kind).collect()
    }
}

#[test]
fn nothing_changed_is_no_drift() {
    assert_eq!(Case::applied().drift(), []);
}

#[test]
fn severities_are_the_contract() {
    let of = |severity| -> Vec<&str> {
        Kind::ALL.iter().filter(|kind| kind.severity() == severity).map(|kind| kind.as_str()).collect()
    };
    assert_eq!(of(Severity::Info), ["first_run"]);
    assert_eq!(
        of(Severity::High),
        ["cluster_identity", "data_path", "postgres_major", "app_role_missing", "app_role_login"]
    );
    assert_eq!(of(Severity::Medium), ["data_dir_empty_changed", "odpm_scenario", "app_role", "engine"]);
    for low in ["service_name", "db_host_mismatch", "host_port", "compose_project_name", "image_tag"] {
        assert!(of(Severity::Low).contains(&low), "{low}");
    }
    for kind in Kind::ALL {
        assert_eq!(Kind::parse(kind.as_str()), Some(*kind));
    }
}

/// One change of the world or the project, and the kinds that follow from it.
#[test]
fn every_kind_is_found_and_nothing_else_with_it() {
    type Change = fn(&mut Case);
    let cases: [(&[Kind], Change); 19] = [
        (&[Kind::SuperuserAppRole], |c| c.seen.live.role_bootstrap = Known::Known(true)),
        (&[Kind::Orphans], |c| c.seen.engine.orphans = vec!["old_db_1".into()]),
        (&[Kind::FirstRun], |c| c.baseline = BaselineSeen::Absent),
        (&[Kind::ClusterIdentity], |c| {
            c.seen.data_dir = samples::cluster(PgMajor(16), 8);
            c.seen.live.system_identifier = Known::Known(8);
        }),
        (&[Kind::DataPath], |c| c.edit("data: /elsewhere", &[])),
        (&[Kind::PostgresMajor], |c| c.seen.data_dir = samples::cluster(PgMajor(15), 7)),
        (&[Kind::AppRoleMissing], |c| {
            c.seen.live.role_present = Known::Known(false);
            c.seen.live.role_login = Known::Known(false);
        }),
        (&[Kind::AppRoleLogin], |c| c.seen.live.role_login = Known::Known(false)),
        (&[Kind::DataDirEmptyChanged], |c| c.seen.data_dir = DataDir::Empty),
        (&[Kind::OdpmScenario], |c| c.edit("port: 5432", &[("ODPM_SCENARIO", "server")])),
        (&[Kind::AppRole], |c| c.edit("role: shop", &[])),
        (&[Kind::Engine], |c| c.baseline().1.engine = Some("docker".into())),
        (&[Kind::ServiceName], |c| c.edit("service: pg", &[])),
        (&[Kind::ImageTag], |c| c.baseline().0.compose.image_tag = "16.4-alpine".into()),
        (&[Kind::HostPort], |c| c.edit("port: 5433", &[])),
        (&[Kind::DbHostMismatch], |c| c.conf_host = Some("elsewhere")),
        (&[Kind::DbPort], |c| c.baseline().0.odoo_conf.db_port = 6432),
        (&[Kind::DbUser], |c| c.baseline().0.odoo_conf.db_user = "somebody".into()),
        (&[Kind::ServiceName, Kind::OdooServiceName, Kind::ComposeProjectName], |c| {
            c.edit("port: 5432", &[("ODPM_COMPOSE_PREFIX", "acme")]);
        }),
    ];
    let mut covered: Vec<Kind> = cases.iter().flat_map(|(kinds, _)| kinds.iter().copied()).collect();
    covered.sort();
    covered.dedup();
    assert_eq!(covered, Kind::ALL, "every kind has its case");
    for (want, change) in cases {
        let mut case = Case::applied();
        change(&mut case);
        assert_eq!(case.kinds(), want);
        for drift in case.drift() {
            assert!(!wording::line(&drift).is_empty());
            assert!(!wording::acceptance(&drift).is_empty());
            assert_eq!(drift.hash.len(), 12);
        }
    }
}

#[test]
fn all_differences_are_reported_at_once() {
    let mut case = Case::applied();
    case.edit("port: 5433, service: pg, data: /elsewhere", &[("ODPM_SCENARIO", "ci")]);
    assert_eq!(case.kinds(), [Kind::DataPath, Kind::OdpmScenario, Kind::ServiceName, Kind::HostPort]);
}

/// odpm 4.7 called every change of the tag a change of the major, and never looked at PG_VERSION.
#[test]
fn a_tag_is_not_a_major_and_the_data_directory_decides() {
    let mut case = Case::applied();
    case.baseline().0.compose.image_tag = "16.4-alpine".into();
    assert_eq!(case.kinds(), [Kind::ImageTag]);
    for have in [15, 17] {
        let mut case = Case::applied();
        case.seen.data_dir = samples::cluster(PgMajor(have), 7);
        let drift = case.drift();
        assert_eq!(drift[0].kind, Kind::PostgresMajor);
        assert!(!drift[0].acceptable, "a data directory of another major is never started");
        let accepted = judge(drift, &[Acceptance::parse("postgres_major").unwrap()]);
        assert_eq!(accepted.pending().count(), 1);
        assert!(accepted.warnings[0].contains("cannot be"), "{:?}", accepted.warnings);
    }
}

/// odpm 4.7's container writes a baseline without the two Compose names, and every prefixed project then
/// died of a drift that has no message.
#[test]
fn a_baseline_of_the_predecessors_container_raises_no_false_drift() {
    let mut case = Case::applied();
    case.edit("port: 5432", &[("ODPM_COMPOSE_PREFIX", "acme")]);
    let service = case.project.postgres_service();
    let (baseline, companion) = case.baseline();
    baseline.compose.service_name = service;
    baseline.compose.compose_project_name = None;
    baseline.compose.odoo_service_name = None;
    *companion = Companion { engine: Some("local".into()), ..Companion::default() };
    assert_eq!(case.kinds(), []);
}

/// odpm 4.7 records "empty" for a directory that it is just about to fill, and stumbles over it next time.
#[test]
fn a_misrecorded_empty_directory_is_forgiven_and_a_real_one_is_not() {
    let mut case = Case::applied();
    case.baseline().0.cluster.data_dir_nonempty = false;
    case.baseline().0.cluster.app_role_present = Some(true);
    assert_eq!(case.kinds(), []);
    case.baseline().0.cluster.app_role_present = Some(false);
    assert_eq!(case.kinds(), [Kind::DataDirEmptyChanged]);
}

/// odpm 4.7 calls a moved project a high drift although its data moved along, and does not look at what
/// stands at either place.
#[test]
fn a_moved_data_directory_is_judged_by_what_stands_there() {
    let mut case = Case::applied();
    case.edit("data: /elsewhere", &[]);
    let severity = |case: &Case| case.drift().iter().find(|d| d.kind == Kind::DataPath).map(|d| d.severity);
    assert_eq!(severity(&case), Some(Severity::Low), "the very same cluster");
    case.seen.data_dir = DataDir::Absent;
    case.seen.live = crate::facts::Live::stopped();
    case.seen.recorded_data_dir = Some(samples::cluster(PgMajor(16), 7));
    assert_eq!(severity(&case), Some(Severity::High));
    let drift = case.drift();
    let note = drift.iter().find(|d| d.kind == Kind::DataPath).and_then(|d| d.note.clone()).unwrap();
    assert!(note.contains("stays behind"), "{note}");
}

/// odpm 4.7 took a directory that it may not read for an empty one.
#[test]
fn unreadable_is_never_empty() {
    let mut case = Case::applied();
    case.seen.data_dir = DataDir::Unreadable { why: "Permission denied".into(), owner: Some(999) };
    assert!(!case.kinds().contains(&Kind::DataDirEmptyChanged));
}

#[test]
fn acceptances_are_read_strictly() {
    assert_eq!(Acceptance::parse("data_path").unwrap().kind, Kind::DataPath);
    assert!(Acceptance::parse("data_path=0123456789ab").unwrap().hash.is_some());
    for wrong in ["data_pth", "", "data_path=xyz", "data_path="] {
        let error = Acceptance::parse(wrong).unwrap_err();
        assert_eq!(error.kind(), crate::error::Kind::Usage, "{wrong}");
    }
    let absent = judge(Vec::new(), &[Acceptance::parse("data_path").unwrap()]);
    assert!(absent.warnings[0].contains("there is no such drift"));
}
