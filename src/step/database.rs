//! Steps on roles and logins.

use serde::{Deserialize, Serialize};

use crate::base::SecretRef;
use crate::project::Tls;

/// Where a server answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Endpoint {
    /// A host name or address.
    pub host: String,
    /// A TCP port.
    pub port: u16,
    /// How the connection is protected; not at all when `None`, as on this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// The container inside which it answers, for a server that is reached in no other way: its name or id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
}

/// Creates or mends the roles, and makes extensions available to new databases.
///
/// The administrative role becomes LOGIN SUPERUSER, the application role LOGIN CREATEDB and not a
/// superuser. No database changes its owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct EnsureRoles {
    /// The server.
    pub endpoint: Endpoint,
    /// The administrative role.
    pub admin_role: String,
    /// Its password.
    pub admin: SecretRef,
    /// The application role.
    pub app_role: String,
    /// Its password.
    pub app: SecretRef,
    /// Extensions of `template1`.
    pub extensions: Vec<String>,
}

/// Logs in as the application role over TCP and asks `SELECT 1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct VerifyLogin {
    /// The server.
    pub endpoint: Endpoint,
    /// The role.
    pub role: String,
    /// Its password.
    pub secret: SecretRef,
    /// The database.
    pub database: String,
}
