//! Gives a run up: what it did stays done, and what it keeps from others is let go.

use super::session::Session;
use crate::apply;
use crate::error::{Error, Result};
use crate::plan::{Journal, PlannedStep, Record};
use crate::report::{self, Ui};
use crate::state::JournalFile;
use crate::step::{CopyTables, Step};
use crate::world::{Ended, Log, RealJournal, World, real};

/// Gives a run up. `confirm`: the database of which it may stay unknown whether it has the rows. Gives the exit code.
pub async fn abandon(session: &Session, journal: &Journal, confirm: Option<&str>, ui: Ui) -> Result<u8> {
    let loaded = &session.loaded;
    let engine = crate::engine::of(&loaded.project);
    let world = real(&loaded.state, &journal.plan.run, engine, loaded.secrets.clone());
    let mut log = RealJournal(JournalFile::reopen(&loaded.state, &journal.plan.run)?);
    let mut journal = journal.clone();
    let doubt = settle(&mut journal, &world, &mut log, (confirm, ui)).await?;
    for planned in to_release(&journal) {
        // What cannot be let go must not keep the run from being given up, nor other things from being let go.
        match apply::release(&planned.step, &world).await {
            Ok(told) => told.iter().for_each(|told| ui.say(told)),
            Err(error) => ui.insist(&match &planned.step {
                Step::CopyFiles(step) => format!(
                    "note: {error}; files that had come stay in {}: no attachment names them, and they do no harm",
                    step.to.display()
                ),
                _ => format!("note: {error}; see what takes connections: odpm database list"),
            }),
        }
    }
    apply::abandon(&mut log)?;
    ui.answer(&format!("{} is given up; what it did stays done.", journal.plan.run));
    let back = doubt.unwrap_or_else(|| report::way_back(&journal));
    report::left(&journal).iter().chain(&back).for_each(|line| ui.answer(line));
    Ok(0)
}

/// Gives a run up that has nothing to go on with.
pub fn forget(session: &Session, journal: &Journal) -> Result<()> {
    let mut log = RealJournal(JournalFile::reopen(&session.loaded.state, &journal.plan.run)?);
    apply::abandon(&mut log)
}

/// What became of rows that were being copied in one transaction: the server knows what the run could not write down any more. Where
/// nobody does, what is to be said of it; where the server is only not there to be asked, the run stays.
async fn settle(
    journal: &mut Journal,
    world: &World,
    log: &mut RealJournal,
    (confirm, ui): (Option<&str>, Ui),
) -> Result<Option<Vec<String>>> {
    let Some((id, copy)) = at_once(journal).filter(|(id, _)| journal.stopped_in.as_deref() == Some(id))
    else {
        return Ok(None);
    };
    let (step, database) = (id.to_owned(), &copy.database);
    let (why, number) = match apply::committed(copy, world).await {
        Ok(Ended::Committed(outcome)) => {
            ui.answer(&format!("The rows were committed before the run ended: {database} has them."));
            log.append(Record::Finished { step: step.clone(), outcome: outcome.clone() })?;
            journal.finished.push((step, outcome));
            journal.stopped_in = None;
            return Ok(None);
        }
        Ok(Ended::Forgotten) => ("its server has forgotten the transaction".to_owned(), None),
        Err(error) if copy.record().exists() => match confirm {
            Some(confirm) if confirm == database => (error.to_string(), transaction(copy)),
            _ => return Err(unknown(&error, database)),
        },
        // Nothing is committed before its number is written down.
        Ok(Ended::Undone) | Err(_) => {
            ui.answer(&format!("No row was committed: the tables of {database} are as they were."));
            return Ok(None);
        }
    };
    ui.insist(&format!("note: whether {database} has the rows cannot be told: {why}"));
    Ok(Some(report::doubtful(journal, number.as_deref())))
}

/// The number of the transaction, as it was written down.
fn transaction(copy: &CopyTables) -> Option<String> {
    let record: serde_json::Value = serde_json::from_slice(&std::fs::read(copy.record()).ok()?).ok()?;
    Some(record.get("transaction")?.as_str()?.to_owned())
}

/// Who asks later is told: the run is not given up.
fn unknown(why: &Error, database: &str) -> Error {
    Error::new(why.kind(), format!("whether {database} has the rows is not known yet, so the run is not given up"))
        .also(why)
        .hint("Have its server say so (start it, give its password, wait for what is at work in it); then once more: odpm apply --abandon")
        .hint(format!("Where it never comes back, or nothing but odpm starts it: odpm apply --abandon --confirm={database}"))
}

/// The step that was begun, and others whose work is of no use to anybody now.
fn to_release(journal: &Journal) -> Vec<&PlannedStep> {
    let rows = at_once(journal).map(|(id, _)| journal.is_finished(id));
    let beside = |step: &Step| match step {
        // A cluster that was made beside its place and is not there yet is of use to nobody.
        Step::RewindCluster(_) => true,
        // A database that waits for its copy is let in again, in whichever step the copy was.
        Step::CopyTables(_) => true,
        // Files came before the rows that name them; those of a copy go with it.
        Step::CopyFiles(_) => rows == Some(false),
        _ => false,
    };
    let stopped = |planned: &&PlannedStep| Some(&planned.id) == journal.stopped_in.as_ref();
    let (stopped, others): (Vec<_>, Vec<_>) = journal.plan.steps.iter().partition(stopped);
    let stopped = stopped
        .into_iter()
        .filter(|planned| !matches!(planned.step, Step::CopyFiles(_)) || beside(&planned.step));
    stopped.chain(others.into_iter().filter(|planned| beside(&planned.step))).collect()
}

/// The rows of a migration that come in one transaction, and the id of their step.
fn at_once(journal: &Journal) -> Option<(&str, &CopyTables)> {
    journal.plan.steps.iter().find_map(|planned| match &planned.step {
        Step::CopyTables(copy) if copy.anew.is_none() => Some((planned.id.as_str(), &**copy)),
        _ => None,
    })
}
