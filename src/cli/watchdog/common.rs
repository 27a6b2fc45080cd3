use std::io::Write;

use crate::base::SecretRef;
use crate::cli::session::Session;
use crate::error::{Error, Result};
use crate::facts::SnapshotSeen;
use crate::grounds::specs;
use crate::observe;
use crate::postgres::rows::Source;
use crate::rows::Change;
use crate::snapshot_file;
use crate::watch::{self, Order, Side, Watched};
use crate::watchdog::{Findings, Judge, PRESETS, SideTold, Spec, preset};

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
        let own = project.odoo.database.as_deref();
        let database = self.database.as_deref().or(own).ok_or_else(|| {
            let error = Error::usage("no database is named");
            error.hint("Name one: -d DB").hint("Or set odoo.database in odpm.yaml.")
        })?;
        let secret = session.loaded.secrets.find(&SecretRef::AppPassword)?.ok_or_else(|| {
            let error = Error::environment("the application role's password is not known");
            error.hint("Set postgres.password in odpm.yaml, or let `odpm apply` make one.")
        })?;
        Ok(Source {
            endpoint: specs::endpoint(project),
            role: project.postgres.role.clone(),
            secret,
            database: database.to_owned(),
        })
    }

    /// The database as it is.
    pub async fn watched(&self, session: &Session, spec: &Spec) -> Result<Watched> {
        let watched = Watched::begin(self.source(session)?, spec, false).await?;
        if watched.resolved.sections.is_empty() {
            let error = Error::refused(format!("there is nothing to watch in {}", watched.database.name));
            let error = error.because("it has none of the models that are watched");
            return Err(error.hint("Name models and fields under watchdog.models in odpm.yaml."));
        }
        Ok(watched)
    }

    /// The database as it is, with the models and fields of a snapshot.
    pub async fn like(&self, session: &Session, seen: Option<&SnapshotSeen>) -> Result<Watched> {
        let mut spec = self.spec(session)?;
        if let Some(seen) = seen {
            spec = spec.like(&seen.manifest.sections);
        }
        let named = seen.map(|seen| seen.manifest.database.name.clone());
        let database = self.database.clone().or(named);
        let choice = Self { database, preset: None };
        choice.watched(session, &spec).await
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
        session.loaded.state.create()?;
        let order = Order {
            label: label.to_owned(),
            folder: session.loaded.state.snapshots(),
            compress,
            spec: spec.digest(),
            by: observe::author().name,
        };
        watch::take(&watched, &order).await
    }
}

/// The word for the database as it is.
pub const LIVE: &str = "live";

/// Two sides, and what is done with each change.
pub struct Comparison {
    /// The first.
    pub left: Side,
    /// The second.
    pub right: Side,
}

/// What sees the changes as they come.
struct Eyes {
    judge: Judge,
    lines: Option<Box<dyn Write + Send>>,
    only: Vec<String>,
}

impl Comparison {
    /// The two sides that are meant: the last two snapshots, a snapshot and the database as it is, or two named ones.
    pub async fn of(session: &Session, choice: &Choice, names: &[String]) -> Result<Self> {
        let folder = session.loaded.state.snapshots();
        let (left, right) = match names {
            [] => {
                let mut all = snapshot_file::list(&folder)?;
                let wanted = choice.database.as_deref();
                all.retain(|seen| wanted.is_none_or(|name| seen.manifest.database.name == name));
                match (all.pop(), all.pop()) {
                    (Some(last), Some(before)) => (Some(before), Some(last)),
                    (Some(only), None) => (Some(only), None),
                    _ => {
                        let error = Error::refused("there is no snapshot to compare with");
                        return Err(error.hint("Take one before a change: odpm watchdog snapshot LABEL"));
                    }
                }
            }
            [one] => (Some(snapshot_file::find(&folder, one)?), None),
            [one, two, ..] => {
                let named = |name: &String| match name == LIVE {
                    true => Ok(None),
                    false => snapshot_file::find(&folder, name).map(Some),
                };
                (named(one)?, named(two)?)
            }
        };
        let like = left.as_ref().or(right.as_ref()).cloned();
        let side = async |seen: Option<SnapshotSeen>| -> Result<Side> {
            Ok(match seen {
                Some(seen) => Side::File(Box::new(seen)),
                None => Side::Live(Box::new(choice.like(session, like.as_ref()).await?)),
            })
        };
        Ok(Self { left: side(left).await?, right: side(right).await? })
    }

