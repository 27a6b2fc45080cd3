//! Plans on archives that were never there.

use super::*;
use crate::base::{PgMajor, RunId};
use crate::facts::*;
use crate::project::Project;
use crate::project::samples::project;

const TEXT: &str = "version: 1\nname: shop\nengine: local\nodoo: {version: 18.0}\npostgres: {version: 16}\n";

fn described() -> Project {
    project(&format!("{TEXT}archive: {{method: basebackup}}\n"), &[])
}

fn planned(project: &Project, request: Request, archive: &ArchiveSeen) -> Plan {
    let mut seen = samples::bare_machine(&project.postgres.data);
    seen.data_dir = samples::cluster(PgMajor(16), 7);
    seen.engine.server = Known::Known(ServerSeen::Running { id: "1".into(), port: 5432, config: None });
    let run = RunId::parse("20261120T211333Z-1a2b3c4d").unwrap();
    let all = Grounds { project, seen: &seen, baseline: &BaselineSeen::Absent, run: &run };
    plan(request, &Ground { all, seen: archive })
}

fn codes(plan: &Plan) -> Vec<&str> {
    plan.blocked.iter().map(|block| block.code.as_str()).collect()
}

fn ids(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.as_str()).collect()
}

#[test]
fn a_base_backup_is_taken_between_two_proofs_that_the_log_is_kept() {
    let archive = samples::archive(Vec::new(), &[]);
    let plan = planned(&described(), Request::BaseBackup { full: false }, &archive);
    assert_eq!(ids(&plan), ["prove-archiving", "take-base-backup", "archive-log"]);
}

#[test]
fn what_stands_in_the_way_of_a_base_backup_is_told() {
    let good = samples::archive(Vec::new(), &[]);
    let off = Archiver { on: false, ..good.archiver.get().unwrap().clone() };
    let mute = ArchiveSeen { archiver: Known::Unknown("no route".into()), ..good.clone() };
    let small = ArchiveSeen { free_bytes: Known::Known(1 << 29), ..good.clone() };
    for (archive, code) in [
        (ArchiveSeen { archiver: Known::Known(off), ..good.clone() }, "not_archiving"),
        (mute, "archive_unknown"),
        (small, "no_room"),
    ] {
        let plan = planned(&described(), Request::BaseBackup { full: false }, &archive);
        assert_eq!((codes(&plan), plan.steps.len()), (vec![code], 0));
    }
    let none = planned(&project(TEXT, &[]), Request::BaseBackup { full: false }, &good);
    assert_eq!(codes(&none), ["no_archive"]);
}

#[test]
fn old_base_backups_go_with_the_log_that_only_they_need() {
    let bases = || (1..=4).map(|n| samples::base(n * 3, n as i64 * 300)).collect::<Vec<_>>();
    let numbers: Vec<u64> = (1..=14).collect();
    let plan = planned(&described(), Request::Expire, &samples::archive(bases(), &numbers));
    assert_eq!(ids(&plan), ["remove-base-3", "remove-base-6", "remove-log"]);
    let Step::RemoveLog(log) = &plan.steps[2].step else { panic!("the log comes last") };
    assert_eq!((log.before, log.count), (9, 8), "the oldest that is kept begins with segment 9");
    // After a restore to an earlier place a newer base backup may need older segments.
    let mixed = vec![samples::base(10, 100), samples::base(5, 200)];
    let plan = planned(&described(), Request::Expire, &samples::archive(mixed, &numbers));
    let Step::RemoveLog(log) = &plan.steps[0].step else { panic!("only log goes") };
    assert_eq!(log.before, 5);
    // Without any base backup nothing says what is needed, and with few nothing is too much.
    for few in [Vec::new(), bases()[..2].to_vec()] {
        let archive = samples::archive(few, &[3, 4, 5, 6, 7]);
        assert_eq!(ids(&planned(&described(), Request::Expire, &archive)), Vec::<&str>::new());
    }
}

const BACKREST: &str = "archive: {method: pgbackrest, keep: 2, repositories: [{path: /one}, {path: /two}]}\n";

