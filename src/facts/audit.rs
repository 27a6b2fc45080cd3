//! Who may do what in a server, what it writes down, which drills were held: for an audit.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Known;

/// The role of PostgreSQL's own whose members write every table.
pub const WRITE_ALL: &str = "pg_write_all_data";

/// Roles of PostgreSQL's own that let their members read, write and run as the server does, or write every table.
pub const POWERFUL: [&str; 4] =
    ["pg_execute_server_program", "pg_read_server_files", "pg_write_server_files", WRITE_ALL];

/// Settings that say what a server writes down.
pub const LOGGING: [&str; 8] = [
    "log_destination",
    "log_line_prefix",
    "log_min_duration_statement",
    "log_statement",
    "log_connections",
    "log_lock_waits",
    "track_commit_timestamp",
    "shared_preload_libraries",
];

/// A role. What it logs in with is never asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleSeen {
    /// Its name.
    pub name: String,
    /// Whether the cluster was made with it: PostgreSQL never demotes it.
    pub bootstrap: bool,
    /// Whether it may log in.
    pub login: bool,
    /// Whether nothing stops it.
    pub superuser: bool,
    /// Whether it may make and change roles.
    pub createrole: bool,
    /// Whether it sees rows that policies hide.
    pub bypassrls: bool,
    /// Those of [`POWERFUL`], the application role and superusers whose member it is, through others too.
    pub member_of: Vec<String>,
}

/// Tables of a database that somebody else than the application role owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignTables {
    /// Who.
    pub owner: String,
    /// How many.
    pub tables: u64,
    /// How many of them are tables of Odoo's models.
    pub models: u64,
    /// The first few.
    pub some: Vec<String>,
}

/// What a role may write in the application role's tables by what was granted to it, to roles that it belongs to, or to all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteGrants {
    /// The role; `None` for everybody.
    pub role: Option<String>,
    /// In how many tables it may insert, update, delete or truncate.
    pub tables: u64,
    /// In how many of them it may delete or truncate.
    pub removes: u64,
    /// The first few.
    pub some: Vec<String>,
}

/// The Odoo database as an audit sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Its name.
    pub database: String,
    /// Its owner.
    pub owner: String,
    /// Tables of somebody else's.
    pub foreign: Vec<ForeignTables>,
    /// How many tables the application role owns.
    pub tables: u64,
    /// Who else may write them; neither superusers nor members of a role that writes all of them.
    pub grants: Vec<WriteGrants>,
    /// Whether `pg_stat_statements` is made in it.
    pub statements: bool,
}

/// A line of `pg_hba.conf`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoginRule {
    /// Its number.
    pub line: i32,
    /// `local`, `host`, `hostssl`.
    pub kind: String,
    /// The databases.
    pub databases: Vec<String>,
    /// The roles.
    pub roles: Vec<String>,
    /// From where; empty for the socket.
    pub address: String,
    /// Its mask, where the address is a number.
    pub mask: String,
    /// `scram-sha-256`, `trust`.
    pub method: String,
    /// What is wrong with it.
    pub error: Option<String>,
}

/// What a server writes down, and could.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logging {
    /// [`LOGGING`], as they are in force.
    pub settings: BTreeMap<String, String>,
    /// Whether the server has `pg_stat_statements` to load.
    pub statements: bool,
}

/// What was practised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DrillKind {
    /// A backup was restored on trial.
    #[default]
    Restore,
    /// A sidecar was recovered on trial.
    Sidecar,
    /// Something that this odpm knows nothing of.
    #[serde(other)]
    Other,
}

/// A drill that passed: what every line of `drills.jsonl` says, whatever else it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct DrillSeen {
    /// What was practised; a restore where nothing is said.
    #[serde(default)]
    pub kind: DrillKind,
    /// When it began.
    pub begun: Timestamp,
}

/// What an audit looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditSeen {
    /// The roles but PostgreSQL's own.
    pub roles: Known<Vec<RoleSeen>>,
    /// The Odoo database.
    pub holdings: Known<Holdings>,
    /// Who gets in, and how.
    pub logins: Known<Vec<LoginRule>>,
    /// What is written down.
    pub logging: Known<Logging>,
    /// The last drill of each kind.
    pub drills: Vec<DrillSeen>,
    /// How many backups of odpm's there are.
    pub backups: usize,
}

impl AuditSeen {
    /// The last drill of a kind.
    pub fn last(&self, kind: DrillKind) -> Option<Timestamp> {
        self.drills.iter().filter(|drill| drill.kind == kind).map(|drill| drill.begun).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_a_kind_is_a_restore() {
        let kind = |text: &str| serde_json::from_str::<DrillSeen>(text).ok().map(|drill| drill.kind);
        let old =
            r#"{"backup":"/b/shop.zip","database":"shop","begun":"2026-11-20T21:13:33+00:00","seconds":3}"#;
        assert_eq!(kind(old), Some(DrillKind::Restore));
        assert_eq!(kind(r#"{"kind":"sidecar","begun":"2026-11-20T21:13:33Z"}"#), Some(DrillKind::Sidecar));
        assert_eq!(kind(r#"{"kind":"fire","begun":"2026-11-20T21:13:33Z"}"#), Some(DrillKind::Other));
        assert_eq!(kind(r#"{"kind":"sidecar"}"#), None);
    }
}
