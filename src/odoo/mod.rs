//! Odoo's own grammar: the lines of its server's log, Python's tracebacks in them, what PostgreSQL says through psycopg2; manifests
//! of modules, their versions and migration scripts.
//!
//! Knows how things are written, from Odoo 14 to 19, and judges nothing.

mod landmark;
mod line;
mod literal;
mod manifest;
mod mask;
mod migrations;
mod record;
mod series;
mod sqlstate;
mod traceback;
mod version;

pub use landmark::{Landmark, Stage, landmark};
pub use line::{Head, Level, foreign, head, strip};
pub use literal::{Literal, LiteralError};
pub use manifest::{MANIFESTS, Manifest, ManifestError};
pub use mask::{mask, mask_statement, names_secret};
pub use migrations::{
    MigrationFile, Script, ScriptStage, is_version as is_migration_version, scripts as migration_scripts,
};
pub use record::{Record, Records};
pub use series::Series;
pub use sqlstate::{condition_of_message, sqlstate};
pub use traceback::{Chain, Frame, Link, Raised};
pub use version::{Adapted, Order as VersionOrder};
