//! `docker-compose.yml`: the project as a typed Compose file, and its text.
//!
//! Only what both generations of Compose read alike. The file works by hand, holds no secret - those come
//! from files - and publishes PostgreSQL on this machine only. Pure: a project in, text out.

mod file;
mod services;

pub use file::{Compose, Healthcheck, Logging, Service};
pub use services::{ARCHIVE, DATA, compose, role_arguments, service};

use std::collections::BTreeMap;

use crate::base::Digest;
use crate::error::{Error, Result};
use crate::project::Project;

/// What the file begins with.
const HEADER: &str = include_str!("../../templates/docker-compose.yml");

/// The text of `docker-compose.yml`. `configs` are the digests by which a running service is known to be as
/// wanted, by plain names; they become labels.
pub fn render(project: &Project, configs: &BTreeMap<String, Digest>) -> Result<String> {
    let text = || -> Result<String, serde_yaml::Error> {
        let mut file = serde_yaml::to_value(compose(project, configs))?;
        escape(&mut file);
        serde_yaml::to_string(&file)
    };
    let body = text().map_err(|e| Error::internal("cannot write docker-compose.yml").caused_by(&e))?;
    Ok(format!("{HEADER}{body}"))
}

/// Doubles every dollar sign: a single one begins a variable of Compose.
fn escape(value: &mut serde_yaml::Value) {
    match value {
        serde_yaml::Value::String(text) => *text = text.replace('$', "$$"),
        serde_yaml::Value::Sequence(items) => items.iter_mut().for_each(escape),
        serde_yaml::Value::Mapping(entries) => entries.values_mut().for_each(escape),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
