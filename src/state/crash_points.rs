//! Kills the process before or after a record of its journal, for `make crash`; no other build has this.

use std::sync::atomic::{AtomicU32, Ordering};

static RECORDS: AtomicU32 = AtomicU32::new(0);

/// Here a record is about to be written, or has been; `ODPM_CRASH=before:3` dies before the third.
pub fn at(when: &str) {
    let number = match when {
        "before" => RECORDS.fetch_add(1, Ordering::Relaxed) + 1,
        _ => RECORDS.load(Ordering::Relaxed),
    };
    if std::env::var("ODPM_CRASH").is_ok_and(|point| point == format!("{when}:{number}")) {
        // The kernel's own: nothing is cleaned up.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}
