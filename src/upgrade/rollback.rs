//! The plans that take an upgrade back, and that let the services go again.
//!
//! What was done is read off the databases and folders that are there, not off a journal. Names are made from the upgrade's own
//! run, so that a rollback that was killed is gone on with by the next one. Nothing is on record as taken back before a step has
//! seen the database under its name, open, with its rows and files.

use std::path::Path;

use super::Make;
use super::changed::{Changes, Difference};
use super::freeze::{give_back, rest};
use super::preflight::Resolved;
use super::run::JOBS;
use crate::base::size::human;
use crate::facts::{BackupSource, Checkpoint, UpgradeEnd, UpgradeSeen};
use crate::grounds::{loading::Loading, specs};
use crate::plan::{Block, Plan, PlannedStep, Risk};
use crate::step::{CompareState, Step};

/// An upgrade to take back.
#[derive(Clone, Copy, Debug)]
pub struct Back<'a> {
    /// The upgrade; the first one of several attempts.
    pub seen: &'a UpgradeSeen,
    /// Attempts after it that are not at their end either.
    pub others: &'a [UpgradeSeen],
    /// What was written since the upgraded database took its place, one sentence each.
    pub written: &'a [String],
    /// Whether it is taken as it is where it is not what it was before.
    pub as_it_is: bool,
}

/// The database becomes what it was; everything goes on resting.
pub fn back(back: &Back<'_>, make: &Make<'_>, plan: &mut Plan) {
    let record = &back.seen.record;
    let database = record.database.as_str();
    let mut steps = rest(database, &record.run, Some(&record.ran), &make.ground.all).steps;
    if make.in_service(back.seen) {
        plan.destroys.push(database.to_owned());
        plan.warnings.push(format!(
            "What was written to {database} since the upgrade is in service no more; it is kept in {}.",
            undone(back.seen)
        ));
        plan.warnings.extend(back.written.iter().cloned());
    }
    let (brought, left) = brought_back(back.seen, make, plan);
    if !plan.blocked.is_empty() {
        return;
    }
    steps.extend(brought);
    steps.push(compared(back.seen, back.as_it_is, make));
    for seen in std::iter::once(back.seen).chain(back.others) {
        let id = if seen.record.run == record.run {
            "record".to_owned()
        } else {
            format!("record-{}", seen.record.run)
        };
        let end = make.ended(&seen.folder, UpgradeEnd::RolledBack);
        steps.push(PlannedStep::new(id, end, "`odpm upgrade history` shows it"));
    }
    // What did not pass goes last: until then there is more than one copy.
    steps.extend(left);
    steps.extend(left_by(back.others, make));
    plan.steps.extend(steps);
}

/// The steps that give the database its name and its content again, and those that clear up afterwards.
pub(super) fn brought_back(
    seen: &UpgradeSeen,
    make: &Make<'_>,
    plan: &mut Plan,
) -> (Vec<PlannedStep>, Vec<PlannedStep>) {
    match &seen.record.checkpoint {
        Checkpoint::Copy { kept } => put_back(seen, kept, make, plan),
        Checkpoint::Backup { path } => restored(seen, path, make, plan),
    }
}

/// What attempts have left half-way goes.
pub(super) fn left_by(attempts: &[UpgradeSeen], make: &Make<'_>) -> impl Iterator<Item = PlannedStep> {
    let works = attempts.iter().map(|attempt| attempt.record.work.as_str()).filter(|work| make.there(work));
    works.map(|work| make.dropped(work, "an attempt has left it half-way"))
}

/// Whether it is as it was: under its name, open, with its rows, modules and files.
pub(super) fn compared(seen: &UpgradeSeen, as_it_is: bool, make: &Make<'_>) -> PlannedStep {
    let database = seen.record.database.clone();
    let files = make.hand.filestore().join(&database);
    let step = CompareState {
        operator: make.hand.operator.clone(),
        database,
        before: seen.begun.then(|| seen.folder.join("state.json")),
        files,
        as_it_is,
    };
    let reason = match as_it_is {
        false => "it has to be there, with rows, modules and files as they were",
        true => "it has to be there; what differs is told, and stays",
    };
    PlannedStep::new("compare", Step::CompareState(Box::new(step)), reason)
}

