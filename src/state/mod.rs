//! `.odpm` on disk: the baseline, the journals, the lock, the secrets, and how a file is replaced.
//!
//! Every file is written to a temporary file beside it, synced, renamed, and its folder synced: a killed
//! process leaves the old or the new state. Knows the forms of these files and nothing of why they change.

mod atomic;
mod baseline;
#[cfg(feature = "crash-points")]
mod crash_points;
mod journal;
mod lock;
mod secrets;

use std::path::{Path, PathBuf};

pub use atomic::{digest_of, give, make_dir, own_dir, remove_folder, replace, sync_folder};
pub use baseline::{read as read_baseline, write as write_baseline};
pub use journal::{JournalFile, all as journals, find as find_journal, unfinished as unfinished_journal};
pub use lock::{Lock, holder};
pub use secrets::{SecretFiles, random_bytes};

use crate::error::{Error, Result};

/// What could not be done to a file or folder, and why, with what helps where that is known.
pub fn cannot(what: &str, path: &Path, e: &std::io::Error) -> Error {
    let error = Error::environment(format!("cannot {what} {}", path.display())).caused_by(e);
    match e.kind() {
        std::io::ErrorKind::StorageFull => error.hint("The disk is full: make room, then try again."),
        std::io::ErrorKind::PermissionDenied => error.hint("Check who owns it, and who runs odpm."),
        _ => error,
    }
}

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
    pub fn copies(&self, run: &crate::base::RunId) -> PathBuf {
        self.journal().join(run.as_str())
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

    /// The folder of log files.
    pub fn log(&self) -> PathBuf {
        self.0.join("log")
    }

    /// Makes the folder, with a `.gitignore` that keeps all of it out of version control.
    pub fn create(&self) -> Result<()> {
        let ignore = self.0.join(".gitignore");
        let make = || -> std::io::Result<()> {
            make_dir(&self.0, 0o755)?;
            if !ignore.exists() {
                replace(&ignore, b"*\n", 0o644)?;
            }
            make_dir(&self.journal(), 0o700)
        };
        make().map_err(|e| {
            Error::environment(format!("cannot write to {}", self.0.display()))
                .caused_by(&e)
                .hint("odpm keeps its state there; make the folder writable for the user that runs odpm.")
        })
    }
}
