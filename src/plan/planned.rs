//! [`PlannedStep`]: a step in its plan, with the reason for it.

use serde::{Deserialize, Serialize};

use super::Guard;
use crate::step::Step;

/// What a step may cost.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Nothing that anybody would miss.
    None,
    /// People are cut off for a moment.
    Interrupts,
    /// Logins change.
    Access,
    /// Data is lost.
    Destroys,
}

/// A step in its plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PlannedStep {
    /// Its name within the plan: `start-server`. Unique, and the same for the same work in every plan.
    pub id: String,
    /// What to do.
    pub step: Step,
    /// Why: the end of a sentence that begins with the step.
    pub reason: String,
    /// What it may cost.
    pub risk: Risk,
    /// What must hold just before it runs.
    pub guards: Vec<Guard>,
}

impl PlannedStep {
    /// A step with the guards that its kind brings along.
    pub fn new(id: impl Into<String>, step: Step, reason: impl Into<String>) -> Self {
        Self { id: id.into(), guards: Guard::of(&step), risk: Risk::None, step, reason: reason.into() }
    }

    /// With what it may cost.
    #[must_use]
    pub fn risk(mut self, risk: Risk) -> Self {
        self.risk = risk;
        self
    }

    /// With one more guard.
    #[must_use]
    pub fn guarded(mut self, guard: Guard) -> Self {
        self.guards.push(guard);
        self
    }
}
