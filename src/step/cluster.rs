//! Steps on whole clusters: the archive, base backups, sidecars.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Operator, ServerSpec};
use crate::base::SecretRef;
use crate::facts::Owner;

/// Has the server finish the segment at hand and archive it: whatever was committed before can then be recovered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ArchiveLog {
    /// Who asks.
    pub operator: Operator,
    /// How many seconds that may take.
    pub timeout: u32,
    /// The part of the server's `archive_command` by which it is known as the one that is described.
    pub sign: String,
}

/// Takes a base backup of the whole cluster, and records it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TakeBaseBackup {
    /// Who takes it.
    pub operator: Operator,
    /// The folder of base backups.
    pub folder: PathBuf,
    /// Its name there.
    pub id: String,
}

/// How pgBackRest is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Pgbackrest {
    /// Its configuration.
    pub config: PathBuf,
    /// The folder of what is secret in it, and of its locks.
    pub keys: PathBuf,
    /// The name of the cluster in its repositories.
    pub stanza: String,
    /// The account that it runs as: the server's; odpm's own when `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_as: Option<Owner>,
}

/// Writes what is secret of pgBackRest's configuration into a file that only the server's account reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WriteKeys {
    /// Where.
    pub path: PathBuf,
    /// Who reads it; odpm's own account when `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// The options.
    pub options: Vec<String>,
}

/// Makes the cluster known to pgBackRest's repositories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CreateStanza {
    /// How it is called.
    pub pgbackrest: Pgbackrest,
}

/// Has pgBackRest take a base backup into one repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BackUpCluster {
    /// Who asks the server.
    pub operator: Operator,
    /// How it is called.
    pub pgbackrest: Pgbackrest,
    /// The number of the repository.
    pub repository: usize,
    /// Whether all of it is copied, or what has changed since the last one.
    pub full: bool,
    /// By what it is known as this one.
    pub id: String,
}

/// Removes base backups from a repository of pgBackRest, and the log that nobody needs any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ExpireRepository {
    /// How it is called.
    pub pgbackrest: Pgbackrest,
    /// The number of the repository.
    pub repository: usize,
    /// The full base backups that go, with those that are made on them.
    pub sets: Vec<String>,
}

/// Removes a base backup with its record, or what interrupted work has left in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RemoveBaseBackup {
    /// The folder of base backups.
    pub folder: PathBuf,
    /// Its name there.
    pub id: String,
}

/// Removes segments of the kept log that no base backup needs any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RemoveLog {
    /// The folder of the log.
    pub folder: PathBuf,
    /// The first segment that stays, by its number.
    pub before: u64,
    /// How many bytes a segment has.
    pub segment_bytes: u64,
    /// How many go.
    pub count: u64,
}

/// Lays a base backup out as the data directory of a sidecar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LayOutSidecar {
    /// The base backup.
    pub from: SidecarSource,
    /// The sidecar.
    pub record: SidecarRecord,
}

/// What a sidecar is laid out from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum SidecarSource {
    /// A base backup in a folder.
    Basebackup {
        /// The base backup.
        base: PathBuf,
        /// What of the kept log is laid out with it, so that the recovery need not wait for it.
        log: LogRange,
    },
    /// One in a repository of pgBackRest.
    Pgbackrest {
        /// How it is called.
        pgbackrest: Pgbackrest,
        /// The number of the repository.
        repository: usize,
        /// Its name there.
        set: String,
    },
}

/// Where the kept log is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum KeptLog {
    /// In a folder, as `archive.sh` keeps it.
    Basebackup {
        /// The folder.
        folder: PathBuf,
    },
    /// In repositories of pgBackRest.
    Pgbackrest {
        /// How it is called.
        pgbackrest: Pgbackrest,
    },
}

impl KeptLog {
    /// Its folder, where it is in one.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Basebackup { folder } => Some(folder),
            Self::Pgbackrest { .. } => None,
        }
    }
}

/// Segments of the kept log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LogRange {
    /// The folder.
    pub folder: PathBuf,
    /// How many bytes a segment has.
    pub segment_bytes: u64,
    /// Their timeline.
    #[serde(default)]
    pub timeline: u32,
    /// The number of the first one.
    pub first: u64,
    /// The number of the last one.
    pub last: u64,
}

/// Starts a sidecar, has it recover to a moment and stand there, and proves that it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RecoverSidecar {
    /// The sidecar.
    pub record: SidecarRecord,
    /// The kept log.
    pub log: KeptLog,
    /// Settings that a recovery refuses to run below the primary's.
    pub floors: BTreeMap<String, String>,
    /// How many seconds may go by without any progress.
    pub timeout: u32,
}

