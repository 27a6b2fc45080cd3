//! `odpm.yaml` and `.env`, read into a [`Project`].
//!
//! Knows the file's grammar, its defaults and what may be wrong with it; reports every mistake with
//! its place. Knows nothing of the world: whether a port is free or a directory holds a cluster is
//! for `observe`.

mod archive;
mod build;
mod check;
mod checks;
mod env;
mod file;
mod incident;
mod migrate;
mod model;
mod read;
mod rules;
mod tree;
mod upgrade;
mod variables;
mod watchdog;

#[cfg(test)]
pub mod samples;
#[cfg(test)]
mod tests;

pub use archive::{Archive, ArchiveFolder, ArchiveMethod, Repositories, Repository, S3, UriStyle};
pub use checks::{Body, Check, HttpCheck, Method};
pub use env::parse as parse_env;
pub use file::json_schema;
pub use incident::Incident;
pub use migrate::{Migrate, MigrationSet};
pub use model::{
    Backup, EngineKind, External, Keep, Odoo, OdooService, Postgres, Project, Scenario, SslMode, Tls, Volume,
};
pub use read::{Sources, read};
pub use rules::MANAGED;
pub use upgrade::{Allowed, CheckpointKind, Upgrade};
pub use watchdog::{ChangeKind, Expect, Watchdog, seconds};
