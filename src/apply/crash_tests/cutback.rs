//! A cluster rewound, and put back, killed everywhere.

use super::*;

fn replace() -> ReplaceData {
    ReplaceData {
        server: server("new"),
        system_identifier: None,
        from: "beside/data".into(),
        aside: "data.before".into(),
        back: "data.rewound".into(),
        owner: None,
        settings: true,
        scratch: Some("beside".into()),
        databases: vec!["shop".into()],
    }
}

fn rewind() -> RewindCluster {
    let sidecar = Sidecar {
        name: "cutback.1".into(),
        place: "beside".into(),
        socket: "beside/run".into(),
        port: 5432,
        launch: SidecarLaunch::Local { bin_dir: "bin".into(), run_as: None },
    };
    let record = SidecarRecord {
        format_version: 1,
        sidecar,
        base: "one".into(),
        moment: "2026-11-20T21:00:00Z".into(),
        role: "postgres".into(),
        stands: false,
        last_commit: None,
    };
    let log = LogRange { folder: "wal".into(), segment_bytes: 1, timeline: 1, first: 0, last: 0 };
    RewindCluster {
        lay_out: LayOutSidecar {
            from: SidecarSource::Basebackup { base: "base/one".into(), log },
            record: record.clone(),
        },
        recovery: RecoverSidecar {
            record,
            log: KeptLog::Basebackup { folder: "wal".into() },
            floors: Default::default(),
            timeout: 1,
        },
        admin: SecretRef::AdminPassword,
    }
}

fn serving() -> Fake {
    let fake = before();
    fake.change(|d| {
        with_secrets(d);
        d.cluster = Some((PgMajor(15), 7));
        d.folders.insert("data".into());
        d.backups.insert("base/one".into());
        d.server = Some(server("new"));
        d.services.insert("odoo".into(), service());
    });
    fake
}

/// At every moment the old data directory is whole, in its place or aside; taken back, it is in its place again.
#[test]
fn a_cutback_killed_anywhere_keeps_the_old_one_and_converges() {
    let plan = wrap(vec![
        step("stop-odoo", Step::StopService(service())),
        step("rewind-cluster", Step::RewindCluster(Box::new(rewind()))),
        step("stop-server", Step::StopServer(server("new"))),
        step("replace-data", Step::ReplaceData(Box::new(replace()))),
        step("start-server", Step::StartServer(server("new"))),
        step("start-odoo", Step::StartService(service())),
    ]);
    every_crash(&serving, &plan);
    let (end, _, points) = uncrashed(&serving, &plan);
    assert!(
        end.folders.contains(&PathBuf::from("data.before")) && end.folders.contains(&PathBuf::from("data"))
    );
    for at in 0..points {
        let fake = serving();
        fake.fuse(Some(at));
        attempt(&fake, &plan).unwrap_err();
        let folders = fake.durable().folders;
        let aside = folders.contains(&PathBuf::from("data.before"));
        assert!(aside || folders.contains(&PathBuf::from("data")), "killed at {at}: {folders:?}");
    }

    let done = || {
        let fake = serving();
        attempt(&fake, &plan).unwrap();
        fake
    };
    let undo = wrap(inverse(&finished(&done())).steps);
    let world = || {
        let fresh = Fake::default();
        let before = done().durable();
        fresh.change(|d| *d = before);
        fresh
    };
    every_crash(&world, &undo);
    let (back, ..) = uncrashed(&world, &undo);
    assert_eq!((back.server, back.services), (serving().durable().server, serving().durable().services));
    let folders: Vec<&PathBuf> = back.folders.iter().collect();
    assert_eq!(folders, [&PathBuf::from("data"), &PathBuf::from("data.rewound")]);
}
