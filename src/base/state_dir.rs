//! What is where in `.odpm`: the only place that knows its names.

use std::path::{Path, PathBuf};

use super::RunId;

/// The places in `.odpm`.
#[derive(Clone, Debug)]
pub struct StateDir(PathBuf);

impl StateDir {
    /// The state of the project in `root`.
    pub fn of(root: &Path) -> Self {
        Self(root.join(".odpm"))
    }

    /// `.odpm` itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// `last_run.json`.
    pub fn baseline(&self) -> PathBuf {
        self.0.join("database").join("last_run.json")
    }

    /// What odpm remembers beside the baseline.
    pub fn companion(&self) -> PathBuf {
        self.0.join("database").join("companion.json")
    }

    /// The folder of the journals.
    pub fn journal(&self) -> PathBuf {
        self.0.join("journal")
    }

    /// The folder where a run keeps copies of the files that it changes.
    pub fn copies(&self, run: &RunId) -> PathBuf {
        self.journal().join(run.as_str())
    }

    /// The folder of the server's socket and of pid files.
    pub fn run(&self) -> PathBuf {
        self.0.join("run")
    }

    /// The services that are scaled on purpose.
    pub fn scale(&self) -> PathBuf {
        self.0.join("scale.json")
    }

    /// The folder of sidecars.
    pub fn sidecars(&self) -> PathBuf {
        self.0.join("sidecars")
    }

    /// The backups that were restored on trial.
    pub fn drills(&self) -> PathBuf {
        self.0.join("drills.jsonl")
    }

    /// The lock.
    pub fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// The folder of secrets.
    pub fn secrets(&self) -> PathBuf {
        self.0.join("secrets")
    }

    /// The folder of rendered configuration.
    pub fn rendered(&self) -> PathBuf {
        self.0.join("rendered")
    }

    /// The folder of snapshots.
    pub fn snapshots(&self) -> PathBuf {
        self.0.join("snapshots")
    }

    /// The folder of changes that were written down, and what was written back of them.
    pub fn watchdog(&self) -> PathBuf {
        self.0.join("watchdog")
    }

    /// The folder of repairs: what was to be taken back, what was written, and both ways as SQL.
    pub fn repairs(&self) -> PathBuf {
        self.0.join("repairs")
    }

    /// The folder of incidents.
    pub fn incidents(&self) -> PathBuf {
        self.0.join("incidents")
    }

    /// The folder of an incident.
    pub fn incident(&self, id: &str) -> PathBuf {
        self.incidents().join(id)
    }

    /// What is held back while an incident goes on.
    pub fn contained(&self) -> PathBuf {
        self.0.join("contained.json")
    }

    /// The folder of the tables' history.
    pub fn watch(&self) -> PathBuf {
        self.0.join("watch")
    }

    /// The folder of pgBackRest's keys and locks.
    pub fn pgbackrest(&self) -> PathBuf {
        self.0.join("pgbackrest")
    }

    /// The folder of scripts that were run: a copy of each, what it did, and both ways as SQL.
    pub fn scripts(&self) -> PathBuf {
        self.0.join("scripts")
    }

    /// The folder of upgrades.
    pub fn upgrades(&self) -> PathBuf {
        self.0.join("upgrades")
    }

    /// The folder of one upgrade: its record, its logs, its evidence.
    pub fn upgrade(&self, run: &RunId) -> PathBuf {
        self.upgrades().join(run.as_str())
    }

    /// The folder of one migration: what it copies, what was there before, how far it has come.
    pub fn migration(&self, run: &RunId) -> PathBuf {
        self.0.join("migrations").join(run.as_str())
    }

    /// The folder of what can be learned anew.
    pub fn cache(&self) -> PathBuf {
        self.0.join("cache")
    }

    /// How long copies and restores took.
    pub fn rates(&self) -> PathBuf {
        self.cache().join("rates.json")
    }

    /// The backups that were read whole and found good.
    pub fn verified(&self) -> PathBuf {
        self.0.join("verified.jsonl")
    }

    /// The folder of log files.
    pub fn log(&self) -> PathBuf {
        self.0.join("log")
    }
}
