//! Odoo's own grammar: the lines of its server's log, Python's tracebacks in them, what PostgreSQL says through psycopg2.
//!
//! Knows how things are written, from Odoo 14 to 19, and judges nothing.

mod landmark;
mod line;
mod mask;
mod record;
mod sqlstate;
mod traceback;

pub use landmark::{Landmark, Stage, landmark};
pub use line::{Head, Level, foreign, head, strip};
pub use mask::{mask, mask_statement, names_secret};
pub use record::{Record, Records};
pub use sqlstate::{condition_of_message, sqlstate};
pub use traceback::{Chain, Frame, Link, Raised};
