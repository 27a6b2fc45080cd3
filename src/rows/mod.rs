//! Rows in the order of their keys, and how two streams of them differ.
//!
//! A row stream is a stream of lines, one row each, ascending by model and key: canonical JSON, or the text of `COPY` where both
//! sides speak it. Equal rows are equal bytes, so two streams are merged by comparing memory and only what differs is
//! parsed. Where the lines come from - a table, a query, a file - is nobody's business here.

mod change;
mod decide;
mod enrich;
mod join;
mod layout;
mod line;
mod script;
mod section;
mod text;

#[cfg(test)]
mod tests;

pub use change::{Cell, Change, Row, Value, Write, patch};
pub use decide::{BOOKS, Conflict, Decision, ROW, decide};
pub use enrich::{Enriched, Further};
pub use join::{Dialect, Difference, Lines, join};
pub use layout::{Column, Layout};
pub use line::{Key, Parsed, parse};
pub use script::script;
pub use section::{Field, Origin, Range, Section};
pub use text::{DIGEST, Kind, canonical_json, quoted};
