//! The planner of migrations: from staging to production by copies of tables.
//!
//! Which tables come ([`sets`], `selection`, `never`), whether both sides are alike (`pin`), which rows are the same and what they refer
//! to ([`Inquiry`]), and what is copied then (`transfer`). Beside that: whether all references of a database lead somewhere.

mod analytic;
mod attached;
mod behind;
mod blocks;
mod by_company;
#[cfg(test)]
mod choice_tests;
mod clash;
mod closure;
mod company;
mod compare;
mod decision;
mod earlier;
mod inquiry;
mod integrity;
mod kin;
mod language;
mod loose;
mod natural;
mod never;
mod numbering;
mod order;
mod pair_tables;
mod pairing;
mod percent;
mod pin;
mod place;
#[cfg(test)]
mod place_tests;
mod plan;
mod question;
mod refs;
mod request;
mod rewrite;
mod selection;
pub mod sets;
mod tally;
#[cfg(test)]
mod tests;
mod texts;
mod transactions;
mod transfer;
mod unchanged;
mod upkeep;
mod verdict;
mod xml;

pub use compare::{Comparison, Differing, TableCompared};
pub use decision::{Clash, Conflict, Dangles, Decision, Held, Mapped, TableDecided, XmlConflict};
pub use earlier::remembered;
pub use inquiry::Inquiry;
pub use integrity::questions;
pub use loose::{Loose, follow};
pub use never::never;
pub use pin::Difference;
pub use place::{Place, ServerPlace};
pub use plan::{FILES, Files, Move, TRANSFER, plan};
pub use question::{Note, Question, Questions, Sort, Subject, statements};
pub use request::{Ask, Conflicts, Dangling, End, Shared, Told, Wanted};
pub use selection::LeftOut;
pub use transactions::OpenWork;
pub use verdict::{Finding, Integrity, Wrong, judge};
