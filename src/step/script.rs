//! Scripts of people's own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Operator;
use crate::base::Digest;
use crate::facts::Touched;

/// How long a script may wait and take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ScriptTerms {
    /// How many seconds it waits for a lock.
    pub lock_timeout: u32,
    /// How many seconds each statement may take; 0 is no limit.
    pub statement_timeout: u32,
}

/// Runs a script in one transaction that is committed only where it does what it did when it was rehearsed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RunScript {
    /// Who does it.
    pub operator: Operator,
    /// The database.
    pub database: String,
    /// A copy of the script.
    pub script: PathBuf,
    /// The SHA-256 of that file.
    pub sha256: Digest,
    /// What has to happen to rows, by table, and to no others.
    pub counts: BTreeMap<String, Touched>,
    /// The definitions that it alters, and no others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub definitions: Vec<String>,
    /// Tables that it locks so that nobody else can read them: their rows are read before it begins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclusive: Vec<String>,
    /// Invariants that have to hold before it is committed: queries that return the rows that break them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub checks: BTreeMap<String, String>,
    /// How long it may wait and take.
    pub terms: ScriptTerms,
    /// Where the rows before and after are recorded, as changes that can be undone; beside it, both ways as SQL. Nowhere
    /// where no undo is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<PathBuf>,
    /// Where the transaction is named before it is committed, so that it is known of it afterwards whether it was.
    pub attempt: PathBuf,
}
