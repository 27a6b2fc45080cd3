//! Steps that bring rows and files of one database to another.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{DuplicateDatabase, Endpoint, Operator, ServiceSpec};
use crate::base::{Digest, SecretRef};

/// A database that is read and never written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Party {
    /// The server.
    pub endpoint: Endpoint,
    /// Who logs in.
    pub role: String,
    /// The password.
    pub secret: SecretRef,
    /// The database.
    pub database: String,
    /// Which database that was when the plan was made: the cluster's identifier and the database's oid, `7434…/16384`.
    pub identity: String,
}

/// Looks, before anything that takes long, whether source and target are what a migration was planned for. It holds nothing: the copy
/// asks once more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CheckTables {
    /// The source.
    pub source: Party,
    /// Who reads the target.
    pub operator: Operator,
    /// The target's database.
    pub database: String,
    /// A file with what is to be copied, as `facts::Transfer` has it.
    pub transfer: PathBuf,
    /// Its digest.
    pub digest: Digest,
}

/// Copies rows of tables from one database to another, in one moment of the source, with all that belongs to them: xml ids,
/// sequences, paths. Commits only when every check holds and each table is what the source has of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CopyTables {
    /// The source.
    pub source: Party,
    /// Who writes to the target.
    pub operator: Operator,
    /// The target's database.
    pub database: String,
    /// A file with what is copied, as `facts::Transfer` has it.
    pub transfer: PathBuf,
    /// Its digest.
    pub digest: Digest,
    /// How many tables that names.
    #[serde(default)]
    pub tables: u64,
    /// How many rows they have at most: what is not known is which rows of a many2many lead somewhere.
    #[serde(default)]
    pub rows: u64,
    /// A backup of the target from before, where one was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<PathBuf>,
    /// Over how many connections the target is filled. 1: in one transaction. More: each in its own, into a database that is not in
    /// service.
    pub jobs: u16,
    /// The copy that is filled, made anew by an attempt that finds that another has begun; only where there are several connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anew: Option<Box<DuplicateDatabase>>,
    /// The migration's folder: what was there before (`ir_model_data`), and what was done.
    pub folder: PathBuf,
}

impl CopyTables {
    /// The file that says what was done, and in which transaction: it is written before that is committed.
    pub fn record(&self) -> PathBuf {
        self.folder.join("copied.json")
    }
}

/// Brings files of copied attachments from one filestore to another: hard links where both are on one disk, else copies. Each is
/// checked against its SHA-1. A file that is there already is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CopyFiles {
    /// The filestore's folder of the source's database.
    pub from: PathBuf,
    /// That of the target's.
    pub to: PathBuf,
    /// A file with a line for each: the path within a filestore, `ab/abcdef…`.
    pub list: PathBuf,
    /// Its digest.
    pub digest: Digest,
    /// Whether a file that the source has not ends the run; without it, that is told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub require_all: bool,
}

/// Hands files that a migration has brought over to Odoo's own clean-up, which removes those that no attachment names: whether one
/// does by now only Odoo can tell without losing a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct HandOverFiles {
    /// The filestore's folder of the database.
    pub folder: PathBuf,
    /// A file with a line for each that was added.
    pub list: PathBuf,
    /// Its digest.
    pub digest: Digest,
}

/// Has Odoo's shell compute stored fields anew, in batches, each committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RecomputeFields {
    /// Who looks after the database.
    pub operator: Operator,
    /// How Odoo is run.
    pub service: ServiceSpec,
    /// The database.
    pub database: String,
    /// The tables whose rows were copied.
    pub tables: Vec<String>,
    /// Those of them in which the target has no rows of its own: only there is anything computed by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub whole: Vec<String>,
    /// Fields that are computed in any case: `product.template.image_128`.
    pub fields: Vec<String>,
    /// The migration's folder, where how far it has come is written.
    pub folder: PathBuf,
}
