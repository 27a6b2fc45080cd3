//! What an upgrade finds before it begins: the database and who is at work in it, backups and drills, room, measured rates.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{FolderSeen, Known, OdooSeen, SessionSeen};

/// What an upgrade of a database finds around it.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationSeen {
    /// When it was looked at.
    pub at: Timestamp,
    /// The database.
    pub database: String,
    /// What it is; `None` where there is none of this name.
    pub subject: Known<Option<SubjectSeen>>,
    /// Who and what is at work in it.
    pub at_work: Known<AtWork>,
    /// What is set on the database itself, which is no part of what is in it.
    pub terms: Known<DatabaseTerms>,
    /// Its newest backup of odpm's.
    pub backup: Option<LastBackup>,
    /// When a backup was last restored on trial.
    pub drilled: Option<Timestamp>,
    /// The room for a checkpoint.
    pub room: Room,
    /// What copies and restores took earlier, oldest first.
    pub rates: Vec<Rate>,
}

/// The database that is to be upgraded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectSeen {
    /// Whether it takes connections.
    pub open: bool,
    /// Its size in bytes, where the role may ask.
    pub bytes: Option<u64>,
    /// Odoo in it.
    pub odoo: Known<Option<OdooSeen>>,
}

/// Who and what is at work in a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AtWork {
    /// Its sessions but ours.
    pub sessions: Vec<WorkerSeen>,
    /// Transactions that were prepared and neither committed nor rolled back.
    pub prepared: Vec<PreparedSeen>,
    /// Replication slots of this database: their names, with whether anybody reads from them.
    pub slots: Vec<(String, bool)>,
    /// Subscriptions in this database.
    pub subscriptions: Vec<String>,
    /// Scheduled actions and queue jobs that run now.
    pub jobs: Vec<JobSeen>,
}

/// A session, and what it keeps from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerSeen {
    /// The session; the texts in its statement are masked.
    pub session: SessionSeen,
    /// Tables that it has locked, each with the lock: `res_partner RowExclusiveLock`.
    pub locks: Vec<String>,
    /// Whether our role may end it.
    pub endable: bool,
}

/// A prepared transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedSeen {
    /// Its name.
    pub name: String,
    /// Who prepared it.
    pub owner: String,
    /// When.
    pub since: Timestamp,
}

/// A scheduled action or a queue job that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobSeen {
    /// `scheduled action` or `queue job`.
    pub kind: &'static str,
    /// What it is called.
    pub name: String,
    /// The session that runs it, where that is known.
    pub pid: Option<i32>,
}

/// What is set on a database itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseTerms {
    /// Settings, each with the role that it is for; for all of them without one.
    pub settings: Vec<DatabaseSetting>,
    /// Privileges on it, but for its owner's; `None` where nobody has changed PostgreSQL's own.
    pub privileges: Option<Vec<String>>,
    /// How many sessions it takes; less than 0 for any number.
    pub connection_limit: i32,
    /// What is written on it.
    pub comment: Option<String>,
    /// Whether our role may set all of that on another database.
    pub superuser: bool,
}

/// A setting of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseSetting {
    /// The role that it is for.
    pub role: Option<String>,
    /// `work_mem=64MB`.
    pub setting: String,
}

/// The newest backup of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastBackup {
    /// Where.
    pub path: PathBuf,
    /// When its snapshot was taken.
    pub at: Timestamp,
    /// When it was last read whole, or restored on trial, and found good.
    pub verified: Option<Timestamp>,
}

/// The room for a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// Free bytes where the data directory is.
    pub data: Known<u64>,
    /// Free bytes where backups are.
    pub backups: Known<u64>,
    /// The database's files, where a copy cannot link them.
    pub unlinked: Option<FolderSeen>,
    /// What the newest fast backup took but for the files, which all of them share.
    pub fast: Option<u64>,
    /// The database's files, where no fast backup has them yet.
    pub unshared: Option<FolderSeen>,
}

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measured {
    /// A database was copied by template.
    Copy,
    /// A backup was taken.
    Backup,
    /// A backup was restored.
    Restore,
    /// Something that this odpm knows nothing of.
    #[serde(other)]
    Other,
}

/// How long something took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// What.
    pub what: Measured,
    /// The database's size in bytes.
    pub bytes: u64,
    /// How many milliseconds it took.
    pub ms: u64,
    /// When it ended: ISO 8601, UTC.
    pub at: String,
}

/// That a backup was read whole and found good: a line of `verified.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// The backup.
    pub backup: PathBuf,
    /// When: ISO 8601, UTC.
    pub at: Timestamp,
}
