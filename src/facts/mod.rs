//! What was seen: the cluster on disk, the server, the services, the files, the ports, what is recorded.
//!
//! Plain values, gathered by `observe` and read by the planners. A fact that could not be learned is
//! [`Known::Unknown`] with the reason, never a quiet `false` or "empty". Nothing here looks anywhere
//! by itself, and nothing here judges.

mod archive;
mod audit;
mod backup;
mod baseline;
mod catalog;
mod changed;
mod cluster;
mod contained;
mod databases;
mod engine;
mod files;
mod incident;
mod integrity;
mod known;
mod live;
mod migration;
mod modules;
mod observation;
mod operation;
mod reading;
mod rehearsal;
mod run;
#[cfg(test)]
pub mod samples;
mod scale;
mod session;
mod snapshot;
mod trace;
mod transfer;
mod upgrade;
mod wal;

pub use archive::{
    ArchiveSeen, Archiver, BaseBackup, FLOORS, InRepository, KeptSegment, Reach, RepositorySeen,
    segment_bytes,
};
pub use audit::{
    AuditSeen, DrillKind, DrillSeen, ForeignTables, Holdings, LOGGING, Logging, LoginRule, POWERFUL,
    RoleSeen, WRITE_ALL, WriteGrants,
};
pub use backup::{
    BackupManifest, BackupSeen, BackupSource, DatabaseFacts, Drill, FilestoreFacts, MANIFEST_VERSION,
    OdooManifest, Part,
};
pub use baseline::{
    Accepted, Baseline, BaselineCluster, BaselineCompose, BaselineConf, BaselineSeen, Companion,
};
pub use catalog::{Between, Catalog, FieldSeen, Reference, Serial, TableSeen, table_of_model};
pub use changed::Changed;
pub use cluster::{ClusterFiles, DataDir, PidFile};
pub use contained::Contained;
pub use databases::{DatabaseSeen, DatabasesSeen, FolderSeen, MARK, OWN, OdooSeen, mark_of};
pub use engine::{Binaries, EngineSeen, Owner, PortSeen, PortUse, ServerSeen, ServiceSeen};
pub use files::FileSeen;
pub use incident::{Entry as IncidentEntry, Happening, Incident};
pub use integrity::{Answer, FileNamed, Wiring};
pub use known::Known;
pub use live::Live;
pub use migration::{SideSeen, Structure, UniqueSeen};
pub use modules::{
    AddonsFolder, DatabaseModules, DiskModules, Environment, FileTrouble, Fitness, MODULE_HASHES,
    ModuleInDatabase, ModuleOnDisk, ModulesSeen, Origin, ReleaseSeen, Tree,
};
pub use observation::{Author, Observation};
pub use operation::{
    AtWork, DatabaseSetting, DatabaseTerms, JobSeen, LastBackup, Measured, OperationSeen, PreparedSeen, Rate,
    Room, SubjectSeen, Verified, WorkerSeen,
};
pub use reading::{Reading, TableReading};
pub use rehearsal::{Cascade, LockTaken, Rehearsal, Tie, Touched, Trigger};
pub use run::{RunStatus, RunSummary};
pub use scale::{Scale, Scaled};
pub use session::SessionSeen;
pub use snapshot::{FieldTaken, SectionTaken, Skipped, SnapshotDatabase, SnapshotManifest, SnapshotSeen};
pub use trace::{FileNode, Trace};
pub use transfer::{
    OwnKeys, ParentPath, Referring, SequenceCopy, TableCopy, TableState, Transfer, TransferCheck, XmlIdCopy,
};
pub use upgrade::{
    Before, Checkpoint, ModuleStates, Release, UpgradeEnd, UpgradeOutcome, UpgradeRecord, UpgradeSeen,
    Verdict, Versions,
};
pub use wal::{Lsn, Segment};
