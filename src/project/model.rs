//! [`Project`]: what `odpm.yaml` describes, checked, with every default filled in and every path absolute.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::archive::Archive;
use super::checks::{Check, HttpCheck};
use super::incident::Incident;
use super::migrate::Migrate;
use super::upgrade::Upgrade;
use super::watchdog::Watchdog;
use crate::base::{Digest, PgMajor, Secret, StateDir};

/// Where the project runs; decides how much is asked before something is destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scenario {
    /// A laptop.
    Developer,
    /// A machine that other people depend on.
    Server,
    /// A pipeline.
    Ci,
}

impl Scenario {
    /// Every scenario, as it is written.
    pub const NAMES: [&str; 3] = ["developer", "server", "ci"];

    /// The scenario as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Developer => "developer",
            Self::Server => "server",
            Self::Ci => "ci",
        }
    }
}

/// What runs the services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EngineKind {
    /// Containers, through the Engine API and Compose.
    Docker,
    /// Processes of this machine.
    Local,
}

impl EngineKind {
    /// The engine as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Local => "local",
        }
    }
}

/// How a connection is protected, as libpq names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SslMode {
    /// Not at all.
    Disable,
    /// Encrypted where the server offers it.
    Prefer,
    /// Encrypted, to whomever.
    Require,
    /// Encrypted, to a server with a trusted certificate.
    VerifyCa,
    /// Encrypted, to the very host with a trusted certificate.
    VerifyFull,
}

impl SslMode {
    /// The mode as libpq and Odoo write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

/// How a connection is protected, and whom it trusts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Tls {
    /// How.
    pub mode: SslMode,
    /// The certificates that are trusted, as a PEM file; those of this machine when `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<PathBuf>,
}

/// `postgres.external`: a server elsewhere, that odpm does not run.
#[derive(Clone, Debug)]
pub struct External {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is reached.
    pub tls: Tls,
    /// A role that may create roles.
    pub admin_role: Option<String>,
    /// Its password.
    pub admin_password: Option<Secret>,
}

impl External {
    /// `host:port`: where the baseline says that the data is.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// What `odpm.yaml` and its `.env` describe.
#[derive(Clone, Debug)]
pub struct Project {
    /// The folder of `odpm.yaml`, canonical. State lives in `.odpm/` below it.
    pub root: PathBuf,
    /// The path of `odpm.yaml`.
    pub file: PathBuf,
    /// `name`: lower-case letters, digits, `-` and `_`, starting with a letter or digit.
    pub name: String,
    /// `scenario`; `ODPM_SCENARIO` wins.
    pub scenario: Scenario,
    /// `engine`.
    pub engine: EngineKind,
    /// `ODPM_COMPOSE_PREFIX`: prefixes service names and is the Compose project name.
    pub prefix: Option<String>,
    /// `odoo`.
    pub odoo: Odoo,
    /// `postgres`.
    pub postgres: Postgres,
    /// `backup`.
    pub backup: Backup,
    /// `archive`; `None` where the cluster's log is not kept.
    pub archive: Option<Archive>,
    /// `watchdog`.
    pub watchdog: Watchdog,
    /// `incident`.
    pub incident: Incident,
    /// `upgrade`.
    pub upgrade: Upgrade,
    /// `migrate`.
    pub migrate: Migrate,
    /// `checks`: what has to hold, by names.
    pub checks: BTreeMap<String, Check>,
    /// Digest of `odpm.yaml`, `.env` and the variables of the environment that were used. Holds
    /// passwords only in this hashed form.
    pub inputs: Digest,
}

impl Project {
    /// The Compose project name: the prefix, else the name.
    pub fn compose_project(&self) -> &str {
        self.prefix.as_deref().unwrap_or(&self.name)
    }

    /// The name of a service as it runs: with the prefix where there is one (`acme-db`).
    pub fn service_name(&self, service: &str) -> String {
        match &self.prefix {
            Some(prefix) => format!("{prefix}-{service}"),
            None => service.to_owned(),
        }
    }

    /// The name of the PostgreSQL service as it runs. The prefix wins over `POSTGRES_SERVICE_NAME`.
    pub fn postgres_service(&self) -> String {
        match &self.prefix {
            Some(prefix) => format!("{prefix}-db"),
            None => self.postgres.service.clone(),
        }
    }

    /// Where Odoo reaches the database: `db_host` and `db_port` of `odoo.conf`.
    pub fn db_address(&self) -> (String, u16) {
        if let Some(external) = &self.postgres.external {
            return (external.host.clone(), external.port);
        }
        match self.engine {
            EngineKind::Docker => (self.postgres_service(), 5432),
            EngineKind::Local => ("127.0.0.1".to_owned(), self.postgres.port),
        }
    }

    /// The checks that are queries: each returns the rows that break it.
    pub fn sql_checks(&self) -> BTreeMap<String, String> {
        self.checks_of(|check| match check {
            Check::Sql(query) => Some(query.clone()),
            _ => None,
        })
    }

    /// The checks that the server answers.
    pub fn http_checks(&self) -> BTreeMap<String, HttpCheck> {
        self.checks_of(|check| match check {
            Check::Http(check) => Some(check.clone()),
            _ => None,
        })
    }

