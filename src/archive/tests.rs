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
    let plan = planned(&described(), Request::BaseBackup, &archive);
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
        let plan = planned(&described(), Request::BaseBackup, &archive);
        assert_eq!((codes(&plan), plan.steps.len()), (vec![code], 0));
    }
    let none = planned(&project(TEXT, &[]), Request::BaseBackup, &good);
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
