//! What is recorded of upgrades, in `.odpm/upgrades/RUN/`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{DatabaseFacts, DatabaseModules, ModuleInDatabase};
use crate::base::RunId;
use crate::project::CheckpointKind;

/// The modules of a database, by their names.
pub type ModuleStates = BTreeMap<String, ModuleInDatabase>;

/// Where a folder of addons stands in its history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Release {
    /// The folder.
    pub path: PathBuf,
    /// The commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha: Option<String>,
    /// The branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// How many files differ from that commit.
    #[serde(default)]
    pub dirty: u64,
}

/// A module and its versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Versions {
    /// The version in the database before; none where it was not installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The version of its manifest; none where no manifest was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// What there is to go back to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Checkpoint {
    /// The database itself: a copy of it is upgraded.
    Copy {
        /// The name that it is kept under once the copy has its name.
        kept: String,
    },
    /// A backup; the database itself is upgraded.
    Backup {
        /// The backup.
        path: PathBuf,
    },
}

impl Checkpoint {
    /// Its kind.
    pub fn kind(&self) -> CheckpointKind {
        match self {
            Self::Copy { .. } => CheckpointKind::Copy,
            Self::Backup { .. } => CheckpointKind::Backup,
        }
    }
}

/// `upgrade.json`: what was to be done, on what grounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct UpgradeRecord {
    /// The version of this form: 1.
    pub format_version: u32,
    /// The run.
    pub run: RunId,
    /// The command, as it may be given again.
    pub command: String,
    /// Who began it: `user@host`.
    pub by: String,
    /// When: ISO 8601, UTC, seconds.
    pub begun: String,
    /// The database.
    pub database: String,
    /// The name under which it is upgraded.
    pub work: String,
    /// Modules to install.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub install: Vec<String>,
    /// Modules to update.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub update: Vec<String>,
    /// The modules that get another version, or are loaded anew.
    pub modules: BTreeMap<String, Versions>,
    /// Whether it was a rehearsal, on a copy that is thrown away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rehearsal: bool,
    /// The services that ran when it began.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ran: Vec<String>,
    /// What there is to go back to.
    pub checkpoint: Checkpoint,
    /// The code, by folders of addons.
    pub releases: Vec<Release>,
}

/// `state.json`: the database as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// Its key figures.
    pub facts: DatabaseFacts,
    /// Its modules.
    pub modules: DatabaseModules,
    /// Files that it names and that are not there.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub missing: BTreeSet<String>,
    /// What was odd about it already: sequences that lag behind, tables of others. It is no fault of what is put back.
    #[serde(default)]
    pub odd: Vec<String>,
}

/// `verdict.json`: what came of running Odoo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// When Odoo was started: ISO 8601, UTC, seconds.
    pub begun: String,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How it ended, in words.
    pub exit: String,
    /// What is not as it has to be; nothing where the upgrade is good.
    pub wrong: Vec<String>,
    /// What is worth knowing beside it.
    pub notes: Vec<String>,
    /// The modules afterwards.
    pub after: ModuleStates,
}

/// How an upgrade ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UpgradeEnd {
    /// The database is upgraded and in service.
    Upgraded,
    /// The database is what it was before.
    RolledBack,
    /// Another attempt took its place.
    Superseded,
    /// It was a rehearsal, and has passed.
    Rehearsed,
}

/// `outcome.json`: how and when it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradeOutcome {
    /// How.
    pub end: UpgradeEnd,
    /// When: ISO 8601, UTC, seconds.
    pub at: String,
    /// The run that ended it.
    pub run: RunId,
}

/// One upgrade, as its folder tells it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UpgradeSeen {
    /// Its folder.
    pub folder: PathBuf,
    /// What was to be done.
    pub record: UpgradeRecord,
    /// Whether Odoo was begun with: what was before is on record.
    pub begun: bool,
    /// What came of running Odoo; none as long as it has not ended.
    pub verdict: Option<Verdict>,
    /// The first failure in one line, where the log has one.
    pub diagnosis: Option<String>,
    /// What its run stopped at, as its journal says.
    pub stopped: Option<String>,
    /// How it ended; none as long as it has not.
    pub outcome: Option<UpgradeOutcome>,
}

impl UpgradeSeen {
    /// Whether the real database waits for its end.
    pub fn is_open(&self) -> bool {
        self.outcome.is_none() && !self.record.rehearsal
    }

    /// Whether it has ended so.
    pub fn ended(&self, end: UpgradeEnd) -> bool {
        self.outcome.as_ref().is_some_and(|outcome| outcome.end == end)
    }
}