    /// The checks that are scripts for the Odoo shell.
    pub fn shell_checks(&self) -> BTreeMap<String, PathBuf> {
        self.checks_of(|check| match check {
            Check::Shell(script) => Some(script.clone()),
            _ => None,
        })
    }

    fn checks_of<T>(&self, kind: impl Fn(&Check) -> Option<T>) -> BTreeMap<String, T> {
        self.checks.iter().filter_map(|(name, check)| Some((name.clone(), kind(check)?))).collect()
    }

    /// The places of odpm's state.
    pub fn state(&self) -> StateDir {
        StateDir::of(&self.root)
    }

    /// The `odoo.conf` that odpm keeps.
    pub fn odoo_conf(&self) -> PathBuf {
        self.root.join("odoo.conf")
    }
}

/// `odoo`.
#[derive(Clone, Debug)]
pub struct Odoo {
    /// The series, as written: `18.0`.
    pub version: String,
    /// The image for the docker engine; `odoo:VERSION` unless given.
    pub image: String,
    /// A source tree with `odoo-bin`; the local engine runs Odoo from it.
    pub source: Option<PathBuf>,
    /// Further addons folders, in order.
    pub addons: Vec<PathBuf>,
    /// Odoo's `data_dir`: filestore and sessions.
    pub data_dir: PathBuf,
    /// The named volume that it lies in, for the docker engine.
    pub volume: Option<Volume>,
    /// The database that Odoo serves.
    pub database: Option<String>,
    /// `modules.install`.
    pub install: Vec<String>,
    /// `modules.update`.
    pub update: Vec<String>,
    /// The Odoo services by their plain names: `odoo`, `odoo-cron`, `odoo-worker`. Those with no
    /// replicas are here too.
    pub services: BTreeMap<String, OdooService>,
    /// `conf`: options of `odoo.conf`, as written.
    pub conf: BTreeMap<String, String>,
}

/// One of the Odoo services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OdooService {
    /// The published HTTP port; only `odoo` has one by default (8069).
    pub port: Option<u16>,
    /// How many processes or containers; 0 keeps it stopped.
    pub replicas: u16,
    /// Further arguments of `odoo-bin`.
    pub args: Vec<String>,
    /// The most memory of one container, as Compose writes it: `2g`.
    pub memory: Option<String>,
    /// How many seconds a start may take.
    pub start_timeout: u32,
}

/// A named volume of the docker engine, and the folder in it that is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Its name; the engine makes and keeps it.
    pub name: String,
    /// A folder in it; all of it when `None`.
    pub folder: Option<String>,
}

impl Volume {
    /// `NAME` or `NAME/FOLDER`.
    pub fn parse(text: &str) -> Self {
        match text.trim_end_matches('/').split_once('/') {
            Some((name, folder)) => Self { name: name.to_owned(), folder: Some(folder.to_owned()) },
            None => Self { name: text.trim_end_matches('/').to_owned(), folder: None },
        }
    }

    /// The place of its folder in a directory that holds the volume's files.
    pub fn within(&self, mountpoint: &Path) -> PathBuf {
        match &self.folder {
            Some(folder) => mountpoint.join(folder),
            None => mountpoint.to_owned(),
        }
    }

    /// Where engines keep volumes unless told otherwise.
    pub fn usual_place(&self) -> PathBuf {
        self.within(&Path::new("/var/lib/docker/volumes").join(&self.name).join("_data"))
    }
}

/// `postgres`.
#[derive(Clone, Debug)]
pub struct Postgres {
    /// The version as written: `16`, `16.4`, `16-alpine`.
    pub version: String,
    /// Its major; a version that names none is refused by validation.
    pub major: PgMajor,
    /// The image for the docker engine; `postgres:VERSION` unless given.
    pub image: String,
    /// The Compose service; `POSTGRES_SERVICE_NAME` wins. See [`Project::postgres_service`].
    pub service: String,
    /// The data directory, as this machine sees it.
    pub data: PathBuf,
    /// The named volume that it lies in, for the docker engine.
    pub volume: Option<Volume>,
    /// The port on this machine.
    pub port: u16,
    /// The application role that Odoo logs in as.
    pub role: String,
    /// Its password; odpm makes one and keeps it in `.odpm/secrets/` when none is given.
    pub password: Option<Secret>,
    /// The most memory of its container, as Compose writes it: `2g`.
    pub memory: Option<String>,
    /// How many seconds a start may take, a recovery after a crash included.
    pub start_timeout: u32,
    /// `settings`: options of `postgresql.conf`, as written.
    pub settings: BTreeMap<String, String>,
    /// A server elsewhere; then odpm runs none.
    pub external: Option<External>,
    /// Where the server's programs are, for the local engine; found by itself unless given.
    pub bin_dir: Option<PathBuf>,
}

/// `backup`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// The folder of backups.
    pub path: PathBuf,
    /// What to keep.
    pub keep: Keep,
}

/// Retention: how many of each to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// The newest, whatever their age.
    pub last: u32,
    /// One a day.
    pub daily: u32,
    /// One a week.
    pub weekly: u32,
    /// One a month.
    pub monthly: u32,
}
