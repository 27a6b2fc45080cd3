//! Whole databases and their backups: PostgreSQL, its programs, and files, put together.

mod attempt;
mod backup;
mod carry;
mod fields;
mod modules;
mod neutralize;
mod once;
mod orm;
mod password;
mod probe;
mod recompute;
mod repair;
mod restore;
mod script;
mod tables;
mod upgrade;
mod watched;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::base::{Digest, Meter, Secret};
use crate::engine::{Engine, EngineFuture};
use crate::error::{Error, Result};
use crate::facts::{Measured, Rate};
use crate::postgres::rows::Source;
use crate::postgres::{self, Session};
use crate::process::blocking;
use crate::state::{self, cannot};
use crate::step::{
    BackupDatabase, CheckBackup, CheckDatabase, CheckTables, CloseDatabase, CompareState, CopyFiles,
    CopyTables, DamageScratch, DropDatabase, DuplicateDatabase, HandOverFiles, HoldTraffic, JudgeChange,
    LoadBackup, LoadFiles, MoveDatabase, Neutralize, Operator, ProbeOdoo, RecomputeFields, RecordDrill,
    RemoveBackup, RemoveSnapshot, RenewIdentity, RepairRows, RestoreFields, RestoreFiles, RunOdoo, RunScript,
    SetPassword, TakeSnapshot, UpdateModules,
};

pub use attempt::Ended;
pub use carry::FilesCarried;
pub use fields::WrittenBack;
pub use script::ScriptDone;

/// How long a login may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// What work on databases needs beside its step.
#[derive(Clone)]
pub struct Hands<'a> {
    /// What runs PostgreSQL's programs.
    pub engine: &'a dyn Engine,
    /// The password of the role that looks after databases.
    pub operator: Secret,
    /// The application role's.
    pub app: Secret,
    /// How far the work has come.
    pub meter: Meter,
}

