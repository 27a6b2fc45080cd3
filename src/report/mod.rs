//! Every word that people see: plans, drift, progress, failures, status, history, prompts, JSON.
//!
//! Turns data and decisions into text and asks questions; it knows no effects. Text for people goes to
//! stdout, what happens meanwhile to stderr; with `--format json` one document goes to stdout.

mod archive;
mod databases;
mod diff;
mod doctor;
mod drift;
mod failure;
mod findings;
mod findings_page;
mod history;
mod incident;
mod incident_report;
mod integrity;
mod migrate_compared;
mod migrate_decision;
mod plan;
mod progress;
pub mod prompt;
mod readings;
mod refusal;
mod repair;
mod script;
mod status;
mod steps;
mod ui;
mod upgrade;
mod upgrade_plan;
mod upgrades;
mod watchdog;
mod way_back;

pub use archive::{ArchiveProof, ArchiveStatus, archive_proof, archive_status, moment, set_aside, sidecars};
pub use databases::{DatabaseList, databases, verdict};
pub use diff::diffs;
pub use doctor::{checks, doctor};
pub use failure::failure;
pub use findings::{damaged, findings, rollback, snapshots};
pub use findings_page::findings_page;
pub use history::{History, history};
pub use incident::{DamageTold, Damaged, damage, sessions};
pub use incident_report::{IncidentTold, counts, gates, incident, incident_page};
pub use integrity::integrity;
pub use migrate_compared::{carried, compared};
pub use migrate_decision::{MigrationTold, SetTold, migration, sets};
pub use plan::{headlines, plan};
pub use progress::{Progress, duration};
pub use readings::{Watched, readings};
pub use refusal::{blocked, pending, refused, unconfirmed, unnamed};
pub use repair::gathered;
pub use script::rehearsal;
pub use status::{DatabaseStatus, Status, database_status, next, no_project, status};
pub use ui::{Format, Ui};
pub use upgrade::{diagnosis, first_failure};
pub use upgrade_plan::moved;
pub use upgrades::{one_upgrade, other_code, rehearsed, release_notes, upgraded, upgrades};
pub use watchdog::{Comparison, presets, snapshot, snapshot_in_brief, spec, suggestion, unexpected};
pub use way_back::{doubtful, left, way_back};

use serde::Serialize;

use crate::error::{Error, Result};

/// A value as the one JSON document of a command.
pub fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string_pretty(value).map_err(|e| Error::internal("cannot write JSON").caused_by(&e))
}
