//! The planner of migrations: from staging to production by copies of tables.
//!
//! What it knows so far is how the rows of a database refer to each other: which questions have to be asked of one that all of its
//! references lead somewhere, and what the answers mean.

mod compare;
mod integrity;
mod loose;
mod percent;
mod place;
#[cfg(test)]
mod place_tests;
mod question;
mod request;
#[cfg(test)]
mod tests;
mod upkeep;
mod verdict;

pub use compare::{Comparison, Differing, TableCompared};
pub use integrity::questions;
pub use loose::{Loose, follow};
pub use place::{Place, ServerPlace};
pub use question::{Note, Question, Questions, Sort, Subject, statements};
pub use request::{Ask, Conflicts, Dangling, End, Shared, Told, Wanted};
pub use verdict::{Finding, Integrity, Wrong, judge};
