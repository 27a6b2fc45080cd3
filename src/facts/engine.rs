//! What the engine has and runs: PostgreSQL's programs, the server, the services, the ports.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Known;
use crate::base::PgMajor;

/// The account that owns the server's files and runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Owner {
    /// The user id.
    pub uid: u32,
    /// The group id.
    pub gid: u32,
}

/// PostgreSQL's programs of one installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Binaries {
    /// The folder of `initdb`, `pg_ctl` and `postgres`.
    pub dir: PathBuf,
    /// Their major version.
    pub major: PgMajor,
    /// Their full version as they print it: `15.18`.
    pub version: String,
}

/// The server process or container, from outside: whether it runs, not whether it answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ServerSeen {
    /// It does not run.
    Stopped,
    /// It runs as the project wants it.
    Running {
        /// Process id, or the container's short id.
        id: String,
        /// The port on this machine that it listens on.
        port: u16,
        /// The digest of the configuration that it was started with, where that is recorded.
        config: Option<String>,
    },
    /// A server that odpm did not start runs on the project's data directory.
    Foreign {
        /// Its process id.
        pid: u32,
        /// Its port.
        port: u16,
    },
}

/// One Odoo service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceSeen {
    /// How many of it run.
    pub running: u16,
    /// Process ids or short container ids.
    pub ids: Vec<String>,
    /// The digest of the configuration that they were started with.
    pub config: Option<String>,
    /// The ends of those that stopped by themselves, one sentence each.
    pub exited: Vec<String>,
}

/// Who uses a port of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "use", rename_all = "snake_case")]
pub enum PortUse {
    /// Nobody.
    Free,
    /// This project's own service.
    Ours,
    /// Somebody else; `by` names the process where that can be seen.
    Taken {
        /// Such as `nginx (pid 812)`.
        by: Option<String>,
    },
}

/// One wanted port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PortSeen {
    /// The service that wants it.
    pub service: String,
    /// The port.
    pub port: u16,
    /// Who uses it now.
    pub usage: PortUse,
}

/// What the engine has and runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EngineSeen {
    /// Its own version, or why it cannot be used.
    pub available: Known<String>,
    /// The programs of the wanted major; for `docker`, what the image holds, where that is known.
    pub binaries: Known<Binaries>,
    /// The majors that this machine has, for the message when the wanted one is missing.
    pub majors: Vec<PgMajor>,
    /// The major in the wanted image, where the image is on this machine and tells it.
    pub image_major: Known<PgMajor>,
    /// The wanted images that are not on this machine.
    pub missing_images: Vec<String>,
    /// The named volumes that the project wants, and where the engine keeps them; `None` is not there.
    pub volumes: BTreeMap<String, Option<PathBuf>>,
    /// Containers of this project's folder under a project or service name that it no longer has.
    pub orphans: Vec<String>,
    /// The folder whose project has this project's Compose name, where it is another one.
    pub compose_taken_by: Option<PathBuf>,
    /// Who else is at work in the data directory, one phrase each: no second server may ever start there.
    pub in_use_by: Vec<String>,
    /// The account that the server will run as, where odpm itself may not be it.
    pub run_as: Known<Option<Owner>>,
    /// The version of pgBackRest, where the project asks for it.
    pub pgbackrest: Known<String>,
    /// The folder of the server's socket.
    pub socket_dir: PathBuf,
    /// The server.
    pub server: Known<ServerSeen>,
    /// The Odoo services by their plain names.
    pub services: Known<BTreeMap<String, ServiceSeen>>,
    /// The program that runs Odoo for this project, or why nothing can.
    pub odoo: Known<PathBuf>,
}

impl EngineSeen {
    /// Nothing could be learned, for the reason given.
    pub fn unknown(why: &str) -> Self {
        let why = || why.to_owned();
        Self {
            available: Known::Unknown(why()),
            binaries: Known::Unknown(why()),
            majors: Vec::new(),
            image_major: Known::Unknown(why()),
            missing_images: Vec::new(),
            volumes: BTreeMap::new(),
            orphans: Vec::new(),
            compose_taken_by: None,
            in_use_by: Vec::new(),
            run_as: Known::Unknown(why()),
            pgbackrest: Known::Unknown(why()),
            socket_dir: PathBuf::new(),
            server: Known::Unknown(why()),
            services: Known::Unknown(why()),
            odoo: Known::Unknown(why()),
        }
    }
}
