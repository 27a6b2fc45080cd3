//! The closed set of steps: every change that odpm can make to the world, as data.
//!
//! A step carries every parameter that it needs, except secrets, which are [`SecretRef`]s resolved
//! when it runs. What a step does is written once, in `apply::steps`; why it is needed is said by the
//! planner that asks for it. Nothing here acts or decides.

mod backup;
mod cluster;
mod copy;
mod database;
mod databases;
mod docker;
mod files;
mod probe;
mod record;
mod rows;
mod script;
mod server;
mod upgrade;
mod watch;

use serde::{Deserialize, Serialize};

pub use crate::base::SecretRef;
pub use crate::odoo_conf::{ConfEdit, ConfValue};
pub use backup::{
    BackupDatabase, BackupFormat, CheckBackup, LoadBackup, LoadFiles, RecordDrill, RemoveBackup, RestoreFiles,
};
pub use cluster::{
    ArchiveLog, BackUpCluster, CreateStanza, EndSession, Ending, ExpireRepository, KeptLog, LayOutSidecar,
    LogRange, Pgbackrest, RecoverSidecar, RemoveBaseBackup, RemoveLog, RemoveSidecar, ReplaceData,
    RewindCluster, Sidecar, SidecarLaunch, SidecarRecord, SidecarSource, TakeBaseBackup, WriteKeys,
};
pub use copy::{CheckTables, CopyFiles, CopyTables, HandOverFiles, Party, RecomputeFields};
pub use database::{Endpoint, EnsureRoles, VerifyLogin};
pub use databases::{
    CheckDatabase, DropDatabase, DuplicateDatabase, HoldTraffic, MoveDatabase, Neutralize, Operator,
    Programs, RenewIdentity, SetPassword, UpdateModules,
};
pub use docker::{PullImage, ShareFiles};
pub use files::{EditConf, GenerateSecret, MakeDir, RemoveFile, RestoreFile, WriteFile};
pub use probe::{ProbeOdoo, ShellCheck};
pub use record::RecordBaseline;
pub use rows::{DamageScratch, RemoveSnapshot, RepairRows, RepairTable, RestoreFields, Via};
pub use script::{RunScript, ScriptTerms};
pub use server::{BootstrapRoles, InitCluster, Launch, ServerSpec, ServiceSpec, Terms};
pub use upgrade::{CloseDatabase, CompareState, RecordUpgrade, RunOdoo};
pub use watch::{JudgeChange, TakeSnapshot, WatchSpec};

