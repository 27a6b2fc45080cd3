//! Takes damage to rows back, in one transaction.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::fields::read;
use super::{Hands, WrittenBack, app_session, as_planned, attempt};
use crate::backup_file;
use crate::base::quote::{ident, literal};
use crate::base::{Digest, Meter};
use crate::error::{Error, Result};
use crate::facts::MARK;
use crate::incident::file_names;
use crate::postgres::catalog::references;
use crate::postgres::{Broken, broken, patch, words};
use crate::process::blocking;
use crate::rows::{Change, script};
use crate::state::{self, cannot};
use crate::step::{DamageScratch, RepairRows, RepairTable, RestoreFiles};

/// How many broken invariants are told with a row.
const TOLD: usize = 3;

/// The changes of a file, as long as it is the one that was planned.
fn planned(path: &Path, sha256: &Digest) -> Result<Vec<Change>> {
    as_planned(path, sha256, "Make the plan again.")?;
    read(path)?.collect()
}

/// Puts files back that the rows of a repair name; how many.
pub async fn restore_files(step: &RestoreFiles, meter: Meter) -> Result<u64> {
    let names = file_names(&planned(&step.changes, &step.sha256)?);
    let (backup, source, to) = (step.backup.clone(), step.source, step.to.clone());
    blocking(move || backup_file::load_some(&backup, source, &names, &to, &meter)).await
}

pub async fn repair(step: &RepairRows, hands: Hands<'_>) -> Result<WrittenBack> {
    let changes = planned(&step.changes, &step.sha256)?;
    let session = app_session(&step.operator, &hands, &step.database).await?;
    if attempt::was_committed(&session, &attempt_path(&step.record)).await? {
        let told = vec!["it had been committed by the attempt before".to_owned()];
        let record = Some(state::digest_of(&step.record)?);
        return Ok(WrittenBack { told, record, counts: BTreeMap::new() });
    }
    patch::begin_repair(&session).await?;
    let before = broken(&session, &step.checks).await?;
    let references = references(&session).await?;
    let done = patch::repair(&session, &step.tables, &changes, &references, step.stamp).await?;
    hands.meter.add(changes.len() as u64);
    let mut told = vec![format!("{} rows written", done.written.len())];
    if done.already > 0 {
        told.push(format!("{} were as they should be already", done.already));
    }
    told.extend(gate(&before, &broken(&session, &step.checks).await?, "the repair")?);
    let written = done.written;
    if written.is_empty() {
        return Ok(WrittenBack { told, ..WrittenBack::default() });
    }
    record(&step.record, &written, &step.tables)?;
    attempt::about_to_commit(&session, &attempt_path(&step.record)).await?;
    patch::commit_rows(&session).await?;
    let record = Some(state::digest_of(&step.record)?);
    Ok(WrittenBack { told, record, counts: BTreeMap::new() })
}

/// What is broken by the work at hand takes it back; what was broken before is told.
pub(super) fn gate(before: &[Broken], after: &[Broken], work: &str) -> Result<Vec<String>> {
    let was = |name: &str| before.iter().find(|found| found.name == name).map_or(0, |found| found.rows);
    let worse: Vec<&Broken> = after.iter().filter(|found| found.rows > was(&found.name)).collect();
    if worse.is_empty() {
        let still =
            |found: &Broken| format!("{} was broken before and is, by {} rows", found.name, found.rows);
        return Ok(after.iter().map(still).collect());
    }
    let error = Error::refused(format!("{work} would break what has to hold"));
    let told = worse.iter().take(TOLD).map(|found| {
        format!(
            "{}: {} rows instead of {}, the first: {}",
            found.name,
            found.rows,
            was(&found.name),
            found.first
        )
    });
    Err(told.fold(error, Error::because).hint(
        "Nothing was changed. Leave out the rows that break it, or take those along that belong to them.",
    ))
}

/// Before it is committed: what is written, and both ways as SQL.
pub(super) fn record(path: &Path, written: &[Change], tables: &[RepairTable]) -> Result<()> {
    let sections: Vec<_> = tables.iter().map(|table| &table.section).collect();
    let back: Vec<Change> = written.iter().cloned().map(Change::reversed).collect();
    text(&path.with_extension("sql"), &script(written, &sections))?;
    text(&undo_path(path), &script(&back, &sections))?;
    state::replace_lines(path, written.iter(), 0o600)
}

/// Where the number of the transaction is written down before it is committed.
fn attempt_path(record: &Path) -> PathBuf {
    record.with_extension("attempt.json")
}

/// The script that takes a repair back.
fn undo_path(record: &Path) -> PathBuf {
    record.with_extension("undo.sql")
}

fn text(path: &Path, text: &str) -> Result<()> {
    state::replace(path, text.as_bytes(), 0o600).map_err(|e| cannot("write", path, &e))
}

/// What a rogue script does, to a table of its own and to customers: rows that were not meant are altered, and deleted with all
/// that refers to them.
const ROGUE: &str = "CREATE TABLE odpm_rehearsal (id serial PRIMARY KEY, parent_id integer REFERENCES odpm_rehearsal ON DELETE CASCADE, \
     name varchar, amount numeric, ratio double precision);
     INSERT INTO odpm_rehearsal (parent_id, name, amount, ratio) SELECT nullif(n % 10, 0), 'row ' || n, n * 1.10, n / 3.0 \
     FROM generate_series(1, 1000) n";

/// Damages a scratch database: prepared first, so that a moment between the two has it whole.
pub async fn damage_scratch(step: &DamageScratch, hands: Hands<'_>) -> Result<String> {
    if !step.database.starts_with(DamageScratch::PREFIX) {
        return Err(Error::internal(format!("{} is no scratch database", step.database)));
    }
    let session = app_session(&step.operator, &hands, &step.database).await?;
    let failed = |e: tokio_postgres::Error| {
        Error::environment(format!("cannot damage {}", step.database)).because(words(&e))
    };
    let there =
        session.query_typed("SELECT to_regclass('odpm_rehearsal') IS NOT NULL", &[]).await.map_err(failed)?;
    if !there.first().is_some_and(|row| row.get(0)) {
        session.batch_execute(ROGUE).await.map_err(failed)?;
        let comment = format!(
            "COMMENT ON DATABASE {} IS {}",
            ident(&step.database),
            literal(&format!("{MARK}{}", DamageScratch::WHAT))
        );
        session.batch_execute(&comment).await.map_err(failed)?;
        return Ok("it has a table of its own to be damaged".to_owned());
    }
    let damage = "BEGIN; UPDATE odpm_rehearsal SET name = 'cancelled', amount = 0 WHERE id > 500; \
         DELETE FROM odpm_rehearsal WHERE id <= 5; COMMIT";
    session.batch_execute(damage).await.map_err(failed)?;
    Ok("500 rows were altered, 5 deleted with all that referred to them".to_owned())
}
