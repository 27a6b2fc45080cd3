//! Steps on the PostgreSQL server and the Odoo services.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::base::{Digest, PgMajor, SecretRef};
use crate::facts::Owner;

/// The PostgreSQL server of the project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ServerSpec {
    /// The service's name as it runs: `db`, `acme-db`.
    pub service: String,
    /// Its data directory.
    pub data: PathBuf,
    /// The wanted major.
    pub major: PgMajor,
    /// The port on `127.0.0.1`.
    pub port: u16,
    /// The digest of the configuration that it starts with.
    pub config: Digest,
    /// How many seconds its start may take.
    pub start_timeout: u32,
    /// How it is launched.
    pub launch: Launch,
}

/// How a server or a service is launched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "engine", rename_all = "snake_case")]
pub enum Launch {
    /// As processes of this machine.
    Local(Terms),
    /// Through Compose.
    Compose {
        /// The Compose project.
        project: String,
        /// The Compose file.
        file: PathBuf,
    },
}

/// What a process of this machine is launched with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Terms {
    /// The folder of its programs.
    pub bin_dir: PathBuf,
    /// The configuration file that it reads.
    pub config_file: PathBuf,
    /// The folder of its sockets and pid files.
    pub run_dir: PathBuf,
    /// The file that its output goes to.
    pub log: PathBuf,
    /// The account that it runs as; odpm's own when `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_as: Option<Owner>,
}

/// Makes a new cluster, with checksums and `scram-sha-256`. The directory must be absent or empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct InitCluster {
    /// The server that will run it.
    pub server: ServerSpec,
    /// The administrative role.
    pub admin_role: String,
    /// Its password.
    pub admin: SecretRef,
}

/// Creates the roles of a stopped cluster in single-user mode: for inherited clusters whose
/// administrative password nobody knows. Databases and their owners stay as they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BootstrapRoles {
    /// The server, stopped.
    pub server: ServerSpec,
    /// The administrative role.
    pub admin_role: String,
    /// Its password.
    pub admin: SecretRef,
}

/// One Odoo service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ServiceSpec {
    /// Its plain name: `odoo`, `odoo-cron`, `odoo-worker`.
    pub name: String,
    /// Its name as it runs.
    pub service: String,
    /// How many of it.
    pub replicas: u16,
    /// The published HTTP port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The command line, for a process of this machine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Its variables, beside those that odpm hands on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// The digest of the configuration that it starts with.
    pub config: Digest,
    /// How many seconds its start may take.
    pub start_timeout: u32,
    /// How it is launched.
    pub launch: Launch,
}
