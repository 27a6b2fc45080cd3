//! Snapshots of the watched fields, as files.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::base::Digest;
use crate::rows::{Kind, Origin};

/// What is recorded of a snapshot beside it: `<time>-<label>.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotManifest {
    /// 1.
    pub format_version: u32,
    /// What it was taken for.
    pub label: String,
    /// When: the moment of the database that it shows, in UTC.
    pub taken_at: String,
    /// The file with the rows, beside this one.
    pub file: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// The SHA-256 of it.
    pub sha256: Digest,
    /// The CRC-32 of its lines, before they were compressed: quick enough to be checked by every reader.
    pub crc32: u32,
    /// What was wanted.
    pub spec: Digest,
    /// The database.
    pub database: SnapshotDatabase,
    /// What was read, in the order of the lines.
    pub sections: Vec<SectionTaken>,
    /// What was wanted and not read.
    pub skipped: Vec<Skipped>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Who took it.
    pub by: String,
}

impl SnapshotManifest {
    /// How many rows, of all models.
    pub fn rows(&self) -> u64 {
        self.sections.iter().map(|section| section.rows).sum()
    }
}

/// The database of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotDatabase {
    /// Its name.
    pub name: String,
    /// PostgreSQL's number for it.
    pub oid: u32,
    /// PostgreSQL's name for the cluster.
    pub system_identifier: String,
    /// The server's version.
    pub server_version: String,
    /// How far its log had come.
    pub lsn: String,
    /// The installed modules with their versions.
    pub modules: BTreeMap<String, String>,
}

/// A model in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SectionTaken {
    /// The model.
    pub model: String,
    /// How many rows.
    pub rows: u64,
    /// Its fields.
    pub fields: Vec<FieldTaken>,
}

/// A field in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldTaken {
    /// Its name.
    pub name: String,
    /// What its text means.
    pub kind: Kind,
    /// Where it came from.
    pub origin: Origin,
    /// Whether it changes all the time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub noise: bool,
}

/// A model or a field that is not read, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The model.
    pub model: String,
    /// The field; `None`: the whole model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Why.
    pub why: String,
}

/// A snapshot that is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SnapshotSeen {
    /// The file with its rows.
    pub path: PathBuf,
    /// What is recorded of it.
    #[serde(flatten)]
    pub manifest: SnapshotManifest,
}
