//! The smallest words of the vocabulary: digests, run ids, versions, secrets, quoting, suggestions, the places in `.odpm`.
//!
//! Values only. Nothing here reads a file, a clock or the environment, and nothing here knows what
//! Odoo or a plan is; every other room may use it.

pub mod digest;
pub mod id;
pub mod meter;
pub mod quote;
pub mod secret;
pub mod size;
pub mod state_dir;
pub mod suggest;
pub mod template;
pub mod time;
pub mod version;

pub use digest::Digest;
pub use id::RunId;
pub use meter::Meter;
pub use secret::{Secret, SecretRef};
pub use state_dir::StateDir;
pub use version::PgMajor;
