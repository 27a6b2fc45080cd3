//! The only reading before a decision: the project's files, and everything that a planner may know.
//!
//! Gathers facts and judges none of them. What takes time runs concurrently and has a deadline; what could
//! not be learned is unknown in the result, with the reason. Changes nothing, not even a transaction id, but for a rehearsal, which
//! takes one.

mod addons;
mod archive;
mod audit;
mod author;
mod calm;
mod carried;
mod damage;
mod data_file;
mod databases;
mod fitness;
mod folder;
mod git;
mod inherited;
mod integrity;
mod migration;
mod modules;
mod operation;
mod pgpass;
mod place;
mod ports;
mod project;
mod readings;
mod rehearsal;
mod repair;
mod scripts;
mod upgrades;
mod world;

pub use archive::{archive, immovable, sessions, sidecar_room, sidecars};
pub use audit::audit;
pub use author::author;
pub use calm::{ask_gates, calm, evidence, http_gates, log_trouble};
pub use carried::{Unlike, carried};
pub use damage::damage;
pub use databases::{backup, backups, databases, last_drill, source};
pub use folder::writable;
pub use inherited::{compose_project, odpm_project};
pub use integrity::{Thoroughness, integrity};
pub use migration::{Pair, Side, pair, tables};
pub use modules::{ModulesView, modules};
pub use operation::operation;
pub use place::{Reached, Whose, reach, reach_own};
pub use project::{Loaded, find, load};
pub use readings::{reading, reading_of};
pub use rehearsal::{rehearse, script};
pub use repair::{Found, Sides, keys_where_any};
pub use scripts::shell_checks;
pub use upgrades::{failed_work, written_since};
pub use world::{Depth, observe};
