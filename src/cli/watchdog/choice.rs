use crate::base::SecretRef;
use crate::cli::session::Session;
use crate::error::{Error, Result};
use crate::facts::SnapshotSeen;
use crate::grounds::specs;
use crate::observe::{self, Depth};
use crate::postgres::rows::Source;
use crate::step::ServiceSpec;
use crate::watch::{self, Order, Watched};
use crate::watchdog::{PRESETS, Spec, preset};

/// Which database, and what of it.
#[derive(Debug, clap::Args)]
pub struct Choice {
    /// The database; odoo.database unless given
    #[arg(short, long, value_name = "DB")]
    pub database: Option<String>,
    /// Watch what this kind of change can hurt; `odpm watchdog presets` lists them
    #[arg(short, long, value_name = "PRESET")]
    pub preset: Option<String>,
}

impl Choice {
    /// What is watched.
    pub fn spec(&self, session: &Session) -> Result<Spec> {
        let unknown = |name: &str| {
            let names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
            let error = Error::usage(format!("there is no preset {name}"));
            error.hint(format!("They are: {}.", names.join(", ")))
        };
        let named =
            self.preset.as_deref().map(|name| preset(name).ok_or_else(|| unknown(name))).transpose()?;
        Ok(Spec::of(&session.loaded.project.watchdog, named))
    }

    /// The database, and who reads it.
    pub fn source(&self, session: &Session) -> Result<Source> {
        let project = &session.loaded.project;
        let database = session.database(self.database.as_deref())?;
        let wanted = SecretRef::AppPassword;
        let secret = session.loaded.secrets.find(&wanted)?.ok_or_else(|| crate::state::missing(&wanted))?;
        Ok(Source {
            endpoint: specs::endpoint(project),
            role: project.postgres.role.clone(),
            secret,
            database,
        })
    }

    /// The database as it is, with what only Odoo can compute.
    pub async fn watched(&self, session: &Session, spec: &Spec) -> Result<Watched> {
        let (mut watched, shell) = self.found(session, spec).await?;
        if let Some(shell) = shell {
            watched.ask_shell(session.engine.as_ref(), &shell).await?;
        }
        Ok(watched)
    }

    /// What is found in the database, for those who read none of its rows: Odoo, which takes seconds, is not asked. With how
    /// its shell is run, where something is wanted of it.
    pub async fn found(&self, session: &Session, spec: &Spec) -> Result<(Watched, Option<ServiceSpec>)> {
        let mut watched = Watched::begin(self.source(session)?, spec).await?;
        let mut shell = None;
        if !watched.wanted_of_shell().is_empty() {
            shell = session.shell(&session.observe(Depth::Live).await?);
            if shell.is_none() {
                watched.without_shell(spec);
            }
        }
        if watched.resolved.sections.is_empty() {
            let error = Error::refused(format!("there is nothing to watch in {}", watched.database.name));
            let error = error.because("it has none of the models that are watched");
            return Err(error.hint("Name models and fields under watchdog.models in odpm.yaml."));
        }
        Ok((watched, shell))
    }

    /// The database of a snapshot, and its models and fields.
    pub fn like(&self, session: &Session, seen: Option<&SnapshotSeen>) -> Result<(Self, Spec)> {
        let mut spec = self.spec(session)?;
        if let Some(seen) = seen {
            spec = spec.like(&seen.manifest.sections);
        }
        let named = seen.map(|seen| seen.manifest.database.name.clone());
        let database = self.database.clone().or(named);
        Ok((Self { database, preset: None }, spec))
    }

    /// Takes a snapshot.
    pub async fn take(&self, session: &Session, label: &str, compress: bool) -> Result<SnapshotSeen> {
        let good = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if label.is_empty() || label.len() > 100 || !label.chars().all(good) {
            let error = Error::usage(format!("`{label}` cannot be a label"));
            return Err(error.hint("Use letters, digits, `.`, `_` and `-`."));
        }
        let spec = self.spec(session)?;
        let watched = self.watched(session, &spec).await?;
        crate::state::create(&session.loaded.state)?;
        let order = Order {
            label: label.to_owned(),
            folder: session.loaded.state.snapshots(),
            name: None,
            compress,
            spec: spec.digest(),
            by: observe::author().name,
        };
        watch::take(&watched, &order).await
    }
}
