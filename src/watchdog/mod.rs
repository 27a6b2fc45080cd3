//! The planner of the watchdog: what is watched, what may change, what a change looks like, how it is undone.
//!
//! Pure and sync, as every planner. Snapshots are taken and compared by others; here is decided which queries answer for
//! which field, whether a change is expected, what the changes have in common, and what a rollback writes.

mod comparable;
mod derive;
mod field_tally;
mod findings;
mod gather;
mod gone;
mod judge;
mod patterns;
mod resolve;
mod rollback;
mod spec;

#[cfg(test)]
mod tests;

pub use comparable::{Apart, Comparable, View};
pub use derive::TABLES;
pub use findings::{
    FieldFindings, Findings, ModelFindings, Pair, Pattern, PatternKind, RuleOutcome, Sample, Shift, SideTold,
    Tally, Writer,
};
pub use gather::Gather;
pub use gone::{Gone, gone};
pub use judge::Judge;
pub use patterns::{moved, percent};
pub use resolve::{Columns, Resolved, joined, resolve, whole};
pub use rollback::{Request, plan};
pub use spec::{LISTING, PRESETS, Preset, Spec, preset};
