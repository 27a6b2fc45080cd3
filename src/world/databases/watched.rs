//! Takes a snapshot of what is watched in a database, and judges what has changed since.

use std::path::Path;

use serde::Serialize;

use super::{Hands, app_source};
use crate::base::size::{count, human};
use crate::error::{Error, Result};
use crate::postgres::rows::Source;
use crate::process::blocking;
use crate::rows::Change;
use crate::snapshot_file;
use crate::state;
use crate::step::{JudgeChange, TakeSnapshot, WatchSpec};
use crate::watch::{self, Order, Side, Watched, Way};
use crate::watchdog::{Findings, Gone, Judge, gone};

/// How much of what is gone is named; all of it is in the file.
const NAMED: usize = 8;

/// What a comparison has found, as it is written down.
#[derive(Serialize)]
struct Found<'a> {
    /// 1.
    format_version: u32,
    /// What was read before and cannot be read any more.
    gone: &'a [Gone],
    #[serde(flatten)]
    findings: &'a Findings,
}

/// The database as it is, without what only Odoo can compute.
async fn watched(source: Source, spec: &WatchSpec) -> Result<Watched> {
    let mut watched = Watched::begin(source, spec).await?;
    watched.without_shell(spec);
    Ok(watched)
}

pub async fn take(step: &TakeSnapshot, hands: Hands<'_>) -> Result<Vec<String>> {
    let (folder, name) = place(&step.to)?;
    let to = step.to.clone();
    blocking(move || snapshot_file::make_room(&to)).await?;
    let watched = watched(app_source(&step.operator, &hands, &step.database), &step.spec).await?;
    let order = Order {
        label: name.to_owned(),
        folder: folder.to_owned(),
        name: Some(name.to_owned()),
        compress: step.to.extension().is_some_and(|end| end == "zst"),
        spec: step.spec.digest(),
        by: step.by.clone(),
    };
    let taken = watch::take(&watched, &order).await?.manifest;
    let mut told = vec![format!(
        "{} of {}, {}",
        count(taken.rows(), "row"),
        count(taken.sections.len() as u64, "model"),
        human(taken.bytes)
    )];
    let fields = taken.skipped.iter().filter(|skipped| skipped.field.is_some()).count();
    if fields > 0 {
        told.push(format!("{} that cannot be read", count(fields as u64, "field")));
    }
    Ok(told)
}

/// The folder of a snapshot, and its name without the ending.
fn place(to: &Path) -> Result<(&Path, &str)> {
    let parts = to.parent().zip(to.file_name().and_then(|name| name.to_str()));
    let parts = parts.map(|(folder, name)| (folder, snapshot_file::stem(name)));
    parts.ok_or_else(|| Error::internal(format!("{} is no place for a snapshot", to.display())))
}

pub async fn judge(step: &JudgeChange, hands: Hands<'_>) -> Result<Vec<String>> {
    let rows = step.snapshot.clone();
    let seen = blocking(move || snapshot_file::at(&rows)).await?;
    let mut now = watched(app_source(&step.operator, &hands, &step.database), &step.spec).await?;
    now.as_far_as_it_answers(&step.spec).await?;
    let skipped = now.resolved.skipped.clone();
    let (left, right) = (Side::File(Box::new(seen)), Side::Live(Box::new(now)));
    let (before, after) = (left.sections(), right.sections());
    let gone = gone(&before, &after, &skipped);
    let comparable = left.comparable(&right);
    let fresh = comparable.apart.iter().filter(|apart| !apart.first);
    let fresh = fresh.map(|apart| format!("{} was not there before.", apart.what));
    let notes = comparable.notes.iter().cloned().chain(fresh).collect();
    let judge = Judge::new(&step.expect, &before, &after);
    let see = |judge: &mut Judge, change: Change| {
        judge.see(&change);
        Ok(())
    };
    let (mut judge, counted) = watch::compare(&left, &right, comparable, Way::Stream, judge, see).await?;
    judge.counted(counted);
    let findings = judge.findings([left.told(), right.told()], notes);
    state::replace_json(&step.to, &Found { format_version: 1, gone: &gone, findings: &findings }, 0o600)?;
    if step.gate && findings.gates() {
        return Err(refusal(&findings, &gone, &step.to));
    }
    let mut told = vec![findings.in_brief()];
    told.extend(named(&gone));
    Ok(told)
}

/// The first of what is gone, by name.
fn named(gone: &[Gone]) -> Vec<String> {
    let mut told: Vec<String> = gone.iter().take(NAMED).map(Gone::told).collect();
    let more = gone.len().saturating_sub(NAMED);
    if more > 0 {
        told.push(format!("{more} more are no longer compared"));
    }
    told
}

fn refusal(findings: &Findings, gone: &[Gone], to: &Path) -> Error {
    let error = named(gone).into_iter().fold(findings.refusal(), Error::because);
    error
        .hint(format!("All of it: {}", to.display()))
        .hint("What is meant to change is said under watchdog.expect in odpm.yaml.")
}
