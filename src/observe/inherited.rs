//! Reads the files of projects of other tools.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::{Error, Result};
use crate::facts::BaselineSeen;
use crate::inherit::{Draft, Legacy, compose_name, from_compose, from_odpm};
use crate::project::parse_env;
use crate::state::{self, StateDir};

/// The stack of a Compose file, under the name that Compose knows it by.
pub fn compose_project(file: &Path) -> Result<Draft> {
    let file = absolute(file)?;
    let folder = file.parent().unwrap_or(Path::new("/"));
    let env = fs::read_to_string(folder.join(".env")).unwrap_or_default();
    let named = std::env::var("COMPOSE_PROJECT_NAME").ok();
    let named = named.or_else(|| parse_env(&env).ok()?.get("COMPOSE_PROJECT_NAME").cloned());
    let text = text(&file)?;
    from_compose(&compose_name(&text, named.as_deref(), folder), &text, folder)
}

/// A project of odpm 4.
pub fn odpm_project(folder: &Path, name: &str) -> Result<Draft> {
    let folder = absolute(folder)?;
    let manifest = manifest(&folder)?;
    let manifest: Value = serde_json::from_str(&text(&manifest)?)
        .map_err(|e| Error::input(format!("{} is not JSON", manifest.display())).caused_by(&e))?;
    let env = fs::read_to_string(folder.join(".env")).unwrap_or_default();
    // Of two values of one name nobody knows which was meant; odpm 4 would have stopped there as well.
    let env = parse_env(&env)
        .map_err(|_| Error::input(format!("{} cannot be read", folder.join(".env").display())))?;
    let baseline = state::read_baseline(&StateDir::of(&folder))?;
    let baseline = match &baseline {
        BaselineSeen::Present(baseline, _) => Some(&**baseline),
        _ => None,
    };
    Ok(from_odpm(name, &Legacy { folder: &folder, manifest: &manifest, env: &env, baseline }))
}

/// `odpm.json` lies in the repository that is developed, which `user_settings.json` names.
fn manifest(folder: &Path) -> Result<PathBuf> {
    let here = folder.join("odpm.json");
    if here.exists() {
        return Ok(here);
    }
    let settings = fs::read_to_string(folder.join("user_settings.json")).unwrap_or_default();
    let settings: Value = serde_json::from_str(&settings).unwrap_or_default();
    let named = settings.get("developing_project").and_then(Value::as_str).unwrap_or_default();
    let path = PathBuf::from(named.strip_prefix("file://").unwrap_or(named)).join("odpm.json");
    if !named.is_empty() && path.exists() {
        return Ok(path);
    }
    Err(Error::input(format!("there is no odpm.json in {}", folder.display()))
        .because("user_settings.json names no folder that has one")
        .hint("Copy the odpm.json of the repository that is developed there, then run the command again."))
}

fn absolute(path: &Path) -> Result<PathBuf> {
    fs::canonicalize(path).map_err(|e| Error::input(format!("cannot read {}", path.display())).caused_by(&e))
}

fn text(path: &Path) -> Result<String> {
    fs::read_to_string(path)
        .map_err(|e| Error::input(format!("cannot read {}", path.display())).caused_by(&e))
}