/// One unit of work. Steps are idempotent: running one again over its own result changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Step {
    /// Makes a folder.
    MakeDir(MakeDir),
    /// Makes a secret and keeps it in a private file.
    GenerateSecret(GenerateSecret),
    /// Writes a file that odpm renders.
    WriteFile(WriteFile),
    /// Sets managed options in `odoo.conf`.
    EditConf(EditConf),
    /// Removes a file that odpm wrote.
    RemoveFile(RemoveFile),
    /// Puts back a file as a run found it.
    RestoreFile(RestoreFile),
    /// Brings an image to this machine.
    PullImage(PullImage),
    /// Gives the user of an image what it needs of this machine's files.
    ShareFiles(ShareFiles),
    /// Makes a new cluster.
    InitCluster(InitCluster),
    /// Creates the roles of a stopped cluster that nobody can log in to.
    BootstrapRoles(BootstrapRoles),
    /// Starts the PostgreSQL server.
    StartServer(ServerSpec),
    /// Stops it.
    StopServer(ServerSpec),
    /// Creates or mends the roles and the extensions of new databases.
    EnsureRoles(EnsureRoles),
    /// Logs in as the application role over TCP.
    VerifyLogin(VerifyLogin),
    /// Starts an Odoo service.
    StartService(ServiceSpec),
    /// Stops it.
    StopService(ServiceSpec),
    /// Backs a database up.
    BackupDatabase(Box<BackupDatabase>),
    /// Reads a backup whole and compares it with what is recorded of it.
    CheckBackup(CheckBackup),
    /// Makes a database and loads a backup into it.
    LoadBackup(Box<LoadBackup>),
    /// Puts a backup's files into a filestore.
    LoadFiles(LoadFiles),
    /// Puts lost files of a filestore back.
    RestoreFiles(Box<RestoreFiles>),
    /// Gives a copied database an identity of its own.
    RenewIdentity(Box<RenewIdentity>),
    /// Switches off what a database does to the world outside.
    Neutralize(Box<Neutralize>),
    /// Compares a database with what is recorded of its backup.
    CheckDatabase(Box<CheckDatabase>),
    /// Renames a database with its filestore, in one go with the one whose name it takes.
    MoveDatabase(Box<MoveDatabase>),
    /// Copies a database with its filestore.
    DuplicateDatabase(Box<DuplicateDatabase>),
    /// Drops a database with its filestore.
    DropDatabase(Box<DropDatabase>),
    /// Has Odoo install and update modules.
    UpdateModules(Box<UpdateModules>),
    /// Starts Odoo on a database, asks it, and ends it.
    ProbeOdoo(Box<ProbeOdoo>),
    /// Sets the administrator's login and password.
    SetPassword(Box<SetPassword>),
    /// Removes a backup that odpm made.
    RemoveBackup(RemoveBackup),
    /// Puts altered fields of rows back.
    RestoreFields(Box<RestoreFields>),
    /// Damages a scratch database on purpose.
    DamageScratch(DamageScratch),
    /// Has a database take no writes, or take them again.
    HoldTraffic(HoldTraffic),
    /// Takes damage to rows back.
    RepairRows(Box<RepairRows>),
    /// Runs a script of a person's own.
    RunScript(Box<RunScript>),
    /// Takes a snapshot of what is watched in a database.
    TakeSnapshot(Box<TakeSnapshot>),
    /// Compares a database with its snapshot, and judges what has changed.
    JudgeChange(Box<JudgeChange>),
    /// Removes a snapshot.
    RemoveSnapshot(RemoveSnapshot),
    /// Records that a backup was restored on trial.
    RecordDrill(RecordDrill),
    /// Has the server archive its log up to now.
    ArchiveLog(ArchiveLog),
    /// Takes a base backup of the cluster.
    TakeBaseBackup(TakeBaseBackup),
    /// Removes a base backup.
    RemoveBaseBackup(RemoveBaseBackup),
    /// Removes segments of the log that no base backup needs.
    RemoveLog(RemoveLog),
    /// Writes what is secret of pgBackRest's configuration.
    WriteKeys(WriteKeys),
    /// Makes the cluster known to pgBackRest's repositories.
    CreateStanza(CreateStanza),
    /// Has pgBackRest take a base backup.
    BackUpCluster(BackUpCluster),
    /// Has pgBackRest remove base backups and log.
    ExpireRepository(ExpireRepository),
    /// Lays a base backup out as the data directory of a sidecar.
    LayOutSidecar(LayOutSidecar),
    /// Has a sidecar recover to a moment.
    RecoverSidecar(Box<RecoverSidecar>),
    /// Removes a sidecar.
    RemoveSidecar(RemoveSidecar),
    /// Recovers a cluster beside the data directory to a moment.
    RewindCluster(Box<RewindCluster>),
    /// Puts a cluster in the place of the data directory.
    ReplaceData(Box<ReplaceData>),
    /// Ends what a session does, or the session.
    EndSession(EndSession),
    /// Has a database take no connections, or take them again.
    CloseDatabase(CloseDatabase),
    /// Upgrades modules in a database that is not in service.
    RunOdoo(Box<RunOdoo>),
    /// Compares a database with what it was before an upgrade.
    CompareState(Box<CompareState>),
    /// Records how an upgrade ended.
    RecordUpgrade(RecordUpgrade),
    /// Brings files of copied attachments to another filestore.
    CopyFiles(CopyFiles),
    /// Hands files over to Odoo's own clean-up.
    HandOverFiles(HandOverFiles),
    /// Has Odoo compute stored fields anew.
    RecomputeFields(Box<RecomputeFields>),
    /// Looks whether two databases are what a migration was planned for.
    CheckTables(Box<CheckTables>),
    /// Copies rows of tables from one database to another.
    CopyTables(Box<CopyTables>),
    /// Replaces the baseline.
    RecordBaseline(Box<RecordBaseline>),
}

