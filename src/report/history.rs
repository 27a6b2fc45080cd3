//! What was applied, when, by whom, with which outcome.

use std::fmt::Write;

use serde::Serialize;

use crate::facts::{RunStatus, RunSummary};

/// `history --format json`.
#[derive(Debug, Serialize)]
pub struct History {
    /// 1.
    pub format_version: u32,
    /// The runs, oldest first.
    pub runs: Vec<RunSummary>,
}

/// The history for people.
pub fn history(history: &History) -> String {
    if history.runs.is_empty() {
        return "Nothing was applied yet.\n".to_owned();
    }
    let mut text = String::new();
    for run in &history.runs {
        let status = match run.status {
            RunStatus::Done => "done",
            RunStatus::Failed => "failed",
            RunStatus::Interrupted => "interrupted",
            RunStatus::Abandoned => "abandoned",
        };
        let _ = writeln!(
            text,
            "{}  {:<22} {:<12} {}/{} steps  {}",
            run.run, run.command, status, run.done, run.steps, run.by
        );
        if let Some(stopped) = &run.stopped_at {
            let _ = writeln!(text, "    stopped in {stopped}");
        }
    }
    text
}
