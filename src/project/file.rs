//! The form of `odpm.yaml`, as types. Its JSON Schema is generated from them; [`check`](super::check) reads
//! the file along that schema.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::archive::ArchiveFile;
use super::checks::CheckFile;
use super::incident::IncidentFile;
use super::migrate::MigrateFile;
use super::upgrade::UpgradeFile;
use super::watchdog::WatchdogFile;
use super::{EngineKind, Scenario, SslMode};

/// A word that YAML would take for a number or a truth value, kept as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Word(pub String);

impl JsonSchema for Word {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Word".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["string", "number", "boolean"] })
    }

    fn inline_schema() -> bool {
        true
    }
}

/// odpm.yaml: the stack, odoo.conf and the cluster of one Odoo project.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "odpm.yaml")]
pub struct ProjectFile {
    /// The version of this file's form: 1.
    #[schemars(range(min = 1, max = 1))]
    #[expect(dead_code, reason = "the schema has checked it")]
    pub version: u8,
    /// The project's name: lower-case letters, digits, `-` and `_`.
    pub name: String,
    /// Where the project runs; ODPM_SCENARIO wins. `developer` unless given.
    pub scenario: Option<Scenario>,
    /// What runs the services. `docker` unless given.
    pub engine: Option<EngineKind>,
    /// Odoo.
    pub odoo: OdooFile,
    /// PostgreSQL.
    pub postgres: PostgresFile,
    /// Backups.
    pub backup: Option<BackupFile>,
    /// Recovery to a moment.
    pub archive: Option<ArchiveFile>,
    /// The watchdog.
    pub watchdog: Option<WatchdogFile>,
    /// Incidents.
    pub incident: Option<IncidentFile>,
    /// Upgrades of modules.
    pub upgrade: Option<UpgradeFile>,
    /// Migrations from one database to another.
    pub migrate: Option<MigrateFile>,
    /// What has to hold, by names: a query that returns the rows that break it, or a map with `sql`, `http` or `shell`.
    pub checks: Option<BTreeMap<String, CheckFile>>,
}

/// Odoo.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OdooFile {
    /// The series: 18.0.
    pub version: Word,
    /// The image; `odoo:VERSION` unless given.
    pub image: Option<String>,
    /// A source tree with odoo-bin, from which the local engine runs Odoo.
    pub source: Option<String>,
    /// Further addons folders, in order.
    pub addons: Option<Vec<String>>,
    /// Odoo's files; ./data/odoo unless given.
    pub data_dir: Option<String>,
    /// The named volume with Odoo's files, for the docker engine: NAME, or NAME/FOLDER.
    pub volume: Option<String>,
    /// The database that Odoo serves.
    pub database: Option<String>,
    /// Modules to install and to update.
    pub modules: Option<ModulesFile>,
    /// The services of Odoo.
    pub services: Option<ServicesFile>,
    /// Options of odoo.conf.
    pub conf: Option<BTreeMap<String, Word>>,
}

/// Modules.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModulesFile {
    /// Those that are installed.
    pub install: Option<Vec<String>>,
    /// Those that are updated.
    pub update: Option<Vec<String>>,
}

/// The services of Odoo.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServicesFile {
    /// The one that people use; on port 8069, once, unless given.
    pub odoo: Option<ServiceFile>,
    /// The one that runs scheduled actions; once unless given.
    #[serde(rename = "odoo-cron")]
    pub odoo_cron: Option<ServiceFile>,
    /// Further ones; none unless given.
    #[serde(rename = "odoo-worker")]
    pub odoo_worker: Option<ServiceFile>,
}

/// A service of Odoo.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceFile {
    /// Its HTTP port on this machine.
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// How many of it; 0 keeps it stopped.
    pub replicas: Option<u16>,
    /// Further arguments of odoo-bin.
    pub args: Option<Vec<Word>>,
    /// The most memory that one of it may use in its container: 2g, 512m.
    pub memory: Option<Word>,
    /// How many seconds its start may take; 300 unless given.
    #[schemars(range(min = 1))]
    pub start_timeout: Option<u32>,
}

/// PostgreSQL.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostgresFile {
    /// The version, of which the major counts: 16, 16.4, 16-alpine.
    pub version: Word,
    /// The image; `postgres:VERSION` unless given.
    pub image: Option<String>,
    /// The service's name; POSTGRES_SERVICE_NAME wins. `db` unless given.
    pub service: Option<String>,
    /// The data directory; ./data/postgres unless given.
    pub data: Option<String>,
    /// The named volume with the data directory, for the docker engine: NAME, or NAME/FOLDER.
    pub volume: Option<String>,
    /// The port on this machine; 5432 unless given.
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// The role that Odoo logs in as; `odoo` unless given.
    pub role: Option<String>,
    /// Its password, best as ${VARIABLE}; odpm makes one and keeps it unless given.
    pub password: Option<Word>,
    /// The most memory that it may use in its container: 2g, 512m.
    pub memory: Option<Word>,
    /// How many seconds a start may take, a recovery after a crash included; 300 unless given.
    #[schemars(range(min = 1))]
    pub start_timeout: Option<u32>,
    /// Options of postgresql.conf.
    pub settings: Option<BTreeMap<String, Word>>,
    /// A server elsewhere, that odpm does not run: a managed service, a cluster of its own.
    pub external: Option<ExternalFile>,
    /// The folder of PostgreSQL's programs, for the local engine; found by itself unless given.
    pub bin_dir: Option<String>,
}

/// A server elsewhere.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExternalFile {
    /// Its host name or address.
    pub host: String,
    /// Its port; 5432 unless given.
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// How the connection is protected; verify-full with sslrootcert, else require, unless given.
    pub sslmode: Option<SslMode>,
    /// The certificates that are trusted, as a PEM file; those of this machine unless given.
    pub sslrootcert: Option<String>,
    /// A role that may create roles; without one odpm creates none.
    pub admin_role: Option<String>,
    /// Its password, best as ${VARIABLE}.
    pub admin_password: Option<Word>,
}

/// Backups.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupFile {
    /// Their folder; ./backups unless given.
    pub path: Option<String>,
    /// What to keep.
    pub keep: Option<KeepFile>,
}

/// What to keep.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeepFile {
    /// The newest; 3 unless given.
    pub last: Option<u32>,
    /// One a day; 7 unless given.
    pub daily: Option<u32>,
    /// One a week; 4 unless given.
    pub weekly: Option<u32>,
    /// One a month; 6 unless given.
    pub monthly: Option<u32>,
}

/// The JSON Schema of `odpm.yaml`.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(ProjectFile).to_value()
}
