//! Steps that watch what an upgrade does to rows.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Operator;
use crate::project::Expect;

/// Fields by model, with whether they are noise; and the queries for derived ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WatchSpec {
    /// Fields by model.
    pub models: BTreeMap<String, BTreeMap<String, bool>>,
    /// Queries by model and name.
    pub derive: BTreeMap<String, BTreeMap<String, String>>,
}

/// Takes a snapshot of what is watched in a database; one that an earlier attempt has taken is replaced. What only Odoo can compute
/// is not read: before and after an upgrade it is not the same Odoo that computes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TakeSnapshot {
    /// Who does it; the application role reads.
    pub operator: Operator,
    /// The database.
    pub database: String,
    /// What is watched.
    pub spec: WatchSpec,
    /// The file for the rows: `before.jsonl`, or `before.jsonl.zst`, which is compressed. What is recorded of it is beside it.
    pub to: PathBuf,
    /// Who takes it.
    pub by: String,
}

/// Compares a database with its snapshot, judges what has changed, and writes it down. A field that cannot be read any more is
/// told, and is no reason to stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct JudgeChange {
    /// Who does it; the application role reads.
    pub operator: Operator,
    /// The database.
    pub database: String,
    /// The file with the snapshot's rows.
    pub snapshot: PathBuf,
    /// What is watched.
    pub spec: WatchSpec,
    /// What may change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<Expect>,
    /// The file for what was found, as JSON.
    pub to: PathBuf,
    /// Whether the step fails where something is unexpected; else it is only told.
    pub gate: bool,
}
