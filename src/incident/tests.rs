//! Plans for incidents that never were.

use super::*;
use crate::base::{PgMajor, RunId};
use crate::facts::*;
use crate::project::samples::project;
use crate::step::{KeptLog, SidecarSource};

const TEXT: &str = "version: 1\nname: shop\nengine: local\nodoo: {version: 18.0}\npostgres: {version: 16}\narchive: {method: basebackup}\n";

/// Base backups at seconds 200 and 500, the log from segment 2 to 9.
fn good() -> ArchiveSeen {
    samples::archive(vec![samples::base(2, 200), samples::base(5, 500)], &[2, 3, 4, 5, 6, 7, 8, 9])
}

fn asked(request: &Request<'_>) -> Plan {
    of(TEXT, request)
}

fn of(text: &str, request: &Request<'_>) -> Plan {
    let project = project(text, &[]);
    let mut seen = samples::bare_machine(&project.postgres.data);
    seen.data_dir = samples::cluster(PgMajor(16), 7);
    let run = RunId::parse("20261120T211333Z-1a2b3c4d").unwrap();
    plan(request, &Grounds { project: &project, seen: &seen, baseline: &BaselineSeen::Absent, run: &run })
}

/// A sidecar's name, and the second that it is for.
type Wish<'a> = (&'a str, i64);

fn planned(wish: &Wish<'_>, archive: &ArchiveSeen, sidecars: &[SidecarRecord], free: u64) -> Plan {
    let (name, second) = *wish;
    let moment = Moment { at: Timestamp::from_second(second).unwrap(), assumed_local: false };
    let free_bytes = &Known::Known(free);
    asked(&Request::Sidecar(Recovery { name: Some(name), moment, archive, sidecars, free_bytes }))
}

fn at(second: i64) -> Wish<'static> {
    ("before", second)
}

fn codes(plan: &Plan) -> Vec<&str> {
    plan.blocked.iter().map(|block| block.code.as_str()).collect()
}

fn recovery(plan: &Plan) -> &RecoverSidecar {
    let found = plan.steps.iter().find_map(|step| match &step.step {
        Step::RecoverSidecar(step) => Some(step),
        _ => None,
    });
    found.expect("a recovery")
}

#[test]
fn a_sidecar_comes_from_the_newest_base_backup_before_the_moment() {
    for (second, base) in [(205, "base-2"), (504, "base-2"), (505, "base-5"), (899, "base-5")] {
        let plan = planned(&at(second), &good(), &[], 1 << 40);
        let ids: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
        assert_eq!(
            ids,
            ["archive-log", "lay-out-sidecar", "recover-sidecar"],
            "{second}: {:?}",
            plan.blocked
        );
        assert_eq!(recovery(&plan).record.base, base);
    }
    let plan = planned(&at(899), &good(), &[], 1 << 40);
    let step = recovery(&plan);
    assert_eq!(step.record.moment, "1970-01-01T00:14:59Z");
    assert_eq!(step.floors["max_connections"], "200", "the primary was given more since");
    assert_eq!(step.record.sidecar.socket, Path::new("/srv/shop/.odpm/sidecars/before/run"));
}

#[test]
fn what_postgresql_is_silent_about_is_told_before() {
    let gap = samples::archive(vec![samples::base(2, 200)], &[2, 3, 5, 6]);
    let table = [
        (at(204), good(), 1 << 40, vec!["too_early"]),
        (at(10_000), good(), 1 << 40, vec!["future"]),
        (at(600), gap.clone(), 1 << 40, vec!["gap"]),
        (at(390), gap, 1 << 40, vec![]),
        (at(600), good(), 1 << 30, vec!["no_room"]),
        (at(600), samples::archive(Vec::new(), &[2]), 1 << 40, vec!["too_early"]),
    ];
    for (request, archive, free, wanted) in table {
        let plan = planned(&request, &archive, &[], free);
        assert_eq!(codes(&plan), wanted, "{request:?}");
        assert_eq!(plan.steps.is_empty(), !wanted.is_empty());
    }
}

#[test]
fn a_base_backup_of_another_major_or_cluster_is_no_way_back() {
    let with = |change: fn(&mut BaseBackup)| {
        let mut archive = good();
        archive.bases.iter_mut().for_each(change);
        planned(&at(600), &archive, &[], 1 << 40)
    };
    assert_eq!(codes(&with(|base| base.server_version = "15.3".into())), ["other_major"]);
    assert_eq!(codes(&with(|base| base.system_identifier = 8)), ["other_cluster"]);
}

