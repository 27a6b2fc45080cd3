//! What is recorded of a backup, and what was seen of one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::audit::DrillKind;

/// The version of [`BackupManifest`] that is written.
pub const MANIFEST_VERSION: u32 = 1;

/// What odpm records of a backup that it made: beside a file as `FILE.odpm.json`, in a folder as `manifest.json`. It is the
/// mark by which a backup is known to be odpm's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BackupManifest {
    /// The version of this form: 1.
    pub odpm_backup: u32,
    /// The version of odpm that made it.
    pub odpm_version: String,
    /// When its snapshot was taken: ISO 8601, UTC, seconds.
    pub created_at: String,
    /// The database.
    pub database: DatabaseFacts,
    /// Its files; `None` where they were left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filestore: Option<FilestoreFacts>,
    /// Every file of the backup but this one; files of the filestore are listed in one of them.
    pub parts: Vec<Part>,
}

/// What a database was when its backup was taken, all from the same snapshot as the dump.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DatabaseFacts {
    /// Its name.
    pub name: String,
    /// The server's version: `16.4`.
    pub server_version: String,
    /// PostgreSQL's name for the cluster.
    pub system_identifier: String,
    /// The position in the WAL; empty on a server that does not tell.
    pub lsn: String,
    /// Its encoding: `UTF8`.
    pub encoding: String,
    /// Its extensions with their versions.
    pub extensions: BTreeMap<String, String>,
    /// The version of its module `base`: `18.0.1.3`; `None` in a database that is not Odoo's.
    pub odoo_version: Option<String>,
    /// The installed modules with their versions.
    pub modules: BTreeMap<String, String>,
    /// The rows of tables that tell whether a restore is whole.
    pub rows: BTreeMap<String, u64>,
    /// Its size in bytes.
    pub bytes: u64,
}

/// The files of a database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FilestoreFacts {
    /// How many.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// Those that the database names and that were not there when the backup was taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Part {
    /// Its path within the backup.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// The SHA-256 digest of its content.
    pub sha256: String,
}

/// What a backup is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BackupSource {
    /// A folder of odpm's.
    Fast,
    /// Odoo's own zip.
    Zip,
    /// `pg_dump -Fc`.
    Dump,
    /// SQL as text.
    Sql,
    /// SQL as text, gzipped.
    SqlGz,
    /// A folder with `dump.sql`, and perhaps `filestore` and `manifest.json`: an unpacked zip.
    Folder,
}

impl BackupSource {
    /// Where the dump is that only `pg_restore` reads; `None` where the dump is a script.
    pub fn own_dump(self, backup: &Path) -> Option<PathBuf> {
        match self {
            Self::Fast => Some(backup.join("dump")),
            Self::Dump => Some(backup.to_owned()),
            Self::Zip | Self::Sql | Self::SqlGz | Self::Folder => None,
        }
    }
}

/// A drill that passed: a backup was restored, or damage was taken back, on trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drill {
    /// What was practised.
    #[serde(default)]
    pub kind: DrillKind,
    /// The backup.
    pub backup: PathBuf,
    /// The database that it is of.
    pub database: String,
    /// When it began: ISO 8601, UTC.
    pub begun: String,
    /// How long it took.
    pub seconds: i64,
}

/// A backup that lies somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BackupSeen {
    /// Where.
    pub path: PathBuf,
    /// What it is; `None` where it is nothing that odpm knows.
    pub source: Option<BackupSource>,
    /// What odpm recorded of it, where odpm made it.
    pub manifest: Option<BackupManifest>,
    /// What Odoo's own manifest says, where there is one.
    pub odoo: Option<OdooManifest>,
    /// Its size in bytes.
    pub bytes: u64,
}

/// `manifest.json` in Odoo's zip.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OdooManifest {
    /// `1`.
    #[serde(default)]
    pub odoo_dump: String,
    /// The database.
    #[serde(default)]
    pub db_name: String,
    /// `18.0`, `18.0+e`.
    #[serde(default)]
    pub version: String,
    /// `[18, 0, 0, "final", 0, ""]`.
    #[serde(default)]
    pub version_info: serde_json::Value,
    /// `18.0`.
    #[serde(default)]
    pub major_version: String,
    /// `15.0`: major and minor of the server.
    #[serde(default)]
    pub pg_version: String,
    /// The installed modules with their versions.
    #[serde(default)]
    pub modules: BTreeMap<String, String>,
}

impl BackupSeen {
    /// The database that it is of, where that is known.
    pub fn database(&self) -> Option<&str> {
        let ours = self.manifest.as_ref().map(|manifest| manifest.database.name.as_str());
        ours.or(self.odoo.as_ref().map(|odoo| odoo.db_name.as_str())).filter(|name| !name.is_empty())
    }
}