/// Whole databases. What was done is told in phrases, one each.
pub trait Databases {
    /// Backs a database up.
    fn backup<'a>(&'a self, step: &'a BackupDatabase, hands: Hands<'a>) -> EngineFuture<'a, Vec<String>>;
    /// Reads a backup whole.
    fn check_backup<'a>(&'a self, step: &'a CheckBackup, hands: Hands<'a>) -> EngineFuture<'a, Vec<String>>;
    /// Makes a database and loads a backup into it.
    fn load<'a>(&'a self, step: &'a LoadBackup, hands: Hands<'a>) -> EngineFuture<'a, Vec<String>>;
    /// Puts a backup's files into a folder; how many.
    fn load_files<'a>(&'a self, step: &'a LoadFiles, meter: Meter) -> EngineFuture<'a, u64>;
    /// Puts lost files back; how many.
    fn restore_files<'a>(&'a self, step: &'a RestoreFiles, meter: Meter) -> EngineFuture<'a, u64>;
    /// Gives a copied database an identity of its own.
    fn renew<'a>(&'a self, step: &'a RenewIdentity, hands: Hands<'a>) -> EngineFuture<'a, ()>;
    /// Switches off what a database does to the world outside.
    fn neutralize<'a>(&'a self, step: &'a Neutralize, hands: Hands<'a>) -> EngineFuture<'a, Vec<String>>;
    /// Compares a database with what is recorded of its backup.
    fn check<'a>(&'a self, step: &'a CheckDatabase, hands: Hands<'a>) -> EngineFuture<'a, Vec<String>>;
    /// Renames a database with its files; PostgreSQL's numbers for it and for the one that is kept.
    fn rename<'a>(
        &'a self,
        step: &'a MoveDatabase,
        hands: Hands<'a>,
    ) -> EngineFuture<'a, (Option<u32>, Option<u32>)>;
    /// Copies a database with its files; what of its settings could not be carried over.
    fn duplicate<'a>(
        &'a self,
        step: &'a DuplicateDatabase,
        hands: Hands<'a>,
    ) -> EngineFuture<'a, Vec<String>>;
    /// Opens databases that an attempt has closed and not opened again; which.
    fn reopen<'a>(
        &'a self,
        operator: &'a Operator,
        names: Vec<&'a str>,
        hands: Hands<'a>,
    ) -> EngineFuture<'a, Vec<String>>;
    /// Drops a database with its files.
    fn drop_database<'a>(&'a self, step: &'a DropDatabase, hands: Hands<'a>) -> EngineFuture<'a, ()>;
    /// Has Odoo install and update modules.
    fn update_modules<'a>(
        &'a self,
        step: &'a UpdateModules,
        hands: Hands<'a>,
    ) -> EngineFuture<'a, Vec<String>>;
    /// Sets the administrator's login and password.
    fn set_password<'a>(
        &'a self,
        step: &'a SetPassword,
        secret: Secret,
        hands: Hands<'a>,
    ) -> EngineFuture<'a, ()>;
    /// Starts Odoo on a database, asks it, and ends it.
    fn probe<'a>(&'a self, step: &'a ProbeOdoo, hands: Hands<'a>) -> EngineFuture<'a, Vec<String>>;
    /// Removes a backup that odpm made.
    fn remove_backup<'a>(&'a self, step: &'a RemoveBackup) -> EngineFuture<'a, ()>;
    /// Puts altered fields of rows back.
    fn restore_fields<'a>(
        &'a self,
        step: &'a RestoreFields,
        hands: Hands<'a>,
    ) -> EngineFuture<'a, WrittenBack>;
    /// Damages a scratch database; what was done to it.
    fn damage_scratch<'a>(&'a self, step: &'a DamageScratch, hands: Hands<'a>) -> EngineFuture<'a, String>;
    /// Has a database take no writes, or take them again; what it took, in a phrase.
    fn hold_traffic<'a>(&'a self, step: &'a HoldTraffic, hands: Hands<'a>) -> EngineFuture<'a, String>;
    /// Takes damage to rows back.
    fn repair_rows<'a>(&'a self, step: &'a RepairRows, hands: Hands<'a>) -> EngineFuture<'a, WrittenBack>;
    /// Runs a script.
    fn run_script<'a>(&'a self, step: &'a RunScript, hands: Hands<'a>) -> EngineFuture<'a, ScriptDone>;
    /// Takes a snapshot of what is watched in a database.
    fn take_snapshot<'a>(&'a self, step: &'a TakeSnapshot, hands: Hands<'a>)
    -> EngineFuture<'a, Vec<String>>;
    /// Compares a database with its snapshot; fails where what is unexpected is to stop the run.
    fn judge_change<'a>(&'a self, step: &'a JudgeChange, hands: Hands<'a>) -> EngineFuture<'a, Vec<String>>;
    /// Removes a snapshot.
    fn remove_snapshot<'a>(&'a self, step: &'a RemoveSnapshot) -> EngineFuture<'a, ()>;
    /// Has a database take no connections, or take them again.
    fn close<'a>(&'a self, step: &'a CloseDatabase, hands: Hands<'a>) -> EngineFuture<'a, ()>;
    /// Upgrades modules, and judges what came of it.
    fn run_odoo<'a>(
        &'a self,
        step: &'a RunOdoo,
        begun: String,
        hands: Hands<'a>,
    ) -> EngineFuture<'a, Vec<String>>;
    /// Compares a database with what it was before an upgrade.
    fn compare_state<'a>(&'a self, step: &'a CompareState, hands: Hands<'a>)
    -> EngineFuture<'a, Vec<String>>;
    /// Brings files of copied attachments to another filestore.
    fn copy_files<'a>(&'a self, step: &'a CopyFiles, meter: Meter) -> EngineFuture<'a, FilesCarried>;
    /// Hands files over to Odoo's own clean-up; how many.
    fn hand_over_files<'a>(&'a self, step: &'a HandOverFiles) -> EngineFuture<'a, u64>;
    /// Hands over what a run has added that is given up; how many.
    fn leave_files<'a>(&'a self, step: &'a CopyFiles) -> EngineFuture<'a, u64>;
    /// Has Odoo compute stored fields anew.
    fn recompute<'a>(&'a self, step: &'a RecomputeFields, hands: Hands<'a>) -> EngineFuture<'a, Vec<String>>;
    /// Looks whether both databases of a migration are as they were planned for.
    fn check_tables<'a>(
        &'a self,
        step: &'a CheckTables,
        source: Secret,
        hands: Hands<'a>,
    ) -> EngineFuture<'a, Vec<String>>;
    /// How an attempt at copying rows in one transaction has ended, and what it has done.
    fn committed_tables<'a>(
        &'a self,
        step: &'a CopyTables,
        hands: Hands<'a>,
    ) -> EngineFuture<'a, Ended<Vec<String>>>;
    /// Copies rows of tables from another database, whose role has this password.
    fn copy_tables<'a>(
        &'a self,
        step: &'a CopyTables,
        source: Secret,
        hands: Hands<'a>,
    ) -> EngineFuture<'a, Vec<String>>;
    /// Records a drill that passed.
    fn record_drill<'a>(&'a self, step: &'a RecordDrill, seconds: i64) -> EngineFuture<'a, ()>;
}