/// Base backups in two repositories, in their order: `F` full, `I` made on the one before it.
fn in_repositories(kinds: [&str; 2], known: bool) -> ArchiveSeen {
    let mut seen = samples::archive(Vec::new(), &[]);
    for (number, kinds) in [1, 2].into_iter().zip(kinds) {
        let mut last = None;
        for (at, kind) in kinds.chars().enumerate() {
            let mut base = samples::base(at as u64 * 2 + 3, at as i64 * 100);
            base.id = format!("{number}-{at}{kind}");
            let prior = last.replace(base.id.clone()).filter(|_| kind == 'I');
            base.kept = Some(InRepository { repository: number, prior, mark: None });
            seen.bases.push(base);
        }
        seen.repositories.push(RepositorySeen {
            number,
            place: format!("/{number}"),
            knows: known,
            oldest: Some("000000010000000000000003".to_owned()),
            trouble: None,
        });
    }
    seen.bases.sort_by_key(|base| base.stopped_at);
    seen
}

fn with_backrest() -> Project {
    project(&format!("{TEXT}{BACKREST}"), &[])
}

#[test]
fn a_full_base_backup_comes_first_and_after_six_that_are_made_on_it() {
    let project = with_backrest();
    let fulls = |kinds: [&str; 2], full: bool| {
        let plan = planned(&project, Request::BaseBackup { full }, &in_repositories(kinds, true));
        assert_eq!(ids(&plan), ["prove-archiving", "back-up-1", "back-up-2"]);
        let full = |step: &PlannedStep| match &step.step {
            Step::BackUpCluster(step) => Some(step.full),
            _ => None,
        };
        plan.steps.iter().filter_map(full).collect::<Vec<_>>()
    };
    assert_eq!(fulls(["", "F"], false), [true, false]);
    assert_eq!(fulls(["FIIIII", "FIIIIII"], false), [false, true]);
    assert_eq!(fulls(["FIIIIIIFI", "F"], true), [true, true]);
    let mut another = in_repositories(["F", "F"], true);
    another.bases.iter_mut().for_each(|base| base.system_identifier = 8);
    let plan = planned(&project, Request::BaseBackup { full: false }, &another);
    assert!(plan.steps[1].reason.contains("there is none yet"), "one of another cluster is none");
    let new = planned(&project, Request::BaseBackup { full: false }, &in_repositories(["", ""], false));
    assert_eq!(ids(&new)[..2], ["create-stanza", "prove-archiving"]);
}

#[test]
fn full_ones_beyond_those_kept_go_with_what_is_made_on_them() {
    let project = with_backrest();
    let sets = |kinds: [&str; 2]| {
        let plan = planned(&project, Request::Expire, &in_repositories(kinds, true));
        let sets = |step: &PlannedStep| match &step.step {
            Step::ExpireRepository(step) => Some((step.repository, step.sets.clone())),
            _ => None,
        };
        plan.steps.iter().filter_map(sets).collect::<Vec<_>>()
    };
    assert_eq!(sets(["FIFIFI", "FI"]), [(1, vec!["1-0F".to_owned()])], "keep counts full ones");
    assert_eq!(sets(["FF", "F"]), [], "the log begins with the oldest that is kept");
    let mut older = in_repositories(["FF", "F"], true);
    older.repositories.iter_mut().for_each(|one| one.oldest = Some("000000010000000000000001".to_owned()));
    let plan = planned(&project, Request::Expire, &older);
    assert_eq!(ids(&plan), ["expire-1"], "with fewer than are kept pgBackRest keeps all of the log");
}

#[test]
fn a_repository_that_is_in_trouble_is_told_and_the_others_go_on() {
    let mut seen = in_repositories(["F", ""], true);
    assert_eq!(seen.troubles(), ["repository 2 (/2): there is no base backup in it"]);
    seen.repositories[1].trouble = Some("nobody answers".to_owned());
    assert_eq!(seen.troubles(), ["repository 2 (/2): nobody answers"]);
}
