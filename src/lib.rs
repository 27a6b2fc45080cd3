//! odpm: the whole life of an Odoo database on PostgreSQL.
//!
//! Everything that changes something goes the same way: describe, observe, compare, plan, apply, record.
//! A verb reads the project, has the world observed, asks a pure planner for a plan, shows it, and gives it
//! to the one interpreter, which writes its journal before and after each step.
//!
//! The rooms, from the top of the house to the bottom; each imports only those below it:
//!
//! - [`cli`]: one file per verb; flags become requests, nothing is decided
//! - [`report`]: every word that people see
//! - [`apply`]: the only interpreter of plans
//! - [`observe`]: the only reading before a decision
//! - [`world`]: what effects may touch, real and, for crash tests, fake
//! - [`watch`]: databases as the watchdog sees them: held, written down, compared
//! - [`engine`]: what runs services; processes of this machine
//! - [`snapshot_file`]: snapshots of rows: written, listed, opened, checked
//! - [`archive_file`]: base backups and segments of the log: listed, recorded, proved
//! - [`backup_file`]: Odoo's zip, the fast folder, dumps: written, read, verified
//! - [`postgres`]: data directories, logins, roles, what a server answers
//! - [`state`]: `.odpm` on disk: baseline, journals, lock, secrets
//! - [`process`]: what the kernel says of processes
//! - [`schemas`]: the JSON Schemas of what is read and written
//! - [`backup`]: the planner of databases: backup, restore, drop, rename, copy, drill
//! - [`incident`]: the planner of incidents: sidecars that stand at a moment
//! - [`upgrade`]: the planner of upgrades: what has to be so before one; what a log says went wrong, and what mends it
//! - [`migrate`]: the planner of migrations: whether every reference of a database leads somewhere
//! - [`script`]: the planner of scripts: what can be rehearsed, and the plan that runs it
//! - [`archive`]: the planner of the archive: base backups, the log that is kept
//! - [`watchdog`]: the planner of the watchdog: what is watched, what may change, what did
//! - [`stack`]: the planner of the stack
//! - [`grounds`]: what every plan is made on; the project in the terms of its engine
//! - [`plan`]: plans, guards, journal records: values and their laws
//! - [`inherit`]: projects of other tools, read into an `odpm.yaml`
//! - [`drift`]: is this still the same database home?
//! - [`step`]: the closed set of steps
//! - [`facts`]: what was seen
//! - [`compose`]: renders `docker-compose.yml`
//! - [`postgresql_conf`]: renders `postgresql.conf`
//! - [`odoo`]: Odoo's own grammar: the lines of its log, tracebacks, conditions of PostgreSQL; manifests, versions
//! - [`odoo_conf`]: `odoo.conf`, read and edited as Odoo reads it
//! - [`rows`]: rows in the order of their keys, and how two streams of them differ
//! - [`project`]: reads `odpm.yaml` and `.env`
//! - [`error`]: the one error, and the exit codes
//! - [`base`]: the smallest words
//!
//! From [`stack`] down everything is pure and synchronous; from [`process`] up to [`apply`] are the effects.

#![cfg_attr(not(test), warn(missing_docs))]
#![deny(clippy::print_stdout, clippy::print_stderr, clippy::dbg_macro, clippy::exit)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::panic, clippy::todo, clippy::unimplemented))]

pub mod apply;
pub mod archive;
pub mod archive_file;
pub mod backup;
pub mod backup_file;
pub mod base;
pub mod cli;
pub mod compose;
pub mod drift;
pub mod engine;
pub mod error;
pub mod facts;
pub mod grounds;
pub mod incident;
pub mod inherit;
pub mod migrate;
pub mod observe;
pub mod odoo;
pub mod odoo_conf;
pub mod plan;
pub mod postgres;
pub mod postgresql_conf;
pub mod process;
pub mod project;
pub mod report;
pub mod rows;
pub mod schemas;
pub mod script;
pub mod snapshot_file;
pub mod stack;
pub mod state;
pub mod step;
pub mod upgrade;
pub mod watch;
pub mod watchdog;
pub mod world;

pub use error::{Error, Result};
