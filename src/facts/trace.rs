//! What a database still knows of who wrote its rows.

use jiff::Timestamp;

/// PostgreSQL's number for the file of a table.
pub type FileNode = u32;

/// Rows of a table that were written in one minute by one user and not again since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The table.
    pub table: String,
    /// The minute's beginning.
    pub minute: Timestamp,
    /// Who wrote them: the login, where the user is known.
    pub by: Option<String>,
    /// How many were inserted then.
    pub inserted: u64,
    /// How many were updated then.
    pub updated: u64,
}

impl Trace {
    /// How many rows.
    pub fn rows(&self) -> u64 {
        self.inserted + self.updated
    }
}
