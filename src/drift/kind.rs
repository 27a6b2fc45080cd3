//! The kinds of drift, and how grave each is.

use serde::{Deserialize, Serialize};

/// How grave a difference is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth saying.
    Info,
    /// A warning.
    Low,
    /// A person has to agree.
    Medium,
    /// Nothing starts until a person has agreed.
    High,
}

impl Severity {
    /// The severity as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// Whether a person has to agree before anything is done.
    pub fn needs_a_person(self) -> bool {
        self >= Self::Medium
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident $name:literal $severity:ident,)*) => {
        /// What is different.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            schemars::JsonSchema,
        )]
        pub enum Kind { $($(#[$doc])* #[serde(rename = $name)] $variant,)* }

        impl Kind {
            /// Every kind, in the order in which they are reported.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The kind as it is written: on the command line, in JSON, in messages.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// How grave it is, unless [`compare`](super::compare) knows better in one instance.
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }
        }
    };
}

kinds! {
    /// Nothing is recorded yet.
    FirstRun "first_run" Info,
    /// Another cluster than the recorded one stands in the data directory.
    ClusterIdentity "cluster_identity" High,
    /// The data directory is at another place.
    DataPath "data_path" High,
    /// The major version of PostgreSQL is another.
    PostgresMajor "postgres_major" High,
    /// The application role does not exist.
    AppRoleMissing "app_role_missing" High,
    /// The application role cannot log in with the project's password.
    AppRoleLogin "app_role_login" High,
    /// The data directory was empty and is not, or the other way round.
    DataDirEmptyChanged "data_dir_empty_changed" Medium,
    /// Another scenario.
    OdpmScenario "odpm_scenario" Medium,
    /// Another application role.
    AppRole "app_role" Medium,
    /// Another engine runs the services.
    Engine "engine" Medium,
    /// The PostgreSQL service has another name.
    ServiceName "service_name" Low,
    /// The Odoo service has another name.
    OdooServiceName "odoo_service_name" Low,
    /// The Compose project has another name.
    ComposeProjectName "compose_project_name" Low,
    /// Another image tag of the same major.
    ImageTag "image_tag" Low,
    /// Another port on the host.
    HostPort "host_port" Low,
    /// `odoo.conf` names another database host than the project's.
    DbHostMismatch "db_host_mismatch" Low,
    /// Odoo reaches the database on another port.
    DbPort "db_port" Low,
    /// Odoo logs in as somebody else.
    DbUser "db_user" Low,
    /// The application role is the cluster's bootstrap superuser, which cannot be demoted.
    SuperuserAppRole "superuser_app_role" Low,
    /// Containers of this project were left over under a name that it no longer has.
    Orphans "orphans" Low,
}

impl Kind {
    /// Reads a kind as it is written.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }
}
