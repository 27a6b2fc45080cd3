//! Steps of upgrades.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{DuplicateDatabase, Operator, ServiceSpec};
use crate::base::{Digest, RunId};
use crate::facts::UpgradeEnd;

/// Has a database take no connections, or take them again. Whoever is connected is sent away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CloseDatabase {
    /// Who does it.
    pub operator: Operator,
    /// The database.
    pub database: String,
    /// Whether it takes no connections.
    pub closed: bool,
}

/// Has Odoo install and update modules in a database that is not in service, keeps its log, and judges what came of it.
///
/// Exit codes are not trusted: each module has to be installed in the version of its manifest, none may be left half-way, and the
/// log may hold no error but those that are allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RunOdoo {
    /// Who looks at the modules.
    pub operator: Operator,
    /// How Odoo is run.
    pub service: ServiceSpec,
    /// Further arguments of the service's own, which one that runs once in a container does not get.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// The database.
    pub database: String,
    /// Whether the database is thrown away afterwards.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rehearsal: bool,
    /// How the database is made anew where an attempt before this one has begun with it; it is left half-way where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anew: Option<DuplicateDatabase>,
    /// Modules to install.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub install: Vec<String>,
    /// Modules to update.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub update: Vec<String>,
    /// The modules that have to be installed afterwards, with their versions where those are known.
    pub wanted: BTreeMap<String, Option<String>>,
    /// Regular expressions: errors of the log that do not matter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// What is recorded in the database of the modules' files: SHA-256 digests by modules.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hashes: BTreeMap<String, Digest>,
    /// The folder of its files.
    pub files: PathBuf,
    /// The folder that the log, what was before and the verdict go to.
    pub folder: PathBuf,
}

/// Sees that a database is there and takes connections, and compares it with what was recorded of it before an upgrade: rows of key
/// tables, modules and their versions, files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CompareState {
    /// Who looks.
    pub operator: Operator,
    /// The database.
    pub database: String,
    /// The record; none where the upgrade ended before there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<PathBuf>,
    /// The folder of its files.
    pub files: PathBuf,
    /// Whether what differs is told, and does not stop the run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub as_it_is: bool,
}

/// Records how an upgrade ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RecordUpgrade {
    /// The file.
    pub file: PathBuf,
    /// How.
    pub end: UpgradeEnd,
    /// The run that ended it.
    pub run: RunId,
}
