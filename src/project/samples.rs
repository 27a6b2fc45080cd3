//! Projects for tests.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Project, Sources, read};
use crate::error::Result;

/// The project of this text in `/srv/shop`, or all that is wrong with it.
pub fn try_project(text: &str, env: &str, environment: &[(&str, &str)]) -> Result<Project> {
    let environment: BTreeMap<String, String> =
        environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let root = Path::new("/srv/shop");
    read(&Sources { root, file: &root.join("odpm.yaml"), text, env: Some(env), environment: &environment })
}

/// The project of this text, which has no mistakes.
pub fn project(text: &str, environment: &[(&str, &str)]) -> Project {
    try_project(text, "", environment).unwrap_or_else(|e| panic!("{text}: {e} {:?}", e.report().problems))
}
