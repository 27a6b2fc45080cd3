//! What effects may touch, in one bundle: files, the engine, the database, secrets, the clock, the journal.
//!
//! Each part is a small trait with a real implementation and a fake one; the fake can stop dead at any
//! durable point, which is how the crash tests work. Nothing here decides, and nothing above `apply`
//! gets a [`World`].

pub mod clusters;
pub mod databases;
#[cfg(test)]
pub mod fake;
mod real;

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::base::{Meter, Secret, SecretRef};
use crate::engine::{Engine, EngineFuture};
use crate::error::Result;
use crate::facts::{Baseline, Companion, Owner};
use crate::plan::Record;
use crate::step::{EnsureRoles, VerifyLogin};

pub use clusters::Clusters;
pub use databases::{Databases, Ended, FilesCarried, Hands, ScriptDone, WrittenBack};
pub use real::{RealJournal, real};

/// Files and folders.
pub trait Files {
    /// The text of a file; `None` when there is none.
    fn read(&self, path: &Path) -> Result<Option<String>>;
    /// Replaces a file, or makes it with these permission bits; makes the folders above it.
    fn write(&self, path: &Path, text: &str, mode: u32) -> Result<()>;
    /// Replaces a file, or makes it, that nobody but one account reads; odpm's own when `None`.
    fn write_private(&self, path: &Path, text: &str, owner: Option<Owner>) -> Result<()>;
    /// Keeps a copy of the file as this run found it; only the first time, and only where there is one.
    fn keep(&self, path: &Path) -> Result<()>;
    /// Where that copy is; `None` when this run found no file there.
    fn kept(&self, path: &Path) -> Option<PathBuf>;
    /// Removes a file; one that is gone already stays gone.
    fn remove(&self, path: &Path) -> Result<()>;
    /// Makes a folder; tells whether it had to.
    fn make_dir(&self, step: &crate::step::MakeDir) -> Result<bool>;
    /// Replaces the baseline and its companion.
    fn record(&self, baseline: &Baseline, companion: &Companion) -> Result<()>;
    /// The files of the baseline and its companion.
    fn baseline_files(&self) -> [PathBuf; 2];
}

/// The running server.
pub trait Database {
    /// Creates or mends roles and extensions; tells what it did, one phrase each.
    fn ensure_roles<'a>(
        &'a self,
        step: &'a EnsureRoles,
        admin: &'a Secret,
        app: &'a Secret,
    ) -> EngineFuture<'a, Vec<String>>;
    /// Logs in over TCP.
    fn verify_login<'a>(&'a self, step: &'a VerifyLogin, secret: &'a Secret) -> EngineFuture<'a, ()>;
    /// PostgreSQL's name for the cluster.
    fn system_identifier<'a>(
        &'a self,
        step: &'a crate::step::RecordBaseline,
        secret: &'a Secret,
    ) -> EngineFuture<'a, u64>;
    /// The statements that give a stopped cluster its administrative role.
    fn bootstrap_statements(&self, admin_role: &str, admin: &Secret) -> Result<Vec<String>>;
}

/// Secrets.
pub trait Secrets {
    /// The secret, where there is one.
    fn find(&self, secret: &SecretRef) -> Result<Option<Secret>>;
    /// Makes it unless there is one; tells whether it had to.
    fn generate(&self, secret: &SecretRef) -> Result<bool>;
}

/// The journal of the run.
pub trait Log {
    /// Adds a record; it is on disk when this returns.
    fn append(&mut self, record: Record) -> Result<()>;
}

/// The clock.
pub trait Clock {
    /// The moment.
    fn now(&self) -> Timestamp;
}

/// Everything that effects may touch.
pub struct World {
    /// Files and folders.
    pub files: Box<dyn Files>,
    /// What runs services.
    pub engine: Box<dyn Engine>,
    /// The running server.
    pub database: Box<dyn Database>,
    /// Whole databases and their backups.
    pub databases: Box<dyn Databases>,
    /// The whole cluster: its archive, its sidecars.
    pub clusters: Box<dyn Clusters>,
    /// Secrets.
    pub secrets: Box<dyn Secrets>,
    /// The clock.
    pub clock: Box<dyn Clock>,
    /// How far the step at hand has come.
    pub meter: Meter,
}

impl World {
    /// What work on databases needs beside its step.
    pub fn hands<'a>(&'a self, operator: &crate::step::Operator) -> Result<Hands<'a>> {
        Ok(Hands {
            engine: self.engine.as_ref(),
            operator: self.secret(&operator.secret)?,
            app: self.secret(&operator.app)?,
            meter: self.meter.clone(),
        })
    }

    /// The secret that a step names.
    pub fn secret(&self, secret: &SecretRef) -> Result<Secret> {
        self.secrets.find(secret)?.ok_or_else(|| crate::state::missing(secret))
    }
}
