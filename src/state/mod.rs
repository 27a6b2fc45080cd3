//! `.odpm` on disk: the baseline, the journals, the lock, the secrets, and how a file is replaced.
//!
//! Every file is written to a temporary file beside it, synced, renamed, and its folder synced: a killed
//! process leaves the old or the new state. Knows the forms of these files and nothing of why they change.

mod atomic;
mod baseline;
#[cfg(feature = "crash-points")]
mod crash_points;
mod incidents;
mod journal;
mod json;
mod lock;
mod measured;
mod readings;
mod secrets;
mod upgrades;

use std::path::Path;

pub use atomic::{digest_of, give, make_dir, own_dir, remove_folder, replace, sync_folder};
pub use baseline::{read as read_baseline, write as write_baseline};
pub use incidents::{Told, contained, incidents, open_incident, tell, wanted_incident};
pub use journal::{JournalFile, all as journals, find as find_journal, unfinished as unfinished_journal};
pub use json::{replace_json, replace_lines};
pub use lock::{Lock, holder};
pub use measured::{keep_rate, keep_verified, rates, verified};
pub use secrets::{SecretFiles, SeekRemote, missing, random_bytes};

pub use crate::base::StateDir;
pub use readings::{keep_readings, readings};
pub use upgrades::{database_before, recorded_modules, upgrades};

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

/// What is in a folder; nothing where there is none.
fn entries(folder: &Path) -> Result<Vec<std::fs::DirEntry>> {
    match std::fs::read_dir(folder) {
        Ok(entries) => Ok(entries.flatten().collect()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(cannot("read", folder, &e)),
    }
}

/// Makes the folder, with a `.gitignore` that keeps all of it out of version control.
pub fn create(state: &StateDir) -> Result<()> {
    let folder = state.path();
    let ignore = folder.join(".gitignore");
    let make = || -> std::io::Result<()> {
        make_dir(folder, 0o755)?;
        if !ignore.exists() {
            replace(&ignore, b"*\n", 0o644)?;
        }
        make_dir(&state.journal(), 0o700)
    };
    make().map_err(|e| {
        Error::environment(format!("cannot write to {}", folder.display()))
            .caused_by(&e)
            .hint("odpm keeps its state there; make the folder writable for the user that runs odpm.")
    })
}
