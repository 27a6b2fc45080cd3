//! [`Guard`]: what must hold just before a step runs.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::base::{Digest, PgMajor};
use crate::step::{EditConf, InitCluster, RemoveFile, RestoreFile, Step, WriteFile};

/// What must hold in the world just before a step runs. The interpreter checks it; it decides nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "holds", rename_all = "snake_case")]
pub enum Guard {
    /// The file is one of these: the one that was planned against, or the one that the step makes.
    FileIs {
        /// Where.
        path: PathBuf,
        /// Digests of texts; `None` for no file at all.
        any_of: Vec<Option<Digest>>,
    },
    /// No data directory is there, or an empty one.
    NoCluster {
        /// Where.
        path: PathBuf,
    },
    /// A whole cluster of this major is there.
    ClusterIs {
        /// Where.
        path: PathBuf,
        /// Its major.
        major: PgMajor,
        /// PostgreSQL's name for it, where it was known to the planner.
        system_identifier: Option<String>,
    },
}

impl Guard {
    /// The guards that a kind of step brings along by itself.
    pub fn of(step: &Step) -> Vec<Self> {
        match step {
            Step::WriteFile(WriteFile { path, content, before, .. }) => vec![Self::FileIs {
                path: path.clone(),
                any_of: vec![before.clone(), Some(Digest::of(content))],
            }],
            Step::EditConf(EditConf { path, before, .. }) => {
                vec![Self::FileIs { path: path.clone(), any_of: vec![before.clone()] }]
            }
            Step::RemoveFile(RemoveFile { path, expect }) => {
                vec![Self::FileIs { path: path.clone(), any_of: vec![None, Some(expect.clone())] }]
            }
            Step::RestoreFile(RestoreFile { path, expect, .. }) => {
                vec![Self::FileIs { path: path.clone(), any_of: vec![Some(expect.clone())] }]
            }
            Step::InitCluster(InitCluster { server, .. }) => {
                vec![Self::NoCluster { path: server.data.clone() }]
            }
            Step::StartServer(server) => vec![Self::ClusterIs {
                path: server.data.clone(),
                major: server.major,
                system_identifier: None,
            }],
            Step::MakeDir(_)
            | Step::PullImage(_)
            | Step::ShareFiles(_)
            | Step::GenerateSecret(_)
            | Step::BootstrapRoles(_)
            | Step::StopServer(_)
            | Step::EnsureRoles(_)
            | Step::VerifyLogin(_)
            | Step::StartService(_)
            | Step::StopService(_)
            | Step::BackupDatabase(_)
            | Step::CheckBackup(_)
            | Step::LoadBackup(_)
            | Step::LoadFiles(_)
            | Step::RestoreFiles(_)
            | Step::RenewIdentity(_)
            | Step::Neutralize(_)
            | Step::CheckDatabase(_)
            | Step::MoveDatabase(_)
            | Step::DuplicateDatabase(_)
            | Step::DropDatabase(_)
            | Step::ProbeOdoo(_)
            | Step::SetPassword(_)
            | Step::UpdateModules(_)
            | Step::RemoveBackup(_)
            | Step::RestoreFields(_)
            | Step::RepairRows(_)
            | Step::HoldTraffic(_)
            | Step::DamageScratch(_)
            | Step::RunScript(_)
            | Step::TakeSnapshot(_)
            | Step::JudgeChange(_)
            | Step::RemoveSnapshot(_)
            | Step::RecordDrill(_)
            | Step::ArchiveLog(_)
            | Step::TakeBaseBackup(_)
            | Step::RemoveBaseBackup(_)
            | Step::RemoveLog(_)
            | Step::WriteKeys(_)
            | Step::CreateStanza(_)
            | Step::BackUpCluster(_)
            | Step::ExpireRepository(_)
            | Step::LayOutSidecar(_)
            | Step::RecoverSidecar(_)
            | Step::RemoveSidecar(_)
            | Step::RewindCluster(_)
            | Step::ReplaceData(_)
            | Step::EndSession(_)
            | Step::CloseDatabase(_)
            | Step::RunOdoo(_)
            | Step::CopyFiles(_)
            | Step::HandOverFiles(_)
            | Step::RecomputeFields(_)
            | Step::CompareState(_)
            | Step::RecordUpgrade(_)
            | Step::CopyTables(_)
            | Step::CheckTables(_)
            | Step::RecordBaseline(_) => Vec::new(),
        }
    }
}
