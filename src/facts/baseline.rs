//! [`Baseline`]: the fingerprint that the last successful apply recorded, in odpm's schema version 1.
//!
//! The fields and their order in the file are those of odpm 4, in both directions. What else is
//! worth remembering stands in the [`Companion`] beside it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::{Digest, RunId};

/// `last_run.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Baseline {
    /// 1.
    pub schema_version: u32,
    /// When it was recorded: ISO 8601, UTC, seconds.
    pub recorded_at: String,
    /// `developer`, `server` or `ci`.
    pub odpm_scenario: String,
    /// `postgres`: the database engine, not odpm's.
    pub engine: String,
    /// What the stack was.
    pub compose: BaselineCompose,
    /// How Odoo reached the database.
    pub odoo_conf: BaselineConf,
    /// What the cluster was.
    #[serde(default)]
    pub cluster: BaselineCluster,
}

/// `compose` of [`Baseline`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BaselineCompose {
    /// The name of the PostgreSQL service.
    pub service_name: String,
    /// The version or image tag of PostgreSQL, as written.
    pub image_tag: String,
    /// The absolute path of the data directory.
    pub data_path_abs: String,
    /// The port on the host.
    pub host_port: u16,
    /// The Compose project name; recorded only with a prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compose_project_name: Option<String>,
    /// The name of the Odoo service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub odoo_service_name: Option<String>,
}

/// `odoo_conf` of [`Baseline`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BaselineConf {
    /// `db_host`.
    pub db_host: String,
    /// `db_port`.
    pub db_port: u16,
    /// `db_user`.
    pub db_user: String,
}

/// `cluster` of [`Baseline`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BaselineCluster {
    /// Whether the data directory held anything.
    #[serde(default)]
    pub data_dir_nonempty: bool,
    /// The application role.
    #[serde(default)]
    pub app_role: String,
    /// The major of the data directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pg_major: Option<u32>,
    /// Whether the application role was there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_role_present: Option<bool>,
}

impl Baseline {
    /// Whether two baselines say the same, whenever they were recorded.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let mut other = other.clone();
        other.recorded_at.clone_from(&self.recorded_at);
        *self == other
    }
}

/// What was found at the baseline's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BaselineSeen {
    /// No apply has succeeded here yet.
    Absent,
    /// A baseline that can be read, with its companion where there is one.
    Present(Box<Baseline>, Box<Companion>),
    /// A file that cannot be understood; the text says why.
    Corrupt(String),
    /// A file of a later schema version.
    Future(u64),
}

impl BaselineSeen {
    /// The baseline, where there is one.
    pub fn get(&self) -> Option<&Baseline> {
        match self {
            Self::Present(baseline, _) => Some(baseline),
            _ => None,
        }
    }

    /// The companion, where there is one.
    pub fn companion(&self) -> Option<&Companion> {
        match self {
            Self::Present(_, companion) => Some(companion),
            _ => None,
        }
    }
}

/// `companion.json`: what odpm remembers beyond odpm 4's schema. Every field may be missing, as it
/// is in a project that odpm 4 has left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Companion {
    /// 1.
    #[serde(default)]
    pub format_version: u32,
    /// The digest of the `last_run.json` that this belongs to; after a change by odpm 4 it no longer does.
    #[serde(default)]
    pub baseline: Option<Digest>,
    /// The run that recorded it.
    #[serde(default)]
    pub run: Option<RunId>,
    /// `docker` or `local`.
    #[serde(default)]
    pub engine: Option<String>,
    /// PostgreSQL's name for the cluster. Text, for it does not fit into a JSON number everywhere.
    #[serde(default)]
    pub system_identifier: Option<String>,
    /// The drift that people accepted with that run.
    #[serde(default)]
    pub accepted: Vec<Accepted>,
    /// What a later odpm has added; kept as it is.
    #[serde(flatten)]
    pub other: BTreeMap<String, serde_json::Value>,
}

/// One accepted drift.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Accepted {
    /// The kind, as it is written.
    pub kind: String,
    /// What was recorded before.
    pub recorded: String,
    /// What was accepted.
    pub current: String,
    /// Who accepted it.
    pub by: String,
    /// When: ISO 8601, UTC, seconds.
    pub at: String,
    /// `flag` or `prompt`.
    pub how: String,
}
