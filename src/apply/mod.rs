//! The only interpreter: runs the steps of a plan, in order, writing the journal before and after each.
//!
//! It knows no project and no flags, so it cannot decide; it checks each step's guards against the live
//! world and stops where one does not hold. [`run`] begins a run or goes on with one, and tells what
//! happens as [`Event`]s.

mod event;
mod guard;
mod run;
mod steps;

#[cfg(test)]
mod crash_tests;

pub use event::Event;
pub use run::{Stop, abandon, run};
pub use steps::{committed, release};
