//! `odoo.conf`: read by Odoo's own rules, edited without touching what people wrote.
//!
//! Odoo reads the file with Python's `RawConfigParser`; so does [`OdooConf`], to the letter: comments only
//! at the start of a line, `%` and quotes literal, indented lines continue a value, a name given twice is
//! an error. `managed` says which options odpm keeps, [`pending`] which of them are not yet as wanted.
//! Pure text in, pure text out.

mod edit;
mod managed;
mod parse;

#[cfg(test)]
mod tests;

pub use edit::apply_edits;
pub use managed::{ConfEdit, ConfValue, desired, pending};
pub use parse::{ConfProblem, OdooConf};
