//! odpm: the whole life of an Odoo database on PostgreSQL.
//!
//! - [`base`]: digests, ids, versions, secrets, quoting: the smallest words.

pub mod base;