#[test]
fn a_log_that_forks_is_not_followed_blindly() {
    let mut archive = good();
    archive.segments.last_mut().unwrap().segment.timeline = 2;
    archive.archiver = archive.archiver.map(|archiver| Archiver { timeline: 2, ..archiver });
    let refused =
        |archive: &ArchiveSeen, second| !codes(&planned(&at(second), archive, &[], 1 << 40)).is_empty();
    // Up to the fork there is one branch, and after it none that this base backup leads to.
    assert!(!refused(&archive, 600));
    assert_eq!(codes(&planned(&at(950), &archive, &[], 1 << 40)), ["timelines"]);
    // From a base backup since the promotion on there is one branch.
    archive.bases.push(BaseBackup { timeline: 2, ..samples::base(9, 900) });
    assert!(!refused(&archive, 950));
}

#[test]
fn an_archiver_that_fails_keeps_nobody_from_an_older_moment() {
    let mut archive = good();
    let failed = Some(("x".to_owned(), Timestamp::from_second(9_999).unwrap()));
    archive.archiver = archive.archiver.map(|archiver| Archiver { failed, ..archiver });
    let plan = planned(&at(600), &archive, &[], 1 << 40);
    assert!(
        plan.steps.len() == 2 && plan.warnings.concat().contains("archiving fails"),
        "{:?}",
        plan.warnings
    );
}

#[test]
fn without_the_server_what_is_archived_has_to_do() {
    let archive = ArchiveSeen { archiver: Known::Unknown("nobody listens".into()), ..good() };
    let plan = planned(&at(600), &archive, &[], 1 << 40);
    assert_eq!(plan.steps.len(), 2);
    assert!(plan.warnings.concat().contains("nobody listens"));
    assert_eq!(recovery(&plan).floors["max_connections"], "100");
}

#[test]
fn names_are_taken_once_and_fit_for_a_folder() {
    let plan = planned(&at(600), &good(), &[], 1 << 40);
    let record = SidecarRecord {
        format_version: 1,
        sidecar: recovery(&plan).record.sidecar.clone(),
        base: "base-5".into(),
        moment: "1970-01-01T00:10:00Z".into(),
        role: "postgres".into(),
        stands: true,
        last_commit: None,
    };
    let sidecars = [record];
    assert_eq!(codes(&planned(&at(700), &good(), &sidecars, 1 << 40)), ["sidecar_exists"]);
    for name in ["", "..", "a/b", "a b", &"x".repeat(41)] {
        assert_eq!(codes(&planned(&(name, 600), &good(), &[], 1 << 40)), ["bad_name"], "{name}");
    }
    let remove = |name: &str| asked(&Request::Remove { name, sidecars: &sidecars });
    assert_eq!(remove("before").steps.len(), 1);
    assert_eq!(codes(&remove("other")), ["no_sidecar"]);
}

#[test]
fn pgbackrest_lays_out_what_it_keeps_and_brings_the_log_itself() {
    let text =
        TEXT.replace("method: basebackup", "method: pgbackrest, repositories: [{path: /a}, {path: /b}]");
    let mut archive = good();
    archive.bases[1].kept = Some(InRepository { repository: 2, prior: Some("base-2".into()), mark: None });
    let moment = Moment { at: Timestamp::from_second(600).unwrap(), assumed_local: false };
    let (archive, free_bytes) = (&archive, &Known::Known(1 << 40));
    let recovery = Recovery { name: None, moment, archive, sidecars: &[], free_bytes };
    let plan = of(&text, &Request::Sidecar(recovery));
    let Step::LayOutSidecar(lay) = &plan.steps[1].step else { panic!("{:?}", plan.blocked) };
    let SidecarSource::Pgbackrest { repository, set, pgbackrest } = &lay.from else { panic!("{lay:?}") };
    assert_eq!((*repository, set.as_str(), pgbackrest.stanza.as_str()), (2, "base-5", "shop"));
    let Step::RecoverSidecar(step) = &plan.steps[2].step else { panic!("a recovery") };
    assert_eq!(step.log, KeptLog::Pgbackrest { pgbackrest: pgbackrest.clone() });
}
