//! The planner of the stack: bring it up, take it down, mend its roles, take a run back.
//!
//! Pure and sync: a [`Request`], the project, what was observed, the baseline and a fresh run id go in, a
//! [`Plan`] comes out. `up` reads as the recipe that an apply follows; `blocks` says what stands in the
//! way of one; [`specs`] puts the project into the terms of the engine.

mod blocks;
mod doctor;
mod down;
mod files;
mod frame;
mod roles;
mod scale;
mod services;
pub mod specs;
mod undo;
mod up;

#[cfg(test)]
mod tests;

pub use doctor::{Check, doctor};

use crate::base::RunId;
use crate::drift::Acceptance;
use crate::facts::{BaselineSeen, Observation};
use crate::plan::{Journal, Plan};
use crate::project::Project;

/// What a person asked for.
#[derive(Clone, Debug)]
pub enum Request {
    /// Bring everything to what the project describes.
    Up {
        /// Prepare files and secrets only.
        skip_start: bool,
        /// The drift that people agreed to.
        accepted: Vec<Acceptance>,
        /// Take a baseline that cannot be read for none; a copy stays with the journal.
        set_aside: bool,
    },
    /// Stop everything, keep the data.
    Down,
    /// Create or mend the application role in the running cluster.
    EnsureRole,
    /// Run a service so many times, whatever the project says; `None` takes that back.
    Scale {
        /// Its plain name.
        service: String,
        /// How many.
        replicas: Option<u16>,
    },
    /// Take back what a run did.
    Undo(Box<Journal>),
}

/// The grounds that a plan is made on.
#[derive(Clone, Copy, Debug)]
pub struct Grounds<'a> {
    /// The project.
    pub project: &'a Project,
    /// The world.
    pub seen: &'a Observation,
    /// The baseline.
    pub baseline: &'a BaselineSeen,
    /// The id of the run that the plan would be.
    pub run: &'a RunId,
}

/// The plan for a request.
pub fn plan(request: &Request, grounds: &Grounds<'_>) -> Plan {
    match request {
        Request::Up { skip_start, accepted, set_aside } => {
            up::plan(*skip_start, accepted, *set_aside, grounds)
        }
        Request::Down => down::plan(grounds),
        Request::EnsureRole => roles::plan(grounds),
        Request::Scale { service, replicas } => scale::plan(service, *replicas, grounds),
        Request::Undo(journal) => undo::plan(journal, grounds),
    }
}