/// Real ones.
pub struct RealDatabases {
    /// The file of what was measured.
    pub rates: PathBuf,
}

impl RealDatabases {
    /// Writes down how long something took: what plans say beforehand. That this fails is no reason for the work to fail.
    fn measured(&self, what: Measured, bytes: Option<u64>, begun: Instant) {
        let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let at = crate::base::time::utc_seconds(jiff::Timestamp::now());
        if let Some(bytes) = bytes {
            let _ = state::keep_rate(&self.rates, Rate { what, bytes, ms, at });
        }
    }
}

/// Refuses a file that is not the one that was planned with.
fn as_planned(path: &Path, sha256: &Digest, hint: &str) -> Result<()> {
    match state::digest_of(path)? == *sha256 {
        true => Ok(()),
        false => Err(Error::refused(format!("{} is not what was planned", path.display()))
            .because("its SHA-256 is another")
            .hint(hint)),
    }
}

/// A session of the role that looks after databases.
pub(super) async fn session(operator: &Operator, hands: &Hands<'_>, database: &str) -> Result<Session> {
    let login =
        postgres::connect(&operator.endpoint, &operator.role, &hands.operator, database, DEADLINE).await;
    login.map_err(|failure| failure.into_error(&operator.endpoint, &operator.role))
}

/// A database as the application role reads it over sessions of its own.
fn app_source(operator: &Operator, hands: &Hands<'_>, database: &str) -> Source {
    Source {
        endpoint: operator.endpoint.clone(),
        role: operator.app_role.clone(),
        secret: hands.app.clone(),
        database: database.to_owned(),
    }
}

/// A session of the application role.
async fn app_session(operator: &Operator, hands: &Hands<'_>, database: &str) -> Result<Session> {
    let login =
        postgres::connect(&operator.endpoint, &operator.app_role, &hands.app, database, DEADLINE).await;
    login.map_err(|failure| failure.into_error(&operator.endpoint, &operator.app_role))
}

