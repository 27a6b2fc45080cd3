//! `migrate`: a project's own sets of tables that go from one database to another.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// Migrations from one database to another.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MigrateFile {
    /// Sets of tables, by name; one that is called as a shipped one takes its place.
    pub sets: Option<BTreeMap<String, SetFile>>,
}

/// A set of tables.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetFile {
    /// Its tables; `%` at the end of a name is for whatever follows.
    pub tables: Option<Vec<String>>,
    /// Other sets that are part of it, shipped ones or the project's own.
    pub include: Option<Vec<String>>,
    /// Which rows of a table come: a condition of SQL's on its columns. All of them without one.
    #[serde(rename = "where")]
    pub filters: Option<BTreeMap<String, String>>,
}

/// `migrate`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Migrate {
    /// Sets of tables, by name.
    pub sets: BTreeMap<String, MigrationSet>,
}

/// A set of tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MigrationSet {
    /// Its tables; `%` at the end of a name is for whatever follows.
    pub tables: Vec<String>,
    /// Other sets that are part of it.
    pub include: Vec<String>,
    /// Conditions on rows, by table.
    pub filters: BTreeMap<String, String>,
}

/// The part of the project.
pub fn build(file: Option<MigrateFile>) -> Migrate {
    let sets = file.and_then(|file| file.sets).unwrap_or_default();
    let set = |set: SetFile| MigrationSet {
        tables: set.tables.unwrap_or_default(),
        include: set.include.unwrap_or_default(),
        filters: set.filters.unwrap_or_default(),
    };
    Migrate { sets: sets.into_iter().map(|(name, file)| (name, set(file))).collect() }
}
