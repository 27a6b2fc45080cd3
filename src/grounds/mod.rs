//! What every plan is made on: the project, what was seen, the baseline; the project in the terms of its
//! engine; a plan without steps, and what stands in the way of any.

pub mod databases;
pub mod frame;
pub mod loading;
pub mod services;
pub mod specs;

use crate::base::RunId;
use crate::facts::{BaselineSeen, Observation};
use crate::project::Project;

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
