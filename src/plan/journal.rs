//! The records of the journal: what a run wrote down before and after each effect.

use serde::{Deserialize, Serialize};

use super::Plan;
use crate::facts::{RunStatus, RunSummary};
use crate::step::Step;

/// One line of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Entry {
    /// When: ISO 8601, UTC.
    pub at: String,
    /// What.
    #[serde(flatten)]
    pub record: Record,
}

/// What one line of a journal tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// The run begins. The whole plan is here, so that the run can be resumed from this file alone.
    Begin {
        /// The plan.
        plan: Box<Plan>,
        /// The process.
        pid: u32,
        /// Who runs it: `user@host`.
        by: String,
    },
    /// A step is about to act.
    Started {
        /// Its id.
        step: String,
        /// 1, and one more with each resume.
        attempt: u32,
    },
    /// A step has acted.
    Finished {
        /// Its id.
        step: String,
        /// What came of it.
        outcome: Outcome,
    },
    /// A step has failed.
    Failed {
        /// Its id.
        step: String,
        /// Why.
        error: String,
    },
    /// The run has ended.
    End {
        /// How.
        status: RunStatus,
    },
}

/// What came of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Outcome {
    /// Whether anything changed.
    pub changed: bool,
    /// What was done, where it is worth telling: one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The steps that take it back, in the order to run them. Empty where nothing changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undo: Vec<Step>,
    /// Why it is not taken back, where it changed something that stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stays: Option<String>,
}

impl Outcome {
    /// Nothing had to be done.
    pub fn unchanged() -> Self {
        Self::default()
    }

    /// Something was done that `undo` takes back.
    pub fn changed(undo: Vec<Step>) -> Self {
        Self { changed: true, undo, ..Self::default() }
    }

    /// Something was done that stays, for the reason given.
    pub fn stays(why: impl Into<String>) -> Self {
        Self { changed: true, stays: Some(why.into()), ..Self::default() }
    }

    /// With what was done.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

/// A journal, read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journal {
    /// The plan.
    pub plan: Plan,
    /// Who began it.
    pub by: String,
    /// When it began.
    pub started_at: String,
    /// The steps that are done, in order, each with its outcome.
    pub finished: Vec<(String, Outcome)>,
    /// The step that was begun and neither finished nor failed, or that failed last, be it before it was begun.
    pub stopped_in: Option<String>,
    /// Why it failed, where that was written down.
    pub error: Option<String>,
    /// How often the stopped step was begun.
    pub attempts: u32,
    /// How and when it ended, where it did.
    pub end: Option<(RunStatus, String)>,
}

impl Journal {
    /// Whether the run has dropped the database of this name.
    pub fn dropped(&self, name: &str) -> bool {
        let done = |id: &str| self.finished.iter().any(|(finished, _)| finished == id);
        let drops = |step: &Step| matches!(step, Step::DropDatabase(drop) if drop.name == name);
        self.plan.steps.iter().any(|step| drops(&step.step) && done(&step.id))
    }

    /// Reads a journal's entries; `None` when they do not start with [`Record::Begin`].
    pub fn read(entries: impl IntoIterator<Item = Entry>) -> Option<Self> {
        let mut entries = entries.into_iter();
        let first = entries.next()?;
        let Record::Begin { plan, by, .. } = first.record else { return None };
        let mut journal = Self {
            plan: *plan,
            by,
            started_at: first.at,
            finished: Vec::new(),
            stopped_in: None,
            error: None,
            attempts: 0,
            end: None,
        };
        for Entry { at, record } in entries {
            match record {
                Record::Begin { .. } => return None,
                Record::Started { step, attempt } => {
                    journal.stopped_in = Some(step);
                    journal.attempts = attempt;
                    journal.error = None;
                    journal.end = None;
                }
                Record::Finished { step, outcome } => {
                    journal.stopped_in = None;
                    journal.attempts = 0;
                    journal.finished.push((step, outcome));
                }
                Record::Failed { step, error } => {
                    journal.stopped_in = Some(step);
                    journal.error = Some(error);
                }
                Record::End { status } => journal.end = Some((status, at)),
            }
        }
        Some(journal)
    }

    /// Whether the run can still be resumed.
    pub fn unfinished(&self) -> bool {
        match self.end {
            None | Some((RunStatus::Failed | RunStatus::Interrupted, _)) => true,
            Some((RunStatus::Done | RunStatus::Abandoned, _)) => false,
        }
    }

    /// Whether the step of this id is done.
    pub fn is_finished(&self, id: &str) -> bool {
        self.finished.iter().any(|(step, _)| step == id)
    }

    /// The run in short.
    pub fn summary(&self) -> RunSummary {
        let stopped_at = self.stopped_in.as_ref().filter(|_| self.unfinished()).map(|id| match &self.error {
            Some(error) => format!("{id}: {error}"),
            None => id.clone(),
        });
        RunSummary {
            run: self.plan.run.clone(),
            command: self.plan.command.clone(),
            started_at: self.started_at.clone(),
            ended_at: self.end.as_ref().map(|(_, at)| at.clone()),
            by: self.by.clone(),
            status: self.end.as_ref().map_or(RunStatus::Interrupted, |(status, _)| *status),
            done: self.finished.len(),
            steps: self.plan.steps.len(),
            stopped_at,
        }
    }
}