/// Recovers a base backup beside the data directory to a moment, from which it goes on as a cluster of its own, and proves that.
/// Each attempt begins anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RewindCluster {
    /// What is laid out, in a folder beside the data directory.
    pub lay_out: LayOutSidecar,
    /// How it is recovered.
    pub recovery: RecoverSidecar,
    /// The administrative role's password: it may have been another one then.
    pub admin: SecretRef,
}

/// Puts a cluster in the place of the data directory, which is set aside whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ReplaceData {
    /// The server, stopped.
    pub server: ServerSpec,
    /// PostgreSQL's name for the cluster, which is that of both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_identifier: Option<String>,
    /// The cluster that takes the place.
    pub from: PathBuf,
    /// Where the data directory is set aside.
    pub aside: PathBuf,
    /// Where this cluster goes when it is taken back.
    pub back: PathBuf,
    /// Who it has to belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// Whether it gets the settings and the rules of logins that the data directory has now.
    pub settings: bool,
    /// The folder that it was made in; it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scratch: Option<PathBuf>,
    /// The databases whose state of now goes out of service.
    pub databases: Vec<String>,
}

impl ReplaceData {
    /// What takes it back.
    pub fn inverse(&self) -> Self {
        Self {
            from: self.aside.clone(),
            aside: self.back.clone(),
            back: self.aside.clone(),
            owner: None,
            settings: false,
            scratch: None,
            ..self.clone()
        }
    }
}

/// Stops a sidecar and removes its folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RemoveSidecar {
    /// The sidecar.
    pub sidecar: Sidecar,
}

/// How a sidecar is launched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "engine", rename_all = "snake_case")]
pub enum SidecarLaunch {
    /// As a process of this machine.
    Local {
        /// The folder of PostgreSQL's programs.
        bin_dir: PathBuf,
        /// The account that it runs as; odpm's own when `None`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run_as: Option<Owner>,
    },
    /// In a container without a network.
    Container {
        /// The image.
        image: String,
        /// The container's name.
        name: String,
        /// The account that it runs as; odpm's own when `None`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run_as: Option<Owner>,
    },
}

impl SidecarLaunch {
    /// The account that it runs as; odpm's own when `None`.
    pub fn run_as(&self) -> Option<Owner> {
        match self {
            Self::Local { run_as, .. } | Self::Container { run_as, .. } => *run_as,
        }
    }
}

/// Where a sidecar is, and how it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Sidecar {
    /// Its name.
    pub name: String,
    /// Its folder: `data`, its configuration, what is recorded of it.
    pub place: PathBuf,
    /// The folder of its socket. It listens nowhere else.
    pub socket: PathBuf,
    /// The number of its socket, as that of a port.
    pub port: u16,
    /// How it is launched.
    pub launch: SidecarLaunch,
}
/// What is recorded of a sidecar, as `sidecar.json` in its folder, from its beginning on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SidecarRecord {
    /// The version of this form: 1.
    pub format_version: u32,
    /// Where it is, and how it runs.
    pub sidecar: Sidecar,
    /// The name of the base backup that it comes from.
    pub base: String,
    /// The moment that it is for, as RFC 3339 in UTC.
    pub moment: String,
    /// The role that looks after it.
    pub role: String,
    /// Whether it was seen to stand there.
    pub stands: bool,
    /// The last commit before that moment, since the base backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_commit: Option<String>,
}

impl Sidecar {
    /// The name of the file in its folder that records it.
    pub const RECORD: &str = "sidecar.json";

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        self.place.join("data")
    }

    /// What its server says.
    pub fn log(&self) -> PathBuf {
        self.place.join("log").join("postgresql.log")
    }

    /// What is recorded of it.
    pub fn record(&self) -> PathBuf {
        self.place.join(Self::RECORD)
    }
}

/// How a session is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Its statement is cancelled.
    Cancel,
    /// Its statement is cancelled, then the session is terminated.
    Terminate,
}

/// Ends what a session does, or the session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct EndSession {
    /// Who ends it.
    pub operator: Operator,
    /// Its process.
    pub pid: i32,
    /// When it began, as RFC 3339 in UTC: a process's number may be another one's by now.
    pub began: String,
    /// How.
    pub ending: Ending,
    /// How many seconds each attempt may take.
    pub patience: u32,
}

impl SidecarRecord {
    /// How it is, in a few words.
    pub fn told(&self) -> String {
        match self.stands {
            true => format!("it stands at {}", self.moment),
            false => format!("it was begun for {}, and does not stand there", self.moment),
        }
    }
}
