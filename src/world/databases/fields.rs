//! Puts altered fields back: by SQL here, through the Odoo shell in `orm`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::{Hands, app_session, as_planned, orm};
use crate::base::Digest;
use crate::error::{Error, Result};
use crate::postgres::patch::{self, Patched};
use crate::rows::{Change, Conflict, Key};
use crate::state::{self, cannot};
use crate::step::{RestoreFields, Via};

/// How many changes are worked on at once.
const BATCH: usize = 5_000;

/// How many conflicts are told; all of them are written down.
const TOLD: usize = 5;

/// What was put back.
#[derive(Debug, Default)]
pub struct WrittenBack {
    /// Phrases for people.
    pub told: Vec<String>,
    /// The digest of the record of what was written; `None` where nothing was.
    pub record: Option<Digest>,
    /// How many rows were written, by model and field.
    pub counts: BTreeMap<String, u64>,
}

pub async fn restore(step: &RestoreFields, hands: Hands<'_>) -> Result<WrittenBack> {
    as_planned(&step.changes, &step.sha256, "Make the plan again: odpm watchdog rollback")?;
    let earlier = earlier(&step.record)?;
    let (done, written) = match &step.via {
        Via::Sql => sql(step, &hands, &earlier).await?,
        Via::Orm { shell } => {
            // Odoo commits as it goes: until it tells what it wrote, all of it may be written.
            if !step.record.exists() {
                let all = read(&step.changes)?.map(|change| change.map(Change::reversed));
                let all = all.collect::<Result<Vec<_>>>()?;
                state::replace_lines(&step.record, all.iter(), 0o600)?;
            }
            let done = orm::restore(step, shell, &hands).await?;
            let written = with_earlier(&done, &earlier);
            state::replace_lines(&step.record, written.iter(), 0o600)?;
            (done, written)
        }
    };
    finish(step, &done, &written)
}

/// One transaction. What it writes is recorded before it is committed, so that a crash in between loses no way back.
async fn sql(step: &RestoreFields, hands: &Hands<'_>, earlier: &[Change]) -> Result<(Patched, Vec<Change>)> {
    let session = app_session(&step.operator, hands, &step.database).await?;
    patch::begin(&session).await?;
    let mut done = Patched::default();
    let mut touched = BTreeSet::new();
    let mut batch: Vec<Change> = Vec::new();
    let mut changes = read(&step.changes)?;
    loop {
        let next = changes.next().transpose()?;
        let full = match (&next, batch.first()) {
            (Some(next), Some(first)) => next.model != first.model || batch.len() == BATCH,
            (None, first) => first.is_some(),
            (Some(_), None) => false,
        };
        if full {
            let model = batch.first().map(|change| change.model.clone()).unwrap_or_default();
            let section = step.sections.iter().find(|section| section.model == model);
            let section =
                section.ok_or_else(|| Error::internal(format!("the plan does not speak of {model}")))?;
            patch::patch(&session, section, &batch, &mut done).await?;
            hands.meter.add(batch.len() as u64);
            touched.insert(model);
            batch.clear();
        }
        match next {
            Some(change) => batch.push(change),
            None => break,
        }
    }
    let written = with_earlier(&done, earlier);
    state::replace_lines(&step.record, written.iter(), 0o600)?;
    let models: Vec<&str> = touched.iter().map(String::as_str).collect();
    patch::commit(&session, &models).await?;
    Ok((done, written))
}

/// The changes of a file, one a line.
pub(super) fn read(path: &Path) -> Result<impl Iterator<Item = Result<Change>> + use<>> {
    let file = File::open(path).map_err(|e| cannot("read", path, &e))?;
    let path = path.to_owned();
    Ok(BufReader::new(file).lines().map(move |line| {
        let line = line.map_err(|e| cannot("read", &path, &e))?;
        let wrong =
            |e| Error::input(format!("{} has a line that is no change", path.display())).caused_by(&e);
        serde_json::from_str(&line).map_err(wrong)
    }))
}

/// What an attempt before this one has recorded.
fn earlier(record: &Path) -> Result<Vec<Change>> {
    if record.exists() { read(record)?.collect() } else { Ok(Vec::new()) }
}

/// What was written, by this attempt and by one before it that was cut off after it had committed.
fn with_earlier(done: &Patched, earlier: &[Change]) -> Vec<Change> {
    let already: BTreeSet<(&str, Key)> =
        done.already.iter().map(|(model, id)| (model.as_str(), *id)).collect();
    let kept = earlier.iter().filter(|change| already.contains(&(change.model.as_str(), change.id)));
    let mut all: Vec<Change> = done.written.iter().chain(kept).cloned().collect();
    all.sort_by(|a, b| (&a.model, a.id).cmp(&(&b.model, b.id)));
    all
}

fn finish(step: &RestoreFields, done: &Patched, written: &[Change]) -> Result<WrittenBack> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for change in written {
        for (field, ..) in change.altered() {
            *counts.entry(format!("{}.{field}", change.model)).or_default() += 1;
        }
    }
    let mut told = vec![format!("{} rows written", done.written.len())];
    if !done.already.is_empty() {
        told.push(format!("{} were as before already", done.already.len()));
    }
    if !done.conflicts.is_empty() {
        let path = conflicts_path(step);
        state::replace_lines(&path, done.conflicts.iter(), 0o600)?;
        let count = done.conflicts.len();
        told.push(format!("{count} fields were written by others since and left alone ({})", path.display()));
        told.extend(done.conflicts.iter().take(TOLD).map(conflict));
    }
    let record = if written.is_empty() { None } else { Some(state::digest_of(&step.record)?) };
    Ok(WrittenBack { told, record, counts })
}

fn conflicts_path(step: &RestoreFields) -> PathBuf {
    step.changes.with_extension("conflicts.jsonl")
}

fn conflict(conflict: &Conflict) -> String {
    let Conflict { model, id, field, seen, now, before } = conflict;
    let now = now.as_ref().map_or("gone", |now| now.as_json());
    format!(
        "{model} {id} {field} is {now}, was {} when it was seen, {} before",
        seen.as_json(),
        before.as_json()
    )
}
