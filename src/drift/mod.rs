//! Is this still the same database home? Compares what is described and seen with the baseline.
//!
//! One table ([`compare`]) looks at every recorded fact, one ([`Kind`]) says how grave each difference
//! is, one ([`wording`]) tells it to people, and [`judge`] matches the differences with what people
//! accepted. Everything here is pure; every command uses these same functions.

mod accept;
mod change;
mod compare;
mod fingerprint;
mod judge;
mod kind;
#[cfg(test)]
mod tests;
pub mod wording;

pub use accept::{Acceptance, How};
pub use change::{Drift, Origin};
pub use compare::compare;
pub use fingerprint::{Fingerprint, fingerprint};
pub use judge::{Judged, Judgement, judge};
pub use kind::{Kind, Severity};
