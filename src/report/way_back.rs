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

/// What a migration that was given up has left: services that stand still, a copy that is nobody's.
pub fn left(journal: &Journal) -> Vec<String> {
    if copied(journal).is_none() {
        return Vec::new();
    }
    stopped(journal).into_iter().chain(copy_left(journal)).collect()
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