/// The name under which the upgraded database is kept once it has given way; the same for every rollback of one upgrade.
fn undone(seen: &UpgradeSeen) -> String {
    format!("odpm_undone_{}", seen.record.run.short())
}

/// What is written on it.
fn mark(seen: &UpgradeSeen) -> String {
    format!("{}, upgraded by {} and rolled back", seen.record.database, seen.record.run)
}

impl Make<'_> {
    /// Whether there is a database of this name.
    fn there(&self, name: &str) -> bool {
        self.ground.databases.find(name).is_some()
    }

    /// Whether the upgraded database has the name already, on record or not: a run may have been killed in between.
    pub(super) fn in_service(&self, seen: &UpgradeSeen) -> bool {
        let record = &seen.record;
        let published = match &record.checkpoint {
            Checkpoint::Copy { kept } => self.there(kept),
            Checkpoint::Backup { .. } => seen.begun && !self.there(&record.work),
        };
        let published = published || seen.ended(UpgradeEnd::Upgraded);
        self.there(&record.database) && published && !self.there(&undone(seen))
    }

    /// A renaming that was killed between the databases and their folders is brought to its end.
    fn finished(&self, id: &str, from: &str, to: &str, keep: Option<(&str, &str)>) -> Option<PlannedStep> {
        let half = !self.there(from) && self.there(to) && self.ground.databases.folders.contains_key(from);
        let reason = "it was broken off between the database and its files";
        half.then(|| PlannedStep::new(id, self.moved(from, to, keep), reason))
    }
}

/// The database itself was left alone: it takes its name again, or just takes connections.
fn put_back(
    seen: &UpgradeSeen,
    kept: &str,
    make: &Make<'_>,
    plan: &mut Plan,
) -> (Vec<PlannedStep>, Vec<PlannedStep>) {
    let record = &seen.record;
    let (database, work) = (record.database.as_str(), record.work.as_str());
    let (undone, mark) = (undone(seen), mark(seen));
    let aside = Some((undone.as_str(), mark.as_str()));
    let open = |reason: &str| PlannedStep::new("open", make.closed(database, false), reason);
    if make.there(kept) {
        // The copy has taken its place: it gives way, and is kept in turn.
        let was = format!("{database}, before the upgrade {}", record.run);
        let finished = make.finished("finish-publish", work, database, Some((kept, &was)));
        let moved = make.moved(kept, database, aside);
        let moved = PlannedStep::new("put-back", moved, "it is what was there before").risk(Risk::Interrupts);
        return (finished.into_iter().chain([moved]).collect(), Vec::new());
    }
    if make.there(&undone) && make.there(database) {
        // A rollback before this one has put it back.
        let finished = make.finished("finish-put-back", kept, database, aside);
        return (finished.into_iter().chain([open("it is back already")]).collect(), Vec::new());
    }
    if !make.there(database) || seen.ended(UpgradeEnd::Upgraded) {
        plan.blocked.push(no_checkpoint(seen));
        return Default::default();
    }
    let drop = make.there(work).then(|| make.dropped(work, "it is the copy that did not pass"));
    (vec![open("it was left alone all the time")], drop.into_iter().collect())
}

