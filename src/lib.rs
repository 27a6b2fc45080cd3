//! odpm: the whole life of an Odoo database on PostgreSQL.

pub mod base;
pub mod error;
pub mod project;

pub use error::{Error, Result};
