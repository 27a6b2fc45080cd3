//! odpm: the whole life of an Odoo database on PostgreSQL.

pub mod apply;
pub mod base;
pub mod cli;
pub mod compose;
pub mod drift;
pub mod engine;
pub mod error;
pub mod facts;
pub mod observe;
pub mod odoo_conf;
pub mod plan;
pub mod postgres;
pub mod postgresql_conf;
pub mod process;
pub mod project;
pub mod report;
pub mod schemas;
pub mod stack;
pub mod state;
pub mod step;
pub mod world;

pub use error::{Error, Result};
