//! What was seen: the cluster on disk, the server, the services, the files, the ports, what is recorded.
//!
//! Plain values, gathered by `observe` and read by the planners. A fact that could not be learned is
//! [`Known::Unknown`] with the reason, never a quiet `false` or "empty". Nothing here looks anywhere
//! by itself, and nothing here judges.

mod backup;
mod baseline;
mod catalog;
mod changed;
mod cluster;
mod databases;
mod engine;
mod files;
mod known;
mod live;
mod observation;
mod run;
#[cfg(test)]
pub mod samples;
mod scale;
mod snapshot;

pub use backup::{
    BackupManifest, BackupSeen, BackupSource, DatabaseFacts, Drill, FilestoreFacts, MANIFEST_VERSION,
    OdooManifest, Part,
};
pub use baseline::{
    Accepted, Baseline, BaselineCluster, BaselineCompose, BaselineConf, BaselineSeen, Companion,
};
pub use catalog::{Catalog, FieldSeen, TableSeen};
pub use changed::Changed;
pub use cluster::{ClusterFiles, DataDir, PidFile};
pub use databases::{DatabaseSeen, DatabasesSeen, FolderSeen, MARK, OdooSeen};
pub use engine::{Binaries, EngineSeen, Owner, PortSeen, PortUse, ServerSeen, ServiceSeen};
pub use files::FileSeen;
pub use known::Known;
pub use live::Live;
pub use observation::{Author, Observation};
pub use run::{RunStatus, RunSummary};
pub use scale::{Scale, Scaled};
pub use snapshot::{FieldTaken, SectionTaken, Skipped, SnapshotDatabase, SnapshotManifest, SnapshotSeen};
