//! PostgreSQL itself: what stands in a data directory, how a login ends, what a server answers, its roles.
//!
//! Knows no project and no plan; it is told where to connect and as whom. Reading never takes a
//! transaction id; writing only ever changes what differs.

pub mod archiving;
pub mod audit;
pub mod catalog;
pub mod check;
mod connect;
mod container;
pub mod data_dir;
mod database_settings;
pub mod databases;
pub mod forensics;
pub mod integrity;
mod invariants;
pub mod load;
pub mod modules;
pub mod operation;
pub mod patch;
mod probe;
pub mod readings;
pub mod recovery;
pub mod roles;
pub mod rows;
pub mod script;
pub mod sessions;
pub mod single_user;
mod sliced;
pub mod structure;
mod tls;
pub mod traces;
pub mod transfer;
pub mod trial;

pub use connect::{LoginFailure, Session, connect};
pub use invariants::{Broken, ask, broken};
pub use probe::{Probe, live, system_identifier, words};
