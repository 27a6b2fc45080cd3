//! [`Live`]: what the running server answers.

use serde::Serialize;

use super::Known;

/// What the running server answers over TCP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Live {
    /// Whether it accepts connections.
    pub ready: Known<bool>,
    /// Its version: `15.18`.
    pub version: Known<String>,
    /// Whether the application role exists.
    pub role_present: Known<bool>,
    /// Whether the application role can log in over TCP with the project's password.
    pub role_login: Known<bool>,
    /// Whether the application role is as it has to be: no superuser, and may create databases.
    pub role_fit: Known<bool>,
    /// Whether it is the cluster's bootstrap superuser, which PostgreSQL lets nobody demote.
    pub role_bootstrap: Known<bool>,
    /// Those of the wanted extensions that `template1` lacks.
    pub missing_extensions: Known<Vec<String>>,
    /// Whether the administrative role of odpm can log in.
    pub admin_login: Known<bool>,
    /// PostgreSQL's name for the cluster.
    pub system_identifier: Known<u64>,
}

impl Live {
    /// Nothing was asked, for the reason given.
    pub fn unknown(why: &str) -> Self {
        let why = || why.to_owned();
        Self {
            ready: Known::Unknown(why()),
            version: Known::Unknown(why()),
            role_present: Known::Unknown(why()),
            role_login: Known::Unknown(why()),
            role_fit: Known::Unknown(why()),
            role_bootstrap: Known::Unknown(why()),
            missing_extensions: Known::Unknown(why()),
            admin_login: Known::Unknown(why()),
            system_identifier: Known::Unknown(why()),
        }
    }

    /// The server does not run.
    pub fn stopped() -> Self {
        Self { ready: Known::Known(false), ..Self::unknown("the server is not running") }
    }
}
