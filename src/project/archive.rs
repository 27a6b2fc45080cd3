//! `archive`: what it takes to go back to a moment: PostgreSQL's log, kept, and base backups of the whole cluster.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::build::{Paths, given};
use super::file::Word;
use super::rules::Rules;
use super::watchdog::seconds;

/// How the log is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArchiveMethod {
    /// In a folder of this machine, with base backups by pg_basebackup.
    Basebackup,
}

/// The log of PostgreSQL, kept, and base backups: recovery to a moment.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArchiveFile {
    /// How it is kept.
    pub method: ArchiveMethod,
    /// Its folder; ./archive unless given.
    pub path: Option<String>,
    /// How many base backups `archive expire` keeps, with the log since the oldest of them; 2 unless given.
    #[schemars(range(min = 1))]
    pub keep: Option<u32>,
    /// How soon after a change its log is archived at the latest: 90s, 5m. 1m unless given.
    pub switch: Option<Word>,
}

/// `archive`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// How it is kept.
    pub method: ArchiveMethod,
    /// Its folder.
    pub path: PathBuf,
    /// How many base backups are kept.
    pub keep: usize,
    /// PostgreSQL's `archive_timeout`, in seconds.
    pub switch: u64,
}

impl Archive {
    /// The folder of the log's segments: the server's own.
    pub fn wal(&self) -> PathBuf {
        self.path.join("wal")
    }

    /// The folder of base backups.
    pub fn base(&self) -> PathBuf {
        self.path.join("base")
    }
}

/// The part of the project; what is wrong goes into `rules`.
pub(super) fn build(file: ArchiveFile, paths: &Paths<'_>, rules: &mut Rules<'_>) -> Archive {
    let switch = file.switch.map_or(Some(60), |word| seconds(&word.0));
    if switch.is_none() {
        rules.no_duration(&["archive", "switch"]);
    }
    Archive {
        method: file.method,
        path: paths.absolute(given(file.path).as_deref().unwrap_or("./archive")),
        keep: file.keep.map_or(2, |keep| keep as usize),
        switch: switch.unwrap_or(60),
    }
}
