//! Steps on whole databases.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Endpoint, PullImage, ServiceSpec};
use crate::base::SecretRef;

/// Who looks after databases, and where PostgreSQL's own programs are for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Operator {
    /// The server.
    pub endpoint: Endpoint,
    /// The role: the administrative one where there is one, else the application's.
    pub role: String,
    /// Its password.
    pub secret: SecretRef,
    /// The role that owns databases and loads backups into them.
    pub app_role: String,
    /// Its password.
    pub app: SecretRef,
    /// Where `pg_dump` and `pg_restore` are.
    pub programs: Programs,
}

/// Where PostgreSQL's client programs are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "engine", rename_all = "snake_case")]
pub enum Programs {
    /// In a folder of this machine.
    Local {
        /// The folder.
        bin_dir: PathBuf,
    },
    /// In an image, run beside the server.
    Image {
        /// The image.
        image: String,
        /// The Compose project.
        project: String,
        /// The service of the server; `None` for a server elsewhere.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        service: Option<String>,
    },
}

/// Gives a copied database a `database.uuid` and a `database.secret` of its own, so that it is not taken for the original.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RenewIdentity {
    /// Who does it.
    pub operator: Operator,
    /// The database.
    pub database: String,
}

/// Switches off, in SQL, what a database does to the world outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Neutralize {
    /// Who does it.
    pub operator: Operator,
    /// The database.
    pub database: String,
    /// Folders with addons, in which installed modules may have a `data/neutralize.sql`.
    pub addons: Vec<PathBuf>,
    /// The image that has Odoo's own addons, for the docker engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<PullImage>,
}

/// Compares a database with what is recorded of its backup: owner, extensions, rows of key tables, sequences, files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CheckDatabase {
    /// Who looks.
    pub operator: Operator,
    /// The database.
    pub database: String,
    /// The backup that it was made from.
    pub backup: PathBuf,
    /// The folder of its files, where they were restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<PathBuf>,
    /// What is on record of the database before an upgrade: what was odd about it then is no fault of the backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<PathBuf>,
}

/// Renames a database and its folder in the filestore; sessions are ended, new ones wait.
///
/// A database that has the wanted name already gets the name in `keep` in the same transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct MoveDatabase {
    /// Who does it.
    pub operator: Operator,
    /// Its name now.
    pub from: String,
    /// Its name then.
    pub to: String,
    /// What the database has to be, where another one may have got its name: PostgreSQL's number for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<u32>,
    /// The name that whatever has that name now is kept under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<String>,
    /// What that one has to be, where another one may have got the name since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_expect: Option<u32>,
    /// What is written on that one then.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub keep_mark: String,
    /// Whether it takes connections then.
    pub open: bool,
    /// What is written on it then; nothing when empty.
    pub mark: String,
    /// The folder above the databases' folders of files.
    pub filestore: PathBuf,
}

/// Copies a database, by template, and its files, by hard links where that can be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DuplicateDatabase {
    /// Who does it.
    pub operator: Operator,
    /// The original.
    pub from: String,
    /// The copy.
    pub to: String,
    /// What is written on the copy while it is made.
    pub mark: String,
    /// Whether the original takes no connections afterwards.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_closed: bool,
    /// The folder above the databases' folders of files.
    pub filestore: PathBuf,
}

/// Has a database take no writes but odpm's own, or take them again. Whoever is connected is sent away: a session keeps what it
/// began with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct HoldTraffic {
    /// Who does it.
    pub operator: Operator,
    /// The database.
    pub database: String,
    /// Whether writes are held back.
    pub hold: bool,
}

/// Drops a database and its folder in the filestore; one that is gone already stays gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DropDatabase {
    /// Who does it.
    pub operator: Operator,
    /// Its name.
    pub name: String,
    /// The folder above the databases' folders of files.
    pub filestore: PathBuf,
}

/// Has Odoo install and update modules in a database, and end.
///
/// Odoo ends well whatever happens to a module whose name it does not know, and makes a database that is not there: so the
/// database has to be there, its log may hold no error, and the modules have to be installed afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct UpdateModules {
    /// Who looks at the modules afterwards.
    pub operator: Operator,
    /// How Odoo is run.
    pub service: ServiceSpec,
    /// The database.
    pub database: String,
    /// Modules to install.
    pub install: Vec<String>,
    /// Modules to update.
    pub update: Vec<String>,
    /// The file that Odoo's log goes to.
    pub log: PathBuf,
}

/// Sets the login and the password of the administrator (user 2), hashed as Odoo does it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SetPassword {
    /// Who does it.
    pub operator: Operator,
    /// The database.
    pub database: String,
    /// The login.
    pub login: String,
    /// The password.
    pub secret: SecretRef,
}
