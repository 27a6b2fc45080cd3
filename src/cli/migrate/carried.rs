//! What the last migration between two databases has copied, compared as it was copied.

use std::fs;

use serde::Serialize;

use crate::base::{Digest, RunId};
use crate::cli::session::Session;
use crate::error::Result;
use crate::facts::Transfer;
use crate::observe::{self, Reached, Unlike, Whose};
use crate::plan::Journal;
use crate::state;
use crate::step::{CopyTables, Step};

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Carried {
    /// The migration.
    pub run: RunId,
    /// How many tables it copied.
    pub tables: usize,
    /// How many rows those have on the source.
    pub rows: u64,
    /// The tables that are not the same.
    pub unlike: Vec<Unlike>,
}

/// The last migration from this source to this target, where what it copied is still written down.
pub async fn carried(session: &Session, from: (&Reached, &str), to: &Reached) -> Result<Option<Carried>> {
    if to.whose != Whose::Own {
        return Ok(None);
    }
    let journals = state::journals(&session.loaded.state)?;
    let last = journals.iter().rev().find_map(|journal| {
        let copy = copied(journal, &to.source.database)?;
        (copy.source.identity == from.1).then_some((journal, copy))
    });
    let Some((journal, copy)) = last else { return Ok(None) };
    let text = fs::read(&copy.transfer).unwrap_or_default();
    if Digest::of(&text) != copy.digest {
        return Ok(None);
    }
    let Ok(transfer) = serde_json::from_slice::<Transfer>(&text) else { return Ok(None) };
    let (rows, unlike) = observe::carried(from.0.source.clone(), to.source.clone(), &transfer).await?;
    let tables = transfer.tables.len();
    Ok(Some(Carried { run: journal.plan.run.clone(), tables, rows, unlike }))
}

/// What a run has copied to a database; a copy that has taken its name counts.
fn copied<'a>(journal: &'a Journal, database: &str) -> Option<&'a CopyTables> {
    let named = |step: &Step| matches!(step, Step::MoveDatabase(moved) if moved.to == database);
    journal.plan.steps.iter().find_map(|planned| match &planned.step {
        Step::CopyTables(copy) if journal.is_finished(&planned.id) => {
            let staged = || {
                journal.plan.steps.iter().any(|other| named(&other.step) && journal.is_finished(&other.id))
            };
            (copy.database == database || (copy.anew.is_some() && staged())).then_some(&**copy)
        }
        _ => None,
    })
}
