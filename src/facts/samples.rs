//! Worlds for tests: a machine with PostgreSQL 16 and nothing else, and what may be found on it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::*;
use crate::base::PgMajor;

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
