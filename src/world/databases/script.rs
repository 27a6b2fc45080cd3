//! Runs a script of a person's own, in one transaction that is committed only where it does what was shown.

use std::collections::BTreeMap;

use super::fields::read;
use super::repair::{gate, record};
use super::{Hands, app_session, app_source, as_planned, attempt};
use crate::base::Digest;
use crate::error::{Error, Result};
use crate::facts::{Catalog, Touched};
use crate::incident::ordered;
use crate::postgres::catalog::{every_table, references};
use crate::postgres::script::parts;
use crate::postgres::trial::{Effects, Trial};
use crate::postgres::{Session, broken};
use crate::rows::{Change, Section};
use crate::script::{Script, differences, examine, unlike};
use crate::state::{self, cannot};
use crate::step::{RepairTable, RunScript};
use crate::watchdog::{Columns, whole};

/// What was done.
#[derive(Debug, Default)]
pub struct ScriptDone {
    /// Phrases for people.
    pub told: Vec<String>,
    /// What takes it back: the digest of the record, and its tables in the order in which rows come back.
    pub undo: Option<(Digest, Vec<RepairTable>)>,
}

pub async fn run(step: &RunScript, hands: Hands<'_>) -> Result<ScriptDone> {
    if step.attempt.exists() {
        let session = app_session(&step.operator, &hands, &step.database).await?;
        if attempt::was_committed(&session, &step.attempt).await? {
            return earlier(step, &session).await;
        }
    }
    let script = script(step)?;
    let source = app_source(&step.operator, &hands, &step.database);
    let mut trial = Trial::begin(&source, step.terms).await?;
    trial.examine(&script).await?;
    let before = broken(trial.session(), &step.checks).await?;
    let kept = match &step.record {
        Some(_) => trial.keep(&sections(trial.session(), &step.exclusive).await?).await?,
        None => BTreeMap::new(),
    };
    trial.run(&script).await?;
    let effects = trial.effects().await?;
    as_shown(step, &effects)?;
    let mut told = vec![said(&effects.tables)];
    told.extend(gate(&before, &broken(trial.session(), &step.checks).await?, "the script")?);
    let mut undo = None;
    if let Some(path) = &step.record {
        let tables: Vec<String> = effects.tables.keys().cloned().collect();
        let sections = sections(trial.session(), &tables).await?;
        let changes = trial.changes(&sections, &kept).await?;
        hands.meter.add(changes.len() as u64);
        let tables = tables_of(trial.session(), &changes, &sections).await?;
        record(path, &changes, &tables)?;
        told.push(format!("{} rows other than before", changes.len()));
        undo = Some((state::digest_of(path)?, tables)).filter(|_| !changes.is_empty());
    }
    if attempt::about_to_commit(trial.session(), &step.attempt).await? {
        trial.hold_number().await;
    }
    let names: Vec<&str> = effects.tables.keys().map(String::as_str).collect();
    trial.commit(&names).await?;
    Ok(ScriptDone { told, undo })
}

/// It was committed by an attempt that could not say so any more.
async fn earlier(step: &RunScript, session: &Session) -> Result<ScriptDone> {
    let told = vec!["it had been committed by the attempt before".to_owned(), said(&step.counts)];
    let Some(path) = &step.record else { return Ok(ScriptDone { told, undo: None }) };
    let changes: Vec<Change> = read(path)?.collect::<Result<_>>()?;
    let tables: Vec<String> = step.counts.keys().cloned().collect();
    let sections = sections(session, &tables).await?;
    let tables = tables_of(session, &changes, &sections).await?;
    Ok(ScriptDone { told, undo: Some((state::digest_of(path)?, tables)).filter(|_| !changes.is_empty()) })
}

fn script(step: &RunScript) -> Result<Script> {
    let path = &step.script;
    as_planned(path, &step.sha256, "Make the plan again: odpm sql FILE --apply")?;
    let text = std::fs::read_to_string(path).map_err(|e| cannot("read", path, &e))?;
    examine(&path.display().to_string(), &text, parts(&text)?)
}

/// Whether it did what was shown, and nothing else.
fn as_shown(step: &RunScript, done: &Effects) -> Result<()> {
    let mut other = differences(&step.counts, &done.tables);
    other.extend(unlike(&step.definitions, &done.definitions));
    if other.is_empty() {
        return Ok(());
    }
    if !done.sequences.is_empty() {
        let named = done.sequences.join(", ");
        other.push(format!("the rehearsal has advanced {named}: a condition on new ids does not hold twice"));
    }
    let error = other
        .into_iter()
        .fold(Error::refused("the script would not do what was shown any more"), Error::because);
    Err(error.hint("Nothing was changed. Rehearse it again and look what is different: odpm sql FILE"))
}

fn said(tables: &BTreeMap<String, Touched>) -> String {
    let told: Vec<String> = tables.iter().map(|(table, touched)| format!("{table}: {touched}")).collect();
    if told.is_empty() { "no rows".to_owned() } else { told.join("; ") }
}

/// These tables, as they can be written back.
async fn sections(session: &Session, tables: &[String]) -> Result<Vec<Section>> {
    if tables.is_empty() {
        return Ok(Vec::new());
    }
    let catalog = Catalog { tables: every_table(session).await?, ..Catalog::default() };
    Ok(whole(&catalog, tables, Columns::Exact).sections)
}

async fn tables_of(session: &Session, changes: &[Change], sections: &[Section]) -> Result<Vec<RepairTable>> {
    let references = references(session).await?;
    ordered(changes, sections, &references).map_err(|column| {
        Error::refused("the rows could not be put back in any order")
            .because(format!("their tables refer to each other in a circle, and {column} may not be empty"))
            .hint("Nothing was changed. Do it in parts, or without an undo: --without-undo")
    })
}