impl Databases for RealDatabases {
    fn backup<'a>(&'a self, step: &'a BackupDatabase, hands: Hands<'a>) -> EngineFuture<'a, Vec<String>> {
        Box::pin(async move {
            let begun = Instant::now();
            let told = backup::backup(step, hands).await?;
            let manifest = crate::backup_file::manifest(&step.to).ok().flatten();
            self.measured(Measured::Backup, manifest.map(|manifest| manifest.database.bytes), begun);
            Ok(told)
        })
    }

    fn check_backup<'a>(&'a self, step: &'a CheckBackup, hands: Hands<'a>) -> EngineFuture<'a, Vec<String>> {
        Box::pin(backup::check(step, hands))
    }

    fn load<'a>(&'a self, step: &'a LoadBackup, hands: Hands<'a>) -> EngineFuture<'a, Vec<String>> {
        Box::pin(async move {
            let begun = Instant::now();
            let told = restore::load(step, hands).await?;
            let manifest = crate::backup_file::manifest(&step.path).ok().flatten();
            self.measured(Measured::Restore, manifest.map(|manifest| manifest.database.bytes), begun);
            Ok(told)
        })
    }

    fn load_files<'a>(&'a self, step: &'a LoadFiles, meter: Meter) -> EngineFuture<'a, u64> {
        Box::pin(restore::load_files(step, meter))
    }

    fn renew<'a>(&'a self, step: &'a RenewIdentity, hands: Hands<'a>) -> EngineFuture<'a, ()> {
        Box::pin(neutralize::renew(step, hands))
    }

    fn neutralize<'a>(&'a self, step: &'a Neutralize, hands: Hands<'a>) -> EngineFuture<'a, Vec<String>> {
        Box::pin(neutralize::neutralize(step, hands))
    }

    fn check<'a>(&'a self, step: &'a CheckDatabase, hands: Hands<'a>) -> EngineFuture<'a, Vec<String>> {
        Box::pin(restore::check(step, hands))
    }

    fn rename<'a>(
        &'a self,
        step: &'a MoveDatabase,
        hands: Hands<'a>,
    ) -> EngineFuture<'a, (Option<u32>, Option<u32>)> {
        Box::pin(restore::rename(step, hands))
    }

    fn duplicate<'a>(
        &'a self,
        step: &'a DuplicateDatabase,
        hands: Hands<'a>,
    ) -> EngineFuture<'a, Vec<String>> {
        Box::pin(async move {
            let begun = Instant::now();
            let (bytes, told) = restore::duplicate(step, hands).await?;
            self.measured(Measured::Copy, bytes, begun);
            Ok(told)
        })
    }

    fn reopen<'a>(
        &'a self,
        operator: &'a Operator,
        names: Vec<&'a str>,
        hands: Hands<'a>,
    ) -> EngineFuture<'a, Vec<String>> {
        Box::pin(async move {
            let home = session(operator, &hands, "postgres").await?;
            postgres::databases::reopen(&home, &names).await
        })
    }

    fn drop_database<'a>(&'a self, step: &'a DropDatabase, hands: Hands<'a>) -> EngineFuture<'a, ()> {
        Box::pin(restore::drop_database(step, hands))
    }

    fn update_modules<'a>(
        &'a self,
        step: &'a UpdateModules,
        hands: Hands<'a>,
    ) -> EngineFuture<'a, Vec<String>> {
        Box::pin(modules::update(step, hands))
    }

    fn set_password<'a>(
        &'a self,
        step: &'a SetPassword,
        secret: Secret,
        hands: Hands<'a>,
    ) -> EngineFuture<'a, ()> {
        Box::pin(password::set(step, secret, hands))
    }

    fn probe<'a>(&'a self, step: &'a ProbeOdoo, hands: Hands<'a>) -> EngineFuture<'a, Vec<String>> {
        Box::pin(probe::probe(step, hands))
    }

    fn remove_backup<'a>(&'a self, step: &'a RemoveBackup) -> EngineFuture<'a, ()> {
        let path = step.path.clone();
        Box::pin(blocking(move || crate::backup_file::remove(&path)))
    }

    fn restore_fields<'a>(
        &'a self,
        step: &'a RestoreFields,
        hands: Hands<'a>,
    ) -> EngineFuture<'a, WrittenBack> {
        Box::pin(fields::restore(step, hands))
    }

    fn restore_files<'a>(&'a self, step: &'a RestoreFiles, meter: Meter) -> EngineFuture<'a, u64> {
        Box::pin(repair::restore_files(step, meter))
    }

    fn damage_scratch<'a>(&'a self, step: &'a DamageScratch, hands: Hands<'a>) -> EngineFuture<'a, String> {
        Box::pin(repair::damage_scratch(step, hands))
    }

    fn hold_traffic<'a>(&'a self, step: &'a HoldTraffic, hands: Hands<'a>) -> EngineFuture<'a, String> {
        Box::pin(async move {
            let session = session(&step.operator, &hands, "postgres").await?;
            postgres::sessions::hold(&session, &step.database, step.hold).await
        })
    }

    fn repair_rows<'a>(&'a self, step: &'a RepairRows, hands: Hands<'a>) -> EngineFuture<'a, WrittenBack> {
        Box::pin(repair::repair(step, hands))
    }

    fn run_script<'a>(&'a self, step: &'a RunScript, hands: Hands<'a>) -> EngineFuture<'a, ScriptDone> {
        Box::pin(script::run(step, hands))
    }

    fn take_snapshot<'a>(
        &'a self,
        step: &'a TakeSnapshot,
        hands: Hands<'a>,
    ) -> EngineFuture<'a, Vec<String>> {
        Box::pin(watched::take(step, hands))
    }

    fn judge_change<'a>(&'a self, step: &'a JudgeChange, hands: Hands<'a>) -> EngineFuture<'a, Vec<String>> {
        Box::pin(watched::judge(step, hands))
    }

    fn remove_snapshot<'a>(&'a self, step: &'a RemoveSnapshot) -> EngineFuture<'a, ()> {
        let path = step.rows.clone();
        Box::pin(blocking(move || crate::snapshot_file::remove(&path)))
    }

    fn close<'a>(&'a self, step: &'a CloseDatabase, hands: Hands<'a>) -> EngineFuture<'a, ()> {
        Box::pin(async move {
            let home = session(&step.operator, &hands, "postgres").await?;
            postgres::databases::close(&home, &step.database, step.closed).await
        })
    }

    fn run_odoo<'a>(
        &'a self,
        step: &'a RunOdoo,
        begun: String,
        hands: Hands<'a>,
    ) -> EngineFuture<'a, Vec<String>> {
        Box::pin(upgrade::run(step, begun, hands))
    }

    fn compare_state<'a>(
        &'a self,
        step: &'a CompareState,
        hands: Hands<'a>,
    ) -> EngineFuture<'a, Vec<String>> {
        Box::pin(upgrade::compare(step, hands))
    }

    fn copy_files<'a>(&'a self, step: &'a CopyFiles, meter: Meter) -> EngineFuture<'a, FilesCarried> {
        Box::pin(carry::copy_files(step, meter))
    }

    fn hand_over_files<'a>(&'a self, step: &'a HandOverFiles) -> EngineFuture<'a, u64> {
        Box::pin(carry::hand_over(step))
    }

    fn leave_files<'a>(&'a self, step: &'a CopyFiles) -> EngineFuture<'a, u64> {
        Box::pin(carry::leave(step))
    }

    fn recompute<'a>(&'a self, step: &'a RecomputeFields, hands: Hands<'a>) -> EngineFuture<'a, Vec<String>> {
        Box::pin(recompute::recompute(step, hands))
    }

    fn check_tables<'a>(
        &'a self,
        step: &'a CheckTables,
        source: Secret,
        hands: Hands<'a>,
    ) -> EngineFuture<'a, Vec<String>> {
        Box::pin(tables::check_both(step, source, hands))
    }

    fn committed_tables<'a>(
        &'a self,
        step: &'a CopyTables,
        hands: Hands<'a>,
    ) -> EngineFuture<'a, Ended<Vec<String>>> {
        Box::pin(tables::committed(step, hands))
    }

    fn copy_tables<'a>(
        &'a self,
        step: &'a CopyTables,
        source: Secret,
        hands: Hands<'a>,
    ) -> EngineFuture<'a, Vec<String>> {
        Box::pin(tables::copy(step, source, hands))
    }

    fn record_drill<'a>(&'a self, step: &'a RecordDrill, seconds: i64) -> EngineFuture<'a, ()> {
        Box::pin(std::future::ready(restore::record_drill(step, seconds)))
    }
}
