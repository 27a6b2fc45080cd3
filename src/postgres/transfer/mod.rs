//! Rows of one database on their way into another, as the servers speak: what is copied is never taken apart here.
//!
//! Everything on the target happens in the transaction at hand, unless [`staged()`] is asked to fill a database that nobody uses.
//! What stands in the way of rows - indexes, foreign keys - is taken down and put back under its name, as it was defined.

mod begin;
mod compare;
mod down;
mod fill;
mod own;
mod pipe;
mod schedule;
mod sequences;
mod settle;
mod staged;

use serde::{Deserialize, Serialize};
use tokio_postgres::error::SqlState;

use super::probe::words;
use crate::error::Error;

pub use begin::{as_planned, begin, lock, source_as_planned};
pub use compare::{Digest, Unlike, compare, compare_uncommitted, digests, triggers};
pub use down::{Down, take_down};
pub use fill::fill;
pub use pipe::{Gauge, save};
pub use sequences::{sequences, serials};
pub use settle::{analyze, check, paths, xml_ids};
pub use staged::staged;

/// What came into a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filled {
    /// Rows that were copied straight.
    pub fresh: u64,
    /// Rows that came in beside rows of the target.
    pub added: u64,
    /// Rows of the target that were made equal to the source's.
    pub altered: u64,
}

impl Filled {
    /// All of them.
    pub fn rows(self) -> u64 {
        self.fresh + self.added + self.altered
    }
}

/// What failed, in the server's words and with what is usually to be done. A row's own values are not told, but keys are.
pub(super) fn failed(what: impl AsRef<str>, e: &tokio_postgres::Error) -> Error {
    let mut error = Error::environment(format!("cannot {}", what.as_ref())).because(words(e));
    let Some(db) = e.as_db_error() else {
        return match e.is_closed() || std::error::Error::source(e).is_some() {
            true => error.hint("A server has gone, or the way to it: see whether both run, then go on."),
            false => error,
        };
    };
    let keys = [&SqlState::FOREIGN_KEY_VIOLATION, &SqlState::UNIQUE_VIOLATION];
    if let Some(detail) = db.detail().filter(|_| keys.contains(&db.code())) {
        error = error.because(detail);
    }
    // After a colon the value itself is told.
    let place = db.where_().and_then(|place| place.lines().find(|line| line.starts_with("COPY ")));
    if let Some(place) = place.and_then(|line| line.split(':').next()) {
        error = error.because(format!("at {place}"));
    }
    let code = db.code();
    match hint(code) {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

fn hint(code: &SqlState) -> Option<&'static str> {
    let table = [
        (
            &SqlState::LOCK_NOT_AVAILABLE,
            "Somebody is at work on these rows: see odpm incident sessions; then go on.",
        ),
        (
            &SqlState::T_R_DEADLOCK_DETECTED,
            "Somebody is at work on these rows: see odpm incident sessions; then go on.",
        ),
        (&SqlState::DISK_FULL, "The target's disk is full: make room on it, then go on."),
        (
            &SqlState::UNIQUE_VIOLATION,
            "The target has another row with this value: settle which one is right, then make the plan again.",
        ),
        (
            &SqlState::FOREIGN_KEY_VIOLATION,
            "A row refers to one that the target has not: make the plan again.",
        ),
        (&SqlState::UNDEFINED_COLUMN, "The table has changed since the plan: make it again."),
        (&SqlState::UNDEFINED_TABLE, "The table has gone since the plan: make it again."),
        (
            &SqlState::INSUFFICIENT_PRIVILEGE,
            "The role has to own the target's tables: odpm database ensure-role",
        ),
        (
            &SqlState::ADMIN_SHUTDOWN,
            "A server was stopped, or the session ended: see whether both run, then go on.",
        ),
    ];
    table.into_iter().find(|(known, _)| *known == code).map(|(_, hint)| hint)
}
