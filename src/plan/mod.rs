//! Ordered work as plain data: the plan, its steps with their reasons, guards and undo, and the records
//! of the journal.
//!
//! A plan is exactly what `apply` does. It can be shown, saved, compared with the world later, and run;
//! it holds no secrets. Values and their laws only: nothing here reads the world or acts on it.

mod block;
mod check;
mod guard;
mod inverse;
mod journal;
#[allow(clippy::module_inception)]
mod plan;
mod planned;

pub use block::Block;
pub use check::Check;
pub use guard::Guard;
pub use inverse::{Inverse, inverse};
pub use journal::{Entry, Journal, Outcome, Record};
pub use plan::{Basis, FORMAT_VERSION, Plan, ProjectRef};
pub use planned::{PlannedStep, Risk};
