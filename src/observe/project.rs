//! Finds and reads the project.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::base::Secret;
use crate::base::secret::is_secret_name;
use crate::error::{Error, Result};
use crate::project::{self, Archive, Project, Repositories, Sources};
use crate::state::{SecretFiles, StateDir};

/// A project with the places of its state.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The project.
    pub project: Project,
    /// Its state.
    pub state: StateDir,
    /// Its secrets.
    pub secrets: SecretFiles,
}

/// Reads the project of `start` or of a folder above it.
pub fn load(start: &Path) -> Result<Loaded> {
    let (root, file) = find(start)?;
    let text = text(&file)?.ok_or_else(|| Error::input(format!("there is no {}", file.display())))?;
    let env = self::text(&root.join(".env"))?;
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
        .collect();
    let sources =
        Sources { root: &root, file: &file, text: &text, env: env.as_deref(), environment: &environment };
    let project = project::read(&sources)?;
    let state = StateDir::of(&root);
    let conf = project.odoo.conf.iter().filter(|(option, _)| is_secret_name(option));
    let conf = conf.map(|(option, value)| (option.clone(), Secret::new(value))).collect();
    let admin = project.postgres.external.as_ref().and_then(|external| external.admin_password.clone());
    let repositories = project.archive.as_ref().and_then(Archive::repositories);
    let keys = repositories.map(Repositories::keys).unwrap_or_default().into_iter().collect();
    let secrets = SecretFiles::new(&state, project.postgres.password.clone(), conf);
    let secrets = secrets.with_admin(admin).with_keys(keys).with_seek(super::place::seek_remote);
    Ok(Loaded { project, state, secrets })
}

/// Where the project of a folder is described: its root and its file.
pub fn find(start: &Path) -> Result<(PathBuf, PathBuf)> {
    let start = fs::canonicalize(start)
        .map_err(|e| Error::input(format!("cannot enter {}", start.display())).caused_by(&e))?;
    if let Some(root) = start.ancestors().find(|folder| folder.join("odpm.yaml").is_file()) {
        return Ok((root.to_owned(), root.join("odpm.yaml")));
    }
    let error = Error::input(format!("there is no odpm.yaml in {} or above it", start.display()));
    Err(if start.join("odpm.json").exists() || start.join(".odpm").exists() {
        error.hint("This looks like a project of odpm 4: `odpm init --from-odpm .` takes it over.")
    } else {
        error.hint("Begin a project: odpm init").hint("Or name its folder: odpm -C FOLDER ...")
    })
}

fn text(path: &Path) -> Result<Option<String>> {
    match fs::read(path) {
        Ok(bytes) => String::from_utf8(bytes)
            .map(Some)
            .map_err(|_| Error::input(format!("{} is not UTF-8 text", path.display()))),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::input(format!("cannot read {}", path.display())).caused_by(&e)),
    }
}
