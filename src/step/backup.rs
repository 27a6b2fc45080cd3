//! Steps on backups.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Operator;
use crate::base::Digest;
use crate::facts::{BackupSource, DrillKind};

/// The form of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BackupFormat {
    /// A folder: a parallel dump, and files that are stored once for all backups.
    Fast,
    /// Odoo's own zip.
    Zip,
    /// `pg_dump -Fc`, without files.
    Dump,
}

/// Backs a database up: the dump first, then the files, so that every file of the dump is among them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BackupDatabase {
    /// Who does it.
    pub operator: Operator,
    /// The database.
    pub database: String,
    /// The form.
    pub format: BackupFormat,
    /// The backup; it must not be there yet.
    pub to: PathBuf,
    /// The folder of the database's files; `None` leaves them out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<PathBuf>,
    /// How many connections dump at once.
    pub jobs: u16,
}

/// Reads a backup whole: its parts, its checksums, that it is complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CheckBackup {
    /// Who could restore it.
    pub operator: Operator,
    /// The backup.
    pub path: PathBuf,
    /// What it is.
    pub source: BackupSource,
}

/// Makes an empty database, owned by the application role, in UTF-8 and with the collation that Odoo gives its own, and loads a
/// backup's dump into it, as that role. A database of this name that carries our mark is made anew: it was not finished. One
/// without it is left alone, and the step fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LoadBackup {
    /// Who does it.
    pub operator: Operator,
    /// The backup.
    pub path: PathBuf,
    /// What it is.
    pub source: BackupSource,
    /// The database.
    pub database: String,
    /// What is written on it: our mark, and what it is for.
    pub mark: String,
    /// Extensions that it gets where the server has them.
    pub extensions: Vec<String>,
    /// How many connections load at once, where the form allows it.
    pub jobs: u16,
}

/// Puts files that repaired rows name, and that are gone, back into a filestore.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RestoreFiles {
    /// The changes whose rows name them, one a line.
    pub changes: PathBuf,
    /// The SHA-256 of that file.
    pub sha256: Digest,
    /// The backup that has them.
    pub backup: PathBuf,
    /// Its form.
    pub source: BackupSource,
    /// The database's folder of the filestore.
    pub to: PathBuf,
    /// How many.
    pub count: u64,
}

/// Puts a backup's files into a folder of its own; what an earlier attempt has left there goes first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LoadFiles {
    /// The backup.
    pub path: PathBuf,
    /// What it is.
    pub source: BackupSource,
    /// The folder.
    pub to: PathBuf,
}

/// Removes a backup that odpm made, and the files that no other backup has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RemoveBackup {
    /// The backup.
    pub path: PathBuf,
}

/// Records that a backup was restored on trial and passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RecordDrill {
    /// What was practised.
    #[serde(default)]
    pub kind: DrillKind,
    /// The backup.
    pub backup: PathBuf,
    /// The database that it is of.
    pub database: String,
    /// When the drill began: ISO 8601, UTC.
    pub begun: String,
    /// Where that is written.
    pub file: PathBuf,
}
