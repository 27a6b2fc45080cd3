//! The planner of upgrades: what the log of a server says went wrong, and what usually mends it.
//!
//! Reads records that `odoo` has put together; knows no file and no database.

mod diagnose;

pub use diagnose::{
    Class, Diagnosis, Evidence, Failure, Finding, FindingKind, Later, Loaded, Phase, Place, Reading, Sql,
    View,
};
