//! The planner of scripts: what of SQL can be run as one transaction, what a rehearsal means, the plan that runs it.
//!
//! Pure and sync, as every planner. A script is taken apart and rehearsed elsewhere; here it is read and judged.

mod effects;
mod examine;
mod plan;
mod truncate;
mod words;

#[cfg(test)]
mod tests;

pub use effects::{cascades, differences, firing, unlike};
pub use examine::{Part, PartKind, Script, Statement, examine};
pub use plan::{Wanted, plan};
pub use truncate::{Truncate, reaching};
