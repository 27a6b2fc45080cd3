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

/// Removes a snapshot, or what an interrupted one has left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RemoveSnapshot {
    /// The file with its rows.
    pub rows: PathBuf,
}
