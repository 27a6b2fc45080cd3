//! [`Event`]: what a run tells while it goes on.

use crate::plan::{Outcome, PlannedStep};

/// What happens in a run.
#[derive(Debug)]
pub enum Event<'a> {
    /// A step was done by an earlier attempt of this run.
    Skipped {
        /// The step.
        step: &'a PlannedStep,
    },
    /// A step begins.
    Started {
        /// Its number, from 1.
        number: usize,
        /// How many there are.
        total: usize,
        /// The step.
        step: &'a PlannedStep,
    },
    /// A step has come so far.
    Working {
        /// Bytes done.
        done: u64,
        /// Of how many; 0 where that is not known.
        total: u64,
        /// Where it is, where that is no matter of bytes; else empty.
        words: &'a str,
    },
    /// A step is done.
    Finished {
        /// The step.
        step: &'a PlannedStep,
        /// What came of it.
        outcome: &'a Outcome,
    },
    /// The run stops after the current step.
    Stopping,
}
