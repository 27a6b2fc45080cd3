//! How to go back to what a database was before a migration, and what one that was given up has left.

use std::path::Path;

use crate::plan::Journal;
use crate::step::{CopyTables, MoveDatabase, Step};

/// How to go back, as far as the run has come; nothing where there is nothing to go back from.
pub fn way_back(journal: &Journal) -> Vec<String> {
    let Some((id, copy)) = copied(journal) else { return Vec::new() };
    let run = &journal.plan.run;
    let root = &journal.plan.project.root;
    if copy.anew.is_some() {
        let Some((publish, moved)) = moved(journal) else { return Vec::new() };
        let Some(kept) = moved.keep.as_ref().filter(|_| journal.is_finished(publish)) else {
            return Vec::new();
        };
        return vec![
            format!(
                "{} as it was is kept as {kept}. To go back to it: odpm undo {run} --confirm={}",
                moved.to, moved.to
            ),
            format!("{kept} stays until `odpm database prune` or you drop it."),
        ];
    }
    if !journal.is_finished(id) {
        return Vec::new();
    }
    vec![before(copy, root)]
}

/// How to go on where nobody can tell whether the rows were committed; `transaction`: its number, where the server may know.
pub fn doubtful(journal: &Journal, transaction: Option<&str>) -> Vec<String> {
    let Some((_, copy)) = copied(journal) else { return Vec::new() };
    let database = &copy.database;
    let mut told = vec![format!(
        "Look whether {database} has the rows before anybody works with it: all of them, or none."
    )];
    told.extend(transaction.map(|number| {
        format!("Its server says so when it runs: SELECT pg_xact_status('{number}') is committed, or is not")
    }));
    told.extend(computes(journal).then(|| format!("If it has: {}", computed_by(database))));
    told.push(before(copy, &journal.plan.project.root));
    told
}

fn before(copy: &CopyTables, root: &Path) -> String {
    let database = &copy.database;
    match &copy.before {
        Some(backup) => {
            let backup = backup.strip_prefix(root).unwrap_or(backup);
            let restore = restore(backup, database);
            format!("To go back to {database} as it was before, without what was written since: {restore}")
        }
        None => format!(
            "{database} was not backed up by this run; what was there before is in backups of your own alone."
        ),
    }
}

/// The command that puts a backup in the place of a database.
fn restore(backup: &Path, database: &str) -> String {
    format!("odpm database restore {} -d {database} --replace", backup.display())
}

/// What a migration that was given up has left: services that stand still, a copy that is nobody's, fields as the source had them.
pub fn left(journal: &Journal) -> Vec<String> {
    if copied(journal).is_none() {
        return Vec::new();
    }
    [uncomputed(journal), stopped(journal), copy_left(journal)].into_iter().flatten().collect()
}

/// Rows are there, and what Odoo would have made of them is not. What was written to a copy goes with it.
fn uncomputed(journal: &Journal) -> Option<String> {
    let (id, copy) = copied(journal).filter(|(_, copy)| copy.anew.is_none())?;
    let database = &copy.database;
    (journal.is_finished(id) && computes(journal)).then(|| computed_by(database))
}

/// Whether stored fields were to be computed and are not all.
fn computes(journal: &Journal) -> bool {
    let mut steps = journal.plan.steps.iter();
    steps.any(|one| matches!(one.step, Step::RecomputeFields(_)) && !journal.is_finished(&one.id))
}

fn computed_by(database: &str) -> String {
    format!(
        "Stored fields of the rows in {database} are not all computed anew: some have the values that they had in the source. \
         The same `odpm migrate apply` once more computes them in the tables that its plan names then (others, as those that =add brought: \
         --table); do that before anybody works with {database}."
    )
}

fn stopped(journal: &Journal) -> Option<String> {
    let of = |wanted: fn(&Step) -> bool, done: bool| {
        let steps = journal.plan.steps.iter();
        steps.filter(move |one| wanted(&one.step) && journal.is_finished(&one.id) == done).count()
    };
    let stands = of(|step| matches!(step, Step::StopService(_)), true) > 0
        && of(|step| matches!(step, Step::StartService(_)), false) > 0;
    stands.then(|| "Odoo was stopped, and is so still. To start it: odpm apply".to_owned())
}

fn copy_left(journal: &Journal) -> Option<String> {
    let (_, copy) = copied(journal)?;
    let work = &copy.anew.as_ref()?.to;
    let begun = journal.is_finished("copy") || journal.stopped_in.as_deref() == Some("copy");
    let published = moved(journal).is_some_and(|(id, _)| journal.is_finished(id));
    (begun && !published)
        .then(|| format!("{work}, the copy that was worked on, may be there still: odpm database prune"))
}

fn copied(journal: &Journal) -> Option<(&str, &CopyTables)> {
    journal.plan.steps.iter().find_map(|planned| match &planned.step {
        Step::CopyTables(copy) => Some((planned.id.as_str(), &**copy)),
        _ => None,
    })
}

fn moved(journal: &Journal) -> Option<(&str, &MoveDatabase)> {
    journal.plan.steps.iter().find_map(|planned| match &planned.step {
        Step::MoveDatabase(moved) => Some((planned.id.as_str(), &**moved)),
        _ => None,
    })
}
