//! The step that starts Odoo to see whether it works.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Operator, ServiceSpec};
use crate::base::Digest;
use crate::project::HttpCheck;

/// Starts Odoo's server on a database, asks it, ends it, and asks the database and the Odoo shell.
///
/// The server listens on a port of its own on this machine alone, runs no scheduled actions and serves no other database. What is
/// wrong is gathered and told together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ProbeOdoo {
    /// Who asks the database.
    pub operator: Operator,
    /// How the server is run.
    pub service: ServiceSpec,
    /// Arguments of the service that its command line does not hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// How the Odoo shell is run, where there are scripts for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<ServiceSpec>,
    /// The database.
    pub database: String,
    /// What the server has to answer, by names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub http: BTreeMap<String, HttpCheck>,
    /// Queries that return the rows that break what has to hold, by names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sql: BTreeMap<String, String>,
    /// Scripts for the Odoo shell that have to raise nothing. What they write is taken back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scripts: Vec<ShellCheck>,
    /// The file that the server's log goes to.
    pub log: PathBuf,
    /// How many seconds each check may take; the start may take what the service's may.
    pub timeout: u32,
}

/// A script for the Odoo shell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ShellCheck {
    /// The name of the check.
    pub name: String,
    /// The script.
    pub path: PathBuf,
    /// The SHA-256 of that file.
    pub sha256: Digest,
}
