//! The JSON Schemas of what odpm reads and writes, generated from the types. `schemas/` holds them as
//! files; a test compares the two.

use serde_json::Value;

use crate::error::{Error, Result};
use crate::facts::{Baseline, Companion};
use crate::plan::{Entry, Plan};
use crate::project;

/// Every schema, by name.
pub const NAMES: [&str; 5] = ["odpm.v1", "last_run.v1", "companion.v1", "plan.v1", "journal.v1"];

/// The schema of this name.
pub fn schema(name: &str) -> Result<Value> {
    Ok(match name {
        "odpm.v1" => project::json_schema(),
        "last_run.v1" => schemars::schema_for!(Baseline).to_value(),
        "companion.v1" => schemars::schema_for!(Companion).to_value(),
        "plan.v1" => schemars::schema_for!(Plan).to_value(),
        "journal.v1" => schemars::schema_for!(Entry).to_value(),
        _ => return Err(Error::usage(format!("there is no schema {name}"))),
    })
}
