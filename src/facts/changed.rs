//! Changes that were found and written down, for a plan that undoes them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::base::Digest;
use crate::rows::Section;

/// A file of changes, and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The database.
    pub database: String,
    /// The file: altered fields that can be written back, one row a line, ordered by model and id.
    pub path: PathBuf,
    /// The SHA-256 of it.
    pub sha256: Digest,
    /// The models of the database at hand, with the fields that can be written.
    pub sections: Vec<Section>,
    /// How many rows, by model and field.
    pub counts: BTreeMap<String, u64>,
    /// Fields that differ and cannot be written back: with how many rows.
    pub unwritable: BTreeMap<String, u64>,
    /// Rows that came, by model.
    pub came: BTreeMap<String, u64>,
    /// Rows that went, by model.
    pub gone: BTreeMap<String, u64>,
}
