//! Steps on rows and their snapshots.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Operator, ServiceSpec};
use crate::base::Digest;
use crate::rows::Section;

/// How fields are written back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Via {
    /// In one transaction, by SQL: the fields themselves and nothing that follows from them.
    Sql,
    /// By the Odoo shell, in batches: what is computed from them follows.
    Orm {
        /// How the shell is run.
        shell: Box<ServiceSpec>,
    },
}

/// Puts altered fields back that are still as they were seen; what somebody has written since is left alone and told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RestoreFields {
    /// Who does it.
    pub operator: Operator,
    /// The database.
    pub database: String,
    /// The changes, one a line, ordered by model and id.
    pub changes: PathBuf,
    /// The SHA-256 of that file.
    pub sha256: Digest,
    /// The models, and those of their fields that can be written.
    pub sections: Vec<Section>,
    /// How many fields are to be put back, by model and field: `product.template.list_price`.
    pub counts: std::collections::BTreeMap<String, u64>,
    /// How.
    pub via: Via,
    /// Where what was written is recorded, as changes that can be undone in turn.
    pub record: PathBuf,
}

/// What is to be done in one table of a repair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RepairTable {
    /// The table, with its columns.
    pub section: Section,
    /// Columns that are filled in behind, for what they refer to comes later.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub late: Vec<String>,
    /// How many rows come back.
    pub insert: u64,
    /// Of how many fields are put back.
    pub update: u64,
    /// How many that came with the damage go.
    pub delete: u64,
}

/// Does in a scratch database what a rogue script does: for a rehearsal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DamageScratch {
    /// Who does it.
    pub operator: Operator,
    /// The database; its name begins with [`DamageScratch::PREFIX`], or nothing is done. It gets odpm's mark.
    pub database: String,
}

impl DamageScratch {
    /// What the names of databases begin with that are damaged on purpose.
    pub const PREFIX: &str = "rehearsal_";
    /// What its mark says.
    pub const WHAT: &str = "a rehearsal";
}

/// Takes damage back, in one transaction that fails as a whole: a row that is not as it was seen, another number of rows than
/// planned, or a broken invariant leaves everything as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RepairRows {
    /// Who does it.
    pub operator: Operator,
    /// The database.
    pub database: String,
    /// The changes that are taken back, one a line.
    pub changes: PathBuf,
    /// The SHA-256 of that file.
    pub sha256: Digest,
    /// The tables, in the order in which rows are put back.
    pub tables: Vec<RepairTable>,
    /// Whether what is written is dated now, or as it was before the damage.
    pub stamp: bool,
    /// Invariants that have to hold before it is committed: queries that return the rows that break them.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub checks: std::collections::BTreeMap<String, String>,
    /// Where what was written is recorded, as changes that can be undone in turn; beside it, both ways as SQL.
    pub record: PathBuf,
}

/// Removes a snapshot, or what an interrupted one has left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RemoveSnapshot {
    /// The file with its rows.
    pub rows: PathBuf,
}
