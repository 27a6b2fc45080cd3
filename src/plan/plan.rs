//! [`Plan`]: what is to be done, on what grounds.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Block, PlannedStep};
use crate::base::{Digest, RunId};
use crate::drift::Judged;

/// The version of the plan's JSON form.
pub const FORMAT_VERSION: u32 = 1;

/// What is to be done, in order, and on what grounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Plan {
    /// 1.
    pub format_version: u32,
    /// The version of odpm that made it.
    pub odpm_version: String,
    /// The run that it will be.
    pub run: RunId,
    /// When it was made: ISO 8601, UTC, seconds.
    pub created_at: String,
    /// The command that made it: `apply`, `down`, `undo`.
    pub command: String,
    /// Whether it prepares files and secrets only, and was made without asking the server.
    #[serde(default)]
    pub skip_start: bool,
    /// Who made it: `user@host`.
    pub author: String,
    /// The project.
    pub project: ProjectRef,
    /// What it was made from.
    pub basis: Basis,
    /// Drift first.
    pub drift: Vec<Judged>,
    /// What stands in the way.
    pub blocked: Vec<Block>,
    /// What to know before agreeing.
    pub warnings: Vec<String>,
    /// The databases that are lost, or no longer in service: a person names them before anything is done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub destroys: Vec<String>,
    /// Whether whoever saved it has named them with the command. Who applies it is asked for what that command would have asked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub named: bool,
    /// The work.
    pub steps: Vec<PlannedStep>,
}

/// The project of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ProjectRef {
    /// Its name.
    pub name: String,
    /// The folder of its `odpm.yaml`.
    pub root: PathBuf,
}

/// What a plan was made from. A saved plan is refused when any of it has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Basis {
    /// `odpm.yaml`, `.env` and the variables used.
    pub project: Digest,
    /// `last_run.json`, or nothing.
    pub baseline: Digest,
    /// The parts of the world.
    pub world: BTreeMap<String, Digest>,
}

impl Basis {
    /// What differs, in words; empty when nothing does.
    pub fn changed_since(&self, old: &Self) -> Vec<String> {
        let mut changed = Vec::new();
        if self.project != old.project {
            changed.push("the project (odpm.yaml, .env or the environment)".to_owned());
        }
        if self.baseline != old.baseline {
            changed.push("the baseline (last_run.json)".to_owned());
        }
        let names: std::collections::BTreeSet<&String> = self.world.keys().chain(old.world.keys()).collect();
        for name in names {
            if self.world.get(name) != old.world.get(name) {
                changed.push(format!("the world: {name}"));
            }
        }
        changed
    }
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The differences that wait for a person.
    pub fn pending(&self) -> impl Iterator<Item = &Judged> {
        self.drift.iter().filter(|judged| judged.pending())
    }
}
