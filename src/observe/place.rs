//! Places of databases, of this project and elsewhere: where each is, who logs in, where its password comes from.

use std::path::{Path, PathBuf};

use super::pgpass::{self, Login};
use super::{Loaded, load, source};
use crate::base::{Secret, SecretRef};
use crate::error::{Error, Result};
use crate::grounds::specs;
use crate::migrate::{Place, ServerPlace};
use crate::postgres::rows::Source;
use crate::step::{Operator, Party, Programs};

/// A database that can be reached.
#[derive(Clone, Debug)]
pub struct Reached {
    /// As the person has named it, without a password.
    pub shown: String,
    /// Who reads it.
    pub source: Source,
    /// The password, for plans.
    pub secret: SecretRef,
    /// The role that owns databases there, with its password.
    pub app: (String, SecretRef),
    /// The folder of its files, where this machine has it.
    pub filestore: Option<PathBuf>,
    /// Whose it is.
    pub whose: Whose,
}

/// Whose a database is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// This project's.
    Own,
    /// Another project's.
    Project,
    /// A server's, that is known by nothing but a URL.
    Server,
}

impl Reached {
    /// It as the source of a step.
    pub fn party(&self, identity: &str) -> Party {
        Party {
            endpoint: self.source.endpoint.clone(),
            role: self.source.role.clone(),
            secret: self.secret.clone(),
            database: self.source.database.clone(),
            identity: identity.to_owned(),
        }
    }

    /// Who looks after it, with the programs of this project.
    pub fn operator(&self, programs: Programs) -> Operator {
        let (app_role, app) = self.app.clone();
        Operator {
            endpoint: self.source.endpoint.clone(),
            role: self.source.role.clone(),
            secret: self.secret.clone(),
            app_role,
            app,
            programs,
        }
    }
}

/// Finds the database that a person has named. A password in its URL is kept with the secrets as long as the command lasts.
pub fn reach(loaded: &mut Loaded, text: &str, here: &Path) -> Result<Reached> {
    let here = std::path::absolute(here).unwrap_or_else(|_| here.to_owned());
    match Place::read(text, &here)? {
        Place::Own(database) => reach_own(loaded, &database),
        Place::Project { folder, database } => {
            let other = of_project(&folder, database)?;
            // Its own folder is this project, whatever it is called.
            match other.0.project.root == loaded.project.root {
                true => reach_own(loaded, &other.1),
                false => project(&other.0, &other.1, text),
            }
        }
        Place::Server(place) => server(loaded, *place),
    }
}

/// A database of this project.
pub fn reach_own(loaded: &Loaded, database: &str) -> Result<Reached> {
    let project = &loaded.project;
    Ok(Reached {
        shown: database.to_owned(),
        source: source(loaded, database)?,
        secret: specs::login(project).1,
        app: (project.postgres.role.clone(), SecretRef::AppPassword),
        filestore: Some(specs::filestore(project).join(database)),
        whose: Whose::Own,
    })
}

/// A project in a folder, and the database that is meant.
fn of_project(folder: &Path, database: Option<String>) -> Result<(Loaded, String)> {
    let loaded = load(folder)?;
    let database = database.or_else(|| loaded.project.odoo.database.clone()).ok_or_else(|| {
        let error = Error::usage(format!(
            "{} says nothing of which database is meant",
            loaded.project.file.display()
        ));
        error.hint(format!("Name it: {}#DB", folder.display())).hint("Or set odoo.database there.")
    })?;
    Ok((loaded, database))
}

fn project(other: &Loaded, database: &str, shown: &str) -> Result<Reached> {
    let place = format!("{}#{database}", other.project.root.display());
    let remote = |role: &str| SecretRef::Remote { place: place.clone(), role: role.to_owned() };
    let (role, _) = specs::login(&other.project);
    let secret = remote(role);
    let found = of_role(other, database, role)?.ok_or_else(|| crate::state::missing(&secret))?;
    let app = &other.project.postgres.role;
    Ok(Reached {
        shown: shown.to_owned(),
        source: Source {
            endpoint: specs::endpoint(&other.project),
            role: role.to_owned(),
            secret: found,
            database: database.to_owned(),
        },
        secret,
        app: (app.clone(), remote(app)),
        filestore: Some(specs::filestore(&other.project).join(database)),
        whose: Whose::Project,
    })
}

/// The password of a role of another project: that project's own, else what the environment has.
fn of_role(other: &Loaded, database: &str, role: &str) -> Result<Option<Secret>> {
    let (login, of_login) = specs::login(&other.project);
    let secret = if role == login { of_login } else { SecretRef::AppPassword };
    let endpoint = specs::endpoint(&other.project);
    let environment = || pgpass::password(Login { endpoint: &endpoint, database, role });
    Ok(other.secrets.find(&secret)?.or_else(environment))
}

fn server(loaded: &mut Loaded, place: ServerPlace) -> Result<Reached> {
    let shown = place.shown();
    if let Some(password) = &place.password {
        loaded.secrets.give_remote(&shown, &place.role, password.clone());
    }
    let remote = SecretRef::Remote { place: shown.clone(), role: place.role.clone() };
    let secret = loaded.secrets.find(&remote)?.ok_or_else(|| crate::state::missing(&remote))?;
    let ServerPlace { endpoint, role, database, .. } = place;
    Ok(Reached {
        shown,
        source: Source { endpoint, role: role.clone(), secret, database },
        secret: remote.clone(),
        app: (role, remote),
        filestore: None,
        whose: Whose::Server,
    })
}

/// The password of a role at a place, when a step wants it. A server that wants none is logged in to without one, so none is
/// known only where a project should have it.
pub fn seek_remote(place: &str, role: &str) -> Result<Option<Secret>> {
    match Place::read(place, Path::new("/"))? {
        Place::Own(_) => Ok(None),
        Place::Project { folder, database } => {
            let (other, database) = of_project(&folder, database)?;
            of_role(&other, &database, role)
        }
        Place::Server(place) => {
            let ServerPlace { endpoint, database, .. } = &*place;
            let found = pgpass::password(Login { endpoint, database, role });
            Ok(Some(found.unwrap_or_else(|| Secret::new(""))))
        }
    }
}
