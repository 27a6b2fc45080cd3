//! Earlier runs, as their journals tell them.

use serde::{Deserialize, Serialize};

use crate::base::RunId;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Every step was done.
    Done,
    /// A step failed; the run may be resumed.
    Failed,
    /// It stopped without a word: killed, or the machine went down.
    Interrupted,
    /// A person gave it up.
    Abandoned,
}

/// One earlier run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunSummary {
    /// Its id.
    pub run: RunId,
    /// The command that made the plan: `apply`, `down`, `undo`.
    pub command: String,
    /// When it began.
    pub started_at: String,
    /// When it ended, where it did.
    pub ended_at: Option<String>,
    /// Who ran it: `user@host`.
    pub by: String,
    /// How it ended.
    pub status: RunStatus,
    /// Steps done.
    pub done: usize,
    /// Steps in the plan.
    pub steps: usize,
    /// The step that it stopped in, and why, where it did not end well.
    pub stopped_at: Option<String>,
}
