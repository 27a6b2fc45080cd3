//! Secrets and references to them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A secret value. It cannot be serialised and shows itself as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value that must not be shown.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself; call it only where it leaves for the server or a private file.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Whether a name - of an option, a variable, a key - tells that its value must not be shown.
pub fn is_secret_name(name: &str) -> bool {
    let name = name.to_lowercase();
    ["password", "passwd", "smtp_pass", "secret", "token", "api_key", "private_key", "signature_key"]
        .iter()
        .any(|word| name.contains(word))
}

/// Whether a column of a table holds what must not be shown.
pub fn is_secret_column(table: &str, column: &str) -> bool {
    let keyed = [("ir_config_parameter", "value"), ("res_users_apikeys", "key")];
    is_secret_name(column) || keyed.contains(&(table, column))
}

/// Where a secret is found when the step that needs it runs. Plans and journals hold only this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum SecretRef {
    /// The password of the application role, from `odpm.yaml` (`postgres.password`), `.env` or the environment.
    AppPassword,
    /// The password of the administrative role, kept by odpm in `.odpm/secrets/`.
    AdminPassword,
    /// The new password of Odoo's administrator, given with the command and kept nowhere.
    OdooAdmin,
    /// A key of pgBackRest's repositories, from the project.
    RepositoryKey {
        /// pgBackRest's name for it.
        option: String,
    },
    /// The password of a role on another server, or in another project: from `PGPASSWORD`, `~/.pgpass`, or that project.
    Remote {
        /// The place, as it is known without its password: a URL, or a folder with its database.
        place: String,
        /// Who logs in there.
        role: String,
    },
    /// The value of a secret option of `odoo.conf`, from the project.
    OdooConf {
        /// The option.
        option: String,
    },
}
