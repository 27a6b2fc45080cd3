//! Steps on whole clusters, killed anywhere.

use super::*;

#[test]
fn a_sidecar_killed_anywhere_stands_in_the_end() {
    let sidecar = || Sidecar {
        name: "before".into(),
        place: "sidecars/before".into(),
        socket: "sidecars/before/run".into(),
        port: 5432,
        launch: SidecarLaunch::Local { bin_dir: "bin".into(), run_as: None },
    };
    let settle =
        || Step::ArchiveLog(ArchiveLog { operator: operator(), timeout: 1, sign: "archive.sh".into() });
    let take = TakeBaseBackup { operator: operator(), folder: "base".into(), id: "one".into() };
    let record = SidecarRecord {
        format_version: 1,
        sidecar: sidecar(),
        base: "one".into(),
        moment: "2026-11-20T21:00:00Z".into(),
        role: "postgres".into(),
        stands: false,
        last_commit: None,
    };
    let log = LogRange { folder: "wal".into(), segment_bytes: 1, timeline: 1, first: 0, last: 0 };
    let from = SidecarSource::Basebackup { base: "base/one".into(), log };
    let lay = LayOutSidecar { from, record: record.clone() };
    let log = KeptLog::Basebackup { folder: "wal".into() };
    let recover = RecoverSidecar { record, log, floors: Default::default(), timeout: 1 };
    let plan = wrap(vec![
        step("prove-archiving", settle()),
        step("take-base-backup", Step::TakeBaseBackup(take)),
        step("archive-log", settle()),
        step("lay-out-sidecar", Step::LayOutSidecar(lay)),
        step("recover-sidecar", Step::RecoverSidecar(Box::new(recover))),
    ]);
    let world = || {
        let fake = before();
        fake.change(with_secrets);
        fake
    };
    every_crash(&world, &plan);
    let (end, undo, _) = uncrashed(&world, &plan);
    assert_eq!(end.sidecars["before"], "stands");
    let taken_back = undo
        .into_iter()
        .flatten()
        .filter(|step| matches!(step, Step::RemoveSidecar(_) | Step::RemoveBaseBackup(_)));
    assert_eq!(taken_back.count(), 2);
}

/// The same with pgBackRest: told of the cluster, two base backups, the older one gone.
#[test]
fn repositories_killed_anywhere_hold_what_they_should() {
    let how = Pgbackrest { config: "conf".into(), keys: "keys".into(), stanza: "shop".into(), run_as: None };
    let back_up = |id: &str| {
        let (operator, pgbackrest, id) = (operator(), how.clone(), id.to_owned());
        Step::BackUpCluster(BackUpCluster { operator, pgbackrest, repository: 1, full: true, id })
    };
    let expire = ExpireRepository { pgbackrest: how.clone(), repository: 1, sets: vec!["one".into()] };
    let plan = wrap(vec![
        step("create-stanza", Step::CreateStanza(CreateStanza { pgbackrest: how.clone() })),
        step("one", back_up("one")),
        step("two", back_up("two")),
        step("expire-1", Step::ExpireRepository(expire)),
    ]);
    let world = || {
        let fake = before();
        fake.change(with_secrets);
        fake
    };
    every_crash(&world, &plan);
    let (end, _, _) = uncrashed(&world, &plan);
    assert_eq!(end.backups, [PathBuf::from("repositories/1/two")].into());
}
