//! The planner of the stack: bring it up, take it down, mend its roles, take a run back.
//!
//! Pure and sync: a [`Request`], the project, what was observed, the baseline and a fresh run id go in, a
//! [`Plan`] comes out. `up` reads as the recipe that an apply follows; `blocks` says what stands in the
//! way of one.

mod audit;
mod blocks;
mod doctor;
mod down;
mod files;
mod repositories;
mod roles;
mod scale;
mod undo;
mod up;

#[cfg(test)]
mod tests;

pub use audit::{Finding, Weight};
pub use doctor::{Diagnosis, Further, doctor};

use crate::drift::Acceptance;
use crate::grounds::{Grounds, frame, services, specs};
use crate::plan::{Journal, Plan};

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
