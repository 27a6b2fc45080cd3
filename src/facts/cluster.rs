//! [`DataDir`]: what stands at the place where the data directory should be.

use serde::Serialize;

use crate::base::PgMajor;

/// What stands at the path of the data directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum DataDir {
    /// Nothing.
    Absent,
    /// An empty directory.
    Empty,
    /// A whole cluster: `PG_VERSION` and `global/pg_control` are there.
    Cluster(ClusterFiles),
    /// The beginnings of a cluster: an `initdb` that never finished, or a partial copy.
    HalfInitialised {
        /// A few of the names found there, sorted.
        entries: Vec<String>,
    },
    /// Files that are not PostgreSQL's.
    Foreign {
        /// A few of the names found there, sorted.
        entries: Vec<String>,
    },
    /// It may not be read. Never to be taken for empty.
    Unreadable {
        /// The system's message.
        why: String,
        /// Who owns it, where that could be seen.
        owner: Option<u32>,
    },
    /// A file, a socket or something else stands there.
    NotADirectory,
}

/// A whole cluster on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClusterFiles {
    /// From `PG_VERSION`.
    pub major: PgMajor,
    /// From `global/pg_control`: PostgreSQL's name for this cluster, unique in the world.
    pub system_identifier: Option<u64>,
    /// The owner of the directory.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its permission bits.
    pub mode: u32,
    /// What `postmaster.pid` says.
    pub pid: PidFile,
    /// Whether `pg_hba.conf` is in the data directory; Debian's packages keep it elsewhere.
    pub has_hba: bool,
    /// Whether `recovery.signal` or `standby.signal` is there: a recovery is under way.
    pub in_recovery: bool,
}

/// What `postmaster.pid` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PidFile {
    /// There is none: the server was shut down.
    None,
    /// It names a process that is gone or is not PostgreSQL: an unclean stop. PostgreSQL recovers by itself.
    Stale {
        /// The process id in the file.
        pid: u32,
    },
    /// A server is running on this data directory.
    Alive {
        /// Its process id.
        pid: u32,
        /// The port in the file.
        port: u16,
    },
}

impl DataDir {
    /// The cluster, where there is one.
    pub fn cluster(&self) -> Option<&ClusterFiles> {
        match self {
            Self::Cluster(files) => Some(files),
            _ => None,
        }
    }

    /// Whether anything is there; `None` when that cannot be seen.
    pub fn nonempty(&self) -> Option<bool> {
        match self {
            Self::Absent | Self::Empty => Some(false),
            Self::Cluster(_) | Self::HalfInitialised { .. } | Self::Foreign { .. } | Self::NotADirectory => {
                Some(true)
            }
            Self::Unreadable { .. } => None,
        }
    }
}
