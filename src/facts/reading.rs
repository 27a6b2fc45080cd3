//! How much is in the tables of a database at a moment, and how much was ever written there.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A table at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableReading {
    /// PostgreSQL's number for it: one that was made anew has another.
    pub oid: u32,
    /// Its rows.
    pub rows: u64,
    /// Whether they were counted; else PostgreSQL's own estimate.
    pub exact: bool,
    /// How many were ever inserted, by the server's statistics.
    pub inserted: u64,
    /// How many were ever updated.
    pub updated: u64,
    /// How many were ever deleted.
    pub deleted: u64,
}

/// The tables of a database at a moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// When, by the server's clock.
    pub at: Timestamp,
    /// PostgreSQL's name for the cluster.
    pub cluster: u64,
    /// PostgreSQL's number for the database: one that was restored has another.
    pub database: u32,
    /// When its statistics were last set back.
    pub reset: Option<Timestamp>,
    /// The tables by name; those that there are.
    pub tables: BTreeMap<String, TableReading>,
}

impl Reading {
    /// Whether both are of the same database.
    pub fn same_database(&self, other: &Self) -> bool {
        (self.cluster, self.database) == (other.cluster, other.database)
    }
}