    /// Compares; each change goes to `lines` too, where it is of what `only` names.
    pub async fn findings(
        &self,
        session: &Session,
        choice: &Choice,
        lines: Option<Box<dyn Write + Send>>,
        only: &[String],
    ) -> Result<Findings> {
        let comparable = self.left.comparable(&self.right);
        let rules = &session.loaded.project.watchdog.expect;
        let judge = Judge::new(rules, &self.left.sections(), &self.right.sections());
        let mut notes = comparable.notes.clone();
        let eyes = Eyes { judge, lines, only: only.to_vec() };
        let Eyes { judge, lines, .. } =
            watch::compare(&self.left, &self.right, comparable, eyes, Eyes::see).await?;
        if let Some(mut lines) = lines {
            lines.flush().map_err(|e| Error::environment("cannot write the changes").caused_by(&e))?;
        }
        let keys = judge.keys();
        let writers = match keys.is_empty() {
            true => Ok(Default::default()),
            false => self.writers(session, choice, &keys).await,
        };
        let mut findings = judge.findings([told(&self.left), told(&self.right)], Vec::new());
        match writers {
            Ok(mut writers) => {
                for model in &mut findings.models {
                    model.writers = writers.remove(&model.model).unwrap_or_default();
                }
            }
            Err(e) => notes.push(format!("Who wrote the rows is not known: {}.", e.report().what)),
        }
        findings.notes = notes;
        Ok(findings)
    }

    async fn writers(
        &self,
        session: &Session,
        choice: &Choice,
        keys: &std::collections::BTreeMap<String, Vec<crate::rows::Key>>,
    ) -> Result<std::collections::BTreeMap<String, Vec<crate::watchdog::Writer>>> {
        match &self.right {
            Side::Live(watched) => watch::who(watched, keys).await,
            Side::File(seen) => {
                let watched = choice.like(session, Some(seen)).await?;
                watch::who(&watched, keys).await
            }
        }
    }
}

impl Eyes {
    fn see(&mut self, change: Change) -> Result<()> {
        self.judge.see(&change);
        let Some(lines) = &mut self.lines else { return Ok(()) };
        let Some(change) = restricted(change.essential(), &self.only) else { return Ok(()) };
        let failed = |e: &dyn std::error::Error| Error::environment("cannot write the changes").caused_by(e);
        serde_json::to_writer(&mut *lines, &change).map_err(|e| failed(&e))?;
        lines.write_all(b"\n").map_err(|e| failed(&e))
    }
}

/// The change as far as one of the names - `model` or `model.field` - speaks of it; without names all of it.
fn restricted(mut change: Change, only: &[String]) -> Option<Change> {
    if only.is_empty() || only.contains(&change.model) {
        return Some(change);
    }
    let model = change.model.clone();
    let wanted = |field: &String| only.iter().any(|name| *name == format!("{model}.{field}"));
    let (Some(before), Some(after)) = (&mut change.before, &mut change.after) else { return None };
    before.retain(|field, _| wanted(field));
    after.retain(|field, _| wanted(field));
    (!before.is_empty()).then_some(change)
}

fn told(side: &Side) -> SideTold {
    let minute = |at: &str| format!("{} UTC", at.chars().take(19).collect::<String>().replace('T', " "));
    match side {
        Side::File(seen) => SideTold {
            name: seen.manifest.file.clone(),
            database: seen.manifest.database.name.clone(),
            at: minute(&seen.manifest.taken_at),
        },
        Side::Live(watched) => SideTold {
            name: LIVE.to_owned(),
            database: watched.database.name.clone(),
            at: minute(&watched.at.to_string()),
        },
    }
}
