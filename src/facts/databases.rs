//! The databases of a cluster.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::{BackupSeen, Known};

/// What odpm writes on databases of its own making; what follows says what they are for.
pub const MARK: &str = "odpm: ";

/// How the names of databases begin that are odpm's own; people cannot give one such a name.
pub const OWN: &str = "odpm_";

/// One database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DatabaseSeen {
    /// Its name.
    pub name: String,
    /// Its owner.
    pub owner: String,
    /// Its size in bytes, where the role may ask.
    pub bytes: Option<u64>,
    /// How many sessions are in it.
    pub sessions: u32,
    /// What is written on it.
    pub comment: Option<String>,
    /// Whether it takes connections.
    pub open: bool,
    /// Odoo in it.
    pub odoo: Option<OdooSeen>,
}

impl DatabaseSeen {
    /// What odpm made it for; `None` for everybody else's databases.
    pub fn mark(&self) -> Option<&str> {
        mark_of(&self.name, self.comment.as_deref(), self.open)
    }
}

/// What odpm made a database for; `None` for everybody else's. One of odpm's is made closed and gets its mark just before it is
/// opened: a name of odpm's own, closed and without a word on it, was left in between. A name alone is no mark.
pub fn mark_of<'a>(name: &str, comment: Option<&'a str>, open: bool) -> Option<&'a str> {
    match comment {
        Some(comment) => comment.strip_prefix(MARK),
        None => (name.starts_with(OWN) && !open).then_some("begun and never finished"),
    }
}

/// Odoo in a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OdooSeen {
    /// The version of its module `base`: `18.0.1.3`.
    pub version: String,
    /// How many modules are installed.
    pub modules: u32,
    /// Whether it is neutralized.
    pub neutralized: bool,
}

/// A folder of the filestore.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FolderSeen {
    /// How many files.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

/// The databases of a cluster, their files, the backups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DatabasesSeen {
    /// The databases, templates left out.
    pub all: Known<Vec<DatabaseSeen>>,
    /// The folders of the filestore by the names of their databases; how much is in them, where that was asked for.
    pub folders: BTreeMap<String, Option<FolderSeen>>,
    /// The backups in the project's folder for them, oldest first.
    pub backups: Vec<BackupSeen>,
    /// What removals of backups that were broken off have left there.
    pub half_removed: Vec<PathBuf>,
}

impl DatabasesSeen {
    /// The database of this name.
    pub fn find(&self, name: &str) -> Option<&DatabaseSeen> {
        self.all.get()?.iter().find(|database| database.name == name)
    }

    /// The newest backup of a database.
    pub fn last_backup(&self, name: &str) -> Option<&BackupSeen> {
        self.backups.iter().rev().find(|backup| backup.manifest.is_some() && backup.database() == Some(name))
    }
}
