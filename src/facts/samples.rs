//! Worlds for tests: a machine with PostgreSQL 16 and nothing else, and what may be found on it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::*;
use crate::base::{PgMajor, RunId};

/// A machine with PostgreSQL 16, on which nothing runs and nothing is there yet.
pub fn bare_machine(data: &Path) -> Observation {
    Observation {
        at: "2026-11-20T21:13:33Z".parse().unwrap(),
        author: Author { name: "ada@laptop".into(), uid: 1000 },
        data_path: data.to_owned(),
        data_dir: DataDir::Absent,
        recorded_data_dir: None,
        engine: EngineSeen {
            available: Known::Known("local".into()),
            binaries: Known::Known(Binaries {
                dir: "/usr/lib/postgresql/16/bin".into(),
                major: PgMajor(16),
                version: "16".into(),
            }),
            majors: vec![PgMajor(16)],
            image_major: Known::unasked(),
            missing_images: Vec::new(),
            volumes: BTreeMap::new(),
            orphans: Vec::new(),
            compose_taken_by: None,
            in_use_by: Vec::new(),
            run_as: Known::Known(None),
            pgbackrest: Known::Known("2.45".into()),
            socket_dir: "/srv/shop/.odpm/run".into(),
            server: Known::Known(ServerSeen::Stopped),
            services: Known::Known(BTreeMap::new()),
            odoo: Known::Known("/usr/bin/python3".into()),
        },
        live: Live::stopped(),
        ports: Vec::new(),
        files: BTreeMap::new(),
        folders: Vec::new(),
        app_secret: false,
        admin_secret: false,
        stale_secrets: BTreeSet::new(),
        modes: Default::default(),
        unfinished: None,
        free_bytes: Known::Known(1 << 40),
    }
}

/// A whole cluster, shut down.
pub fn cluster(major: PgMajor, id: u64) -> DataDir {
    DataDir::Cluster(ClusterFiles {
        major,
        system_identifier: Some(id),
        uid: 1000,
        gid: 1000,
        mode: 0o700,
        pid: PidFile::None,
        has_hba: true,
        in_recovery: false,
    })
}

/// A base backup that was begun at a segment and a second.
pub fn base(number: u64, second: i64) -> BaseBackup {
    let at = |second| jiff::Timestamp::from_second(second).unwrap();
    BaseBackup {
        format_version: 1,
        id: format!("base-{number}"),
        started_at: at(second),
        stopped_at: at(second + 5),
        timeline: 1,
        start: Lsn(number << 24),
        stop: Lsn(number << 24 | 5),
        segment_bytes: 16 << 20,
        system_identifier: 7,
        server_version: "16.4".to_owned(),
        bytes: 1 << 30,
        floors: [("max_connections".to_owned(), "100".to_owned())].into(),
        kept: None,
    }
}

/// An archive that works, with these base backups and the segments of these numbers, each archived at its hundredth second.
pub fn archive(bases: Vec<BaseBackup>, numbers: &[u64]) -> ArchiveSeen {
    let at = |second: u64| jiff::Timestamp::from_second(second as i64).unwrap();
    let kept = |number: &u64| KeptSegment {
        segment: Segment { timeline: 1, number: *number },
        bytes: 1,
        at: at(number * 100 + 99),
    };
    ArchiveSeen {
        bases,
        segments: numbers.iter().map(kept).collect(),
        litter: Vec::new(),
        archiver: Known::Known(Archiver {
            now: at(10_000),
            on: true,
            last: None,
            failed: None,
            waiting: Some(0),
            system_identifier: 7,
            timeline: 1,
            bytes: 1 << 30,
            segment_bytes: 16 << 20,
            floors: [("max_connections".to_owned(), "200".to_owned())].into(),
        }),
        free_bytes: Known::Known(1 << 40),
        repositories: Vec::new(),
    }
}

/// A server with which nothing is wrong, on the cluster with the identity 7.
pub fn well() -> Live {
    Live {
        ready: Known::Known(true),
        version: Known::Known("16.4".into()),
        role_present: Known::Known(true),
        role_login: Known::Known(true),
        role_fit: Known::Known(true),
        role_bootstrap: Known::Known(false),
        missing_extensions: Known::Known(Vec::new()),
        admin_login: Known::Known(true),
        system_identifier: Known::Known(7),
    }
}

/// An upgrade of the module `rent` that has just begun.
pub fn upgrade() -> UpgradeRecord {
    UpgradeRecord {
        format_version: 1,
        run: RunId::parse("20261120T211333Z-1a2b3c4d").unwrap(),
        command: "upgrade run -u rent".into(),
        by: "ada@laptop".into(),
        begun: "2026-11-20T21:13:33Z".into(),
        database: "shop".into(),
        work: "odpm_up_1a2b3c4d".into(),
        install: Vec::new(),
        update: vec!["rent".into()],
        modules: BTreeMap::new(),
        rehearsal: false,
        ran: Vec::new(),
        checkpoint: Checkpoint::Copy { kept: "odpm_old_1a2b3c4d".into() },
        releases: Vec::new(),
    }
}
