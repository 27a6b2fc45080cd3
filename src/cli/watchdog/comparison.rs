use std::collections::BTreeMap;
use std::io::Write;

use super::Choice;
use crate::cli::session::Session;
use crate::error::{Error, Result};
use crate::facts::SnapshotSeen;
use crate::rows::{Change, Key};
use crate::snapshot_file;
use crate::watch::{self, LIVE, Side, Way};
use crate::watchdog::{Findings, Judge, Writer};

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
}

impl Comparison {
    /// The two sides that are meant: the last two snapshots, a snapshot and the database as it is, or two named ones.
    pub async fn of(session: &Session, choice: &Choice, names: &[String]) -> Result<Self> {
        let folder = session.loaded.state.snapshots();
        let mut databases = [None, None];
        for (name, database) in names.iter().zip(&mut databases) {
            *database = name.strip_prefix("live:").map(str::to_owned);
        }
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
                let named = |name: &String| match name == LIVE || name.starts_with("live:") {
                    true => Ok(None),
                    false => snapshot_file::find(&folder, name).map(Some),
                };
                (named(one)?, named(two)?)
            }
        };
        let like = left.as_ref().or(right.as_ref()).cloned();
        let side = async |seen: Option<SnapshotSeen>, database: Option<String>| -> Result<Side> {
            let choice =
                Choice { database: database.or(choice.database.clone()), preset: choice.preset.clone() };
            Ok(match seen {
                Some(seen) => Side::File(Box::new(seen)),
                None => {
                    let (choice, spec) = choice.like(session, like.as_ref())?;
                    Side::Live(Box::new(choice.watched(session, &spec).await?))
                }
            })
        };
        let [first, second] = databases;
        Ok(Self { left: side(left, first).await?, right: side(right, second).await? })
    }

    /// Compares; each change goes to `lines` too.
    pub async fn findings(
        &self,
        session: &Session,
        choice: &Choice,
        lines: Option<Box<dyn Write + Send>>,
    ) -> Result<Findings> {
        let comparable = self.left.comparable(&self.right);
        let rules = &session.loaded.project.watchdog.expect;
        let judge = Judge::new(rules, &self.left.sections(), &self.right.sections());
        let mut notes = comparable.sentences();
        let eyes = Eyes { judge, lines };
        let (Eyes { mut judge, lines }, rows) =
            watch::compare(&self.left, &self.right, comparable, Way::Measured, eyes, Eyes::see).await?;
        if let Some(mut lines) = lines {
            lines.flush().map_err(|e| Error::environment("cannot write the changes").caused_by(&e))?;
        }
        judge.counted(rows);
        let keys = judge.keys();
        let writers = match keys.is_empty() {
            true => Ok(Default::default()),
            false => self.writers(session, choice, &keys).await,
        };
        let mut findings = judge.findings([self.left.told(), self.right.told()], Vec::new());
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
        keys: &BTreeMap<String, Vec<Key>>,
    ) -> Result<BTreeMap<String, Vec<Writer>>> {
        let since = match &self.left {
            Side::Live(watched) => watched.at,
            Side::File(seen) => seen.manifest.taken_at.parse().unwrap_or_default(),
        };
        match &self.right {
            Side::Live(watched) => watch::who(watched, keys, since).await,
            Side::File(seen) => {
                let (choice, spec) = choice.like(session, Some(seen))?;
                let (watched, _) = choice.found(session, &spec).await?;
                watch::who(&watched, keys, since).await
            }
        }
    }
}

impl Eyes {
    fn see(&mut self, change: Change) -> Result<()> {
        self.judge.see(&change);
        let Some(lines) = &mut self.lines else { return Ok(()) };
        let written = change.essential().write_line(lines);
        written.map_err(|e| Error::environment("cannot write the changes").caused_by(&e))
    }
}