/// The database comes out of its backup. Where Odoo was never begun with, it is what it was.
fn restored(
    seen: &UpgradeSeen,
    path: &Path,
    make: &Make<'_>,
    plan: &mut Plan,
) -> (Vec<PlannedStep>, Vec<PlannedStep>) {
    let record = &seen.record;
    let (database, work) = (record.database.as_str(), record.work.as_str());
    let open = |reason: &str| PlannedStep::new("open", make.closed(database, false), reason);
    let drop = || make.there(work).then(|| make.dropped(work, "it is what did not pass"));
    if !seen.begun && make.there(work) {
        let finished = make.finished("finish-take-away", database, work, None);
        let back = make.moved(work, database, None);
        let step = PlannedStep::new("put-back", back, "nothing was done to it").risk(Risk::Interrupts);
        return (finished.into_iter().chain([step]).collect(), Vec::new());
    }
    if !seen.begun && make.there(database) {
        let finished = make.finished("finish-put-back", work, database, None);
        return (finished.into_iter().chain([open("nothing was done to it")]).collect(), Vec::new());
    }
    let new = format!("odpm_back_{}", record.run.short());
    let (undone, mark) = (undone(seen), mark(seen));
    let upgraded = make.in_service(seen);
    let keep = upgraded.then_some((undone.as_str(), mark.as_str()));
    if make.there(database) && !upgraded {
        // A rollback before this one has put it back.
        let finished = make.finished("finish-put-back", &new, database, Some((&undone, &mark)));
        let steps = finished.into_iter().chain([open("it is back already")]).collect();
        return (steps, drop().into_iter().collect());
    }
    let Some(backup) = make.ground.databases.backups.iter().find(|backup| backup.path == path) else {
        plan.blocked.push(no_checkpoint(seen));
        return Default::default();
    };
    let being = format!("{database}, being restored by {}", make.ground.all.run);
    let loading =
        Loading { backup, source: BackupSource::Fast, name: &new, mark: &being, files: true, jobs: JOBS };
    let mut steps = loading.steps(&make.hand.operator, &make.hand.filestore());
    for planned in &mut steps {
        if let Step::CheckDatabase(check) = &mut planned.step {
            // What was odd before the upgrade is no fault of the backup.
            check.before = seen.begun.then(|| seen.folder.join("state.json"));
        }
    }
    let moved = make.moved(&new, database, keep);
    steps.push(PlannedStep::new("put-back", moved, "it has passed").risk(Risk::Interrupts));
    let needed = backup.manifest.as_ref().map_or(0, |manifest| manifest.database.bytes);
    let free = make.ground.all.seen.free_bytes.get().copied().unwrap_or(u64::MAX);
    let Some(drop) = drop().filter(|_| free < needed) else { return (steps, drop().into_iter().collect()) };
    plan.warnings.push(format!(
        "There is no room for both: {work} goes before the backup is loaded ({} are needed, {} are free).",
        human(needed),
        human(free)
    ));
    // Right after the backup was read and found whole.
    steps.insert(1, drop);
    (steps, Vec::new())
}

/// Nothing to go back to.
fn no_checkpoint(seen: &UpgradeSeen) -> Block {
    let record = &seen.record;
    let what = format!("what {} was before {} is not there any more", record.database, record.run);
    Block::refused("no_checkpoint", what)
        .because("its checkpoint was removed")
        .hint("Restore a backup from before it: odpm database restore BACKUP --replace --keep-old")
}

/// The modules of an upgrade that was taken back whose code is not what the database has, a sentence each.
pub fn misfits(seen: &UpgradeSeen, changes: &Changes, resolved: &Resolved) -> Vec<String> {
    let ours = changes.modules.iter().filter(|(name, _)| seen.record.modules.contains_key(*name));
    let told = ours.map(|(name, how)| match (how, resolved.get(name)) {
        (Difference::Version, Some(moved)) => {
            let version = |version: &Option<String>| version.clone().unwrap_or_else(|| "nothing".to_owned());
            let (code, database) = (version(&moved.to), version(&moved.from));
            format!("{name}: the code is {code}, the database has {database}")
        }
        (Difference::Version, None) => format!("{name}: the code has another version than the database"),
        (Difference::Files, _) => {
            format!("{name}: its files are not those that the database was upgraded with")
        }
    });
    told.collect()
}

/// Lets the services go again, once the database was seen.
pub fn reopen(seen: &UpgradeSeen, make: &Make<'_>, plan: &mut Plan) {
    if specs::contained(&make.ground.all).is_none_or(|contained| contained.upgrade.is_none()) {
        return;
    }
    plan.steps.extend(give_back(&seen.record.ran, &make.ground.all));
}

/// Throws away what a rehearsal that failed has left, and starts what it has stopped.
pub fn forget(seen: &UpgradeSeen, make: &Make<'_>, plan: &mut Plan) {
    let work = &seen.record.work;
    plan.steps.extend(make.there(work).then(|| make.dropped(work, "the rehearsal is over")));
    let start = |name: &String| crate::grounds::services::one(name, false, &make.ground.all);
    plan.steps.extend(seen.record.ran.iter().flat_map(start));
}
