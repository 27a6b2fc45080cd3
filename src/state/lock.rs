//! One writer at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::StateDir;
use crate::base::time::{ago, utc_seconds};
use crate::error::{Error, Kind, Result};

/// How many looks of others are waited for; each takes no longer than a system call.
const LOOKS: u32 = 10_000;

/// Held while a command changes something; the kernel lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Who holds the lock: written into it for the message to the next one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// `user@host`.
    pub by: String,
    /// The command: `apply`.
    pub command: String,
    /// Since when: ISO 8601, UTC, seconds.
    pub since: String,
}

impl Lock {
    /// Takes the lock for `command`, or fails with [`Kind::Locked`] and says who holds it.
    pub fn take(state: &StateDir, command: &str, by: &str, now: Timestamp) -> Result<Self> {
        super::create(state)?;
        let path = state.lock();
        let cannot =
            |e: &std::io::Error| Error::environment(format!("cannot lock {}", path.display())).caused_by(e);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|e| cannot(&e))?;
        match acquire(&file, &mut std::thread::yield_now) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(&mut file, now)),
            Err(TryLockError::Error(e)) => return Err(cannot(&e)),
        }
        let holder = Holder {
            pid: std::process::id(),
            by: by.to_owned(),
            command: command.to_owned(),
            since: utc_seconds(now),
        };
        let text = serde_json::to_string(&holder)
            .map_err(|e| Error::internal("cannot write the lock").caused_by(&e))?;
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(text.as_bytes()))
            .map_err(|e| cannot(&e))?;
        Ok(Self { _file: file })
    }
}

/// Takes the lock. Whoever only looks who holds it shares it for a moment: that is no holder, and waited for.
fn acquire(file: &File, pause: &mut dyn FnMut()) -> Result<(), TryLockError> {
    for _ in 0..LOOKS {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {}
            answer => return answer,
        }
        // A holder shares it with nobody.
        file.try_lock_shared()?;
        file.unlock().map_err(TryLockError::Error)?;
        pause();
    }
    file.try_lock()
}

/// Who holds the lock now; `None` when nobody does.
pub fn holder(state: &StateDir) -> Option<Holder> {
    let mut file = File::open(state.lock()).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => read_holder(&mut file),
        _ => None,
    }
}

fn read_holder(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn held(file: &mut File, now: Timestamp) -> Error {
    let error = Error::new(Kind::Locked, "another odpm is at work on this project");
    match read_holder(file) {
        Some(holder) => {
            let since: Option<Timestamp> = holder.since.parse().ok();
            let age = since.map_or_else(String::new, |since| format!(", {} ago", ago(now, since)));
            error
                .because(format!(
                    "`odpm {}` of {} (pid {}) holds the lock since {}{age}",
                    holder.command, holder.by, holder.pid, holder.since
                ))
                .hint(format!("Wait for it to end, or look at it: ps -fp {}", holder.pid))
        }
        None => error.hint("Wait for it to end and run the command again."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_only_looks_keeps_nobody_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let open =
            || File::options().read(true).write(true).create(true).truncate(false).open(&path).unwrap();
        let (file, looking) = (open(), open());
        looking.try_lock_shared().unwrap();
        let mut looking = Some(looking);
        acquire(&file, &mut || drop(looking.take())).unwrap();
        assert!(looking.is_none(), "it was held at first");
        let mut waited = false;
        assert!(matches!(acquire(&open(), &mut || waited = true), Err(TryLockError::WouldBlock)));
        assert!(!waited, "a holder is told at once");
    }

    #[test]
    fn the_second_one_learns_who_the_first_is() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::of(dir.path());
        let now: Timestamp = "2026-11-20T21:13:33Z".parse().unwrap();
        let first = Lock::take(&state, "apply", "ada@laptop", now).unwrap();
        let error = Lock::take(&state, "down", "bob@laptop", now).unwrap_err();
        assert_eq!(error.kind(), Kind::Locked);
        assert!(error.to_string().contains("`odpm apply` of ada@laptop"), "{error}");
        assert_eq!(holder(&state).map(|h| h.command), Some("apply".to_owned()));
        drop(first);
        assert_eq!(holder(&state), None);
        Lock::take(&state, "down", "bob@laptop", now).unwrap();
    }
}
