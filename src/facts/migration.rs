//! The two databases of a migration, as each was seen.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::{ModuleInDatabase, SessionSeen, Wiring, XmlIdCopy};

/// One of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SideSeen {
    /// As the person has named it, without a password: `staging`, `../staging`, `postgres://odoo@db.example/staging`.
    pub place: String,
    /// The database.
    pub database: String,
    /// Which database it is: the cluster's identifier and the database's oid.
    pub identity: String,
    /// PostgreSQL's major version.
    pub major: u32,
    /// The encoding of its texts: `UTF8`.
    pub encoding: String,
    /// Odoo's own id of it, `database.uuid`.
    pub uuid: Option<String>,
    /// Whether who logs in may alter every one of its tables.
    pub owned: bool,
    /// Its models, fields, tables and references.
    pub wiring: Wiring,
    /// Its modules.
    pub modules: BTreeMap<String, ModuleInDatabase>,
    /// Its tables, as far as `wiring` does not tell.
    pub structure: BTreeMap<String, Structure>,
    /// Its xml ids.
    pub xml_ids: Vec<XmlIdCopy>,
    /// The sequences that number documents.
    pub sequences: BTreeSet<String>,
    /// Who else is connected to it.
    pub sessions: Vec<SessionSeen>,
    /// How many large objects it has.
    pub large_objects: u64,
    /// The folder of its files, where odpm can reach it.
    pub filestore: Option<PathBuf>,
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Structure {
    /// Columns that may not be empty.
    pub required: BTreeSet<String>,
    /// What of it has to be unique.
    pub unique: Vec<UniqueSeen>,
    /// Triggers of people's own.
    pub triggers: Vec<String>,
    /// Tables that inherit from it.
    pub children: Vec<String>,
    /// Bytes of its rows, without indexes.
    pub bytes: u64,
}

/// Something that has to be unique among a table's rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UniqueSeen {
    /// The index.
    pub name: String,
    /// What has to be unique together: columns, quoted, and expressions.
    pub terms: Vec<String>,
    /// Which rows it is about; all of them without one.
    pub predicate: Option<String>,
    /// Whether rows with nothing in one of the terms are alike, too.
    pub nulls_alike: bool,
    /// Whether it is the primary key.
    pub primary: bool,
}