/// What to do with a step that was begun and never finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resume {
    /// Run it again: over its own half-done work it comes to the same end.
    Again,
    /// Look whether it took effect; run it only when it did not.
    Probe,
}

impl Step {
    /// How the step resumes. One row for each kind: a new kind does not compile without its answer.
    pub fn resume(&self) -> Resume {
        match self {
            // A new cluster gets a new identity each time, and a file that is changed already no longer
            // meets its guard: done work must be recognised.
            Self::InitCluster(_)
            | Self::WriteFile(_)
            | Self::EditConf(_)
            | Self::RemoveFile(_)
            | Self::RestoreFile(_) => Resume::Probe,
            // Each of these begins anew or finds its own work done.
            Self::BackupDatabase(_)
            | Self::CheckBackup(_)
            | Self::LoadBackup(_)
            | Self::LoadFiles(_)
            | Self::RestoreFiles(_)
            | Self::RenewIdentity(_)
            | Self::Neutralize(_)
            | Self::CheckDatabase(_)
            | Self::MoveDatabase(_)
            | Self::DuplicateDatabase(_)
            | Self::DropDatabase(_)
            | Self::UpdateModules(_)
            | Self::ProbeOdoo(_)
            | Self::SetPassword(_)
            | Self::RemoveBackup(_)
            | Self::RestoreFields(_)
            | Self::RepairRows(_)
            | Self::HoldTraffic(_)
            | Self::DamageScratch(_)
            // It asks the server what became of the transaction that an earlier attempt has named.
            | Self::RunScript(_)
            | Self::TakeSnapshot(_)
            | Self::JudgeChange(_)
            | Self::RemoveSnapshot(_)
            | Self::RecordDrill(_)
            | Self::ArchiveLog(_)
            | Self::TakeBaseBackup(_)
            | Self::RemoveBaseBackup(_)
            | Self::RemoveLog(_)
            | Self::WriteKeys(_)
            | Self::CreateStanza(_)
            | Self::BackUpCluster(_)
            | Self::ExpireRepository(_)
            | Self::LayOutSidecar(_)
            | Self::RecoverSidecar(_)
            | Self::RemoveSidecar(_)
            | Self::RewindCluster(_)
            | Self::ReplaceData(_)
            | Self::CloseDatabase(_)
            // An attempt that has begun with a copy has it made anew.
            | Self::RunOdoo(_)
            | Self::CompareState(_)
            // Files that are there are left; the script knows which ids it has seen to.
            | Self::CopyFiles(_)
            | Self::HandOverFiles(_)
            | Self::RecomputeFields(_)
            | Self::RecordUpgrade(_)
            // As a script does; where there are several transactions, the copy is made anew.
            | Self::CopyTables(_)
            | Self::CheckTables(_)
            | Self::EndSession(_) => Resume::Again,
            Self::MakeDir(_)
            | Self::PullImage(_)
            | Self::ShareFiles(_)
            | Self::GenerateSecret(_)
            | Self::BootstrapRoles(_)
            | Self::StartServer(_)
            | Self::StopServer(_)
            | Self::EnsureRoles(_)
            | Self::VerifyLogin(_)
            | Self::StartService(_)
            | Self::StopService(_)
            | Self::RecordBaseline(_) => Resume::Again,
        }
    }
}
