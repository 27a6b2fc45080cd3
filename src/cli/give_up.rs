//! Gives a run up: what it did stays done, and what it keeps from others is let go.

use super::session::Session;
use crate::apply;
use crate::error::Result;
use crate::plan::{Journal, PlannedStep, Record};
use crate::report::{self, Ui};
use crate::state::JournalFile;
use crate::step::{CopyTables, Step};
use crate::world::{Log, RealJournal, World, real};

/// Gives a run up. Gives the exit code.
pub async fn abandon(session: &Session, journal: &Journal, ui: Ui) -> Result<u8> {
    let loaded = &session.loaded;
    let engine = crate::engine::of(&loaded.project);
    let world = real(&loaded.state, &journal.plan.run, engine, loaded.secrets.clone());
    let mut log = RealJournal(JournalFile::reopen(&loaded.state, &journal.plan.run)?);
    let mut journal = journal.clone();
    settle(&mut journal, &world, &mut log, ui).await?;
    for planned in to_release(&journal) {
        match apply::release(&planned.step, &world).await {
            Ok(told) => told.iter().for_each(|told| ui.say(told)),
            // A server that is down must not keep the run from being given up.
            Err(error) => {
                ui.insist(&format!("note: {error}; see what takes connections: odpm database list"));
                break;
            }
        }
    }
    apply::abandon(&mut log)?;
    ui.answer(&format!("{} is given up; what it did stays done.", journal.plan.run));
    report::left(&journal).iter().chain(&report::way_back(&journal)).for_each(|line| ui.answer(line));
    Ok(0)
}

/// Gives a run up that has nothing to go on with.
pub fn forget(session: &Session, journal: &Journal) -> Result<()> {
    let mut log = RealJournal(JournalFile::reopen(&session.loaded.state, &journal.plan.run)?);
    apply::abandon(&mut log)
}

/// What became of rows that were being copied in one transaction: the server knows what the run could not write down any more.
async fn settle(journal: &mut Journal, world: &World, log: &mut RealJournal, ui: Ui) -> Result<()> {
    let Some((id, copy)) = at_once(journal).filter(|(id, _)| journal.stopped_in.as_deref() == Some(id))
    else {
        return Ok(());
    };
    let (step, database) = (id.to_owned(), &copy.database);
    match apply::committed(copy, world).await {
        Ok(Some(outcome)) => {
            ui.answer(&format!("The rows were committed before the run ended: {database} has them."));
            log.append(Record::Finished { step: step.clone(), outcome: outcome.clone() })?;
            journal.finished.push((step, outcome));
            journal.stopped_in = None;
        }
        Ok(None) => ui.answer(&format!("No row was committed: the tables of {database} are as they were.")),
        Err(error) => ui.insist(&format!(
            "note: whether {database} has the rows is not known: {error}; compare when its server runs: odpm migrate verify --from {} --to {database}",
            copy.source.database
        )),
    }
    Ok(())
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
