//! Which backups to keep, and what interrupted runs have left.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Make;
use crate::facts::{BackupSeen, OWN};
use crate::plan::{Plan, PlannedStep, Risk};
use crate::project::Keep;
use crate::step::{RemoveBackup, Step};

pub fn plan(make: &Make<'_>, plan: &mut Plan) {
    let keep = make.ground.all.project.backup.keep;
    let backups = &make.ground.seen.backups;
    let mut by_database: BTreeMap<&str, Vec<&BackupSeen>> = BTreeMap::new();
    for backup in backups.iter().filter(|backup| backup.manifest.is_some()) {
        by_database.entry(backup.database().unwrap_or_default()).or_default().push(backup);
    }
    for (database, of_it) in by_database {
        let kept = kept(&of_it, keep);
        for backup in of_it.iter().filter(|backup| !kept.contains(&backup.path)) {
            let step = Step::RemoveBackup(RemoveBackup { path: backup.path.clone() });
            let name = backup.path.file_name().unwrap_or_default().to_string_lossy();
            let reason = match kept.len() {
                1 => format!("one other of {database} is kept"),
                count => format!("{count} others of {database} are kept"),
            };
            plan.steps.push(PlannedStep::new(format!("remove-{name}"), step, reason).risk(Risk::Destroys));
        }
    }
    for path in &make.ground.seen.half_removed {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let step = Step::RemoveBackup(RemoveBackup { path: path.clone() });
        let reason = "its removal was broken off, and it is no backup any more";
        plan.steps.push(PlannedStep::new(format!("remove-{name}"), step, reason).risk(Risk::Destroys));
    }
    let strangers = backups.iter().filter(|backup| backup.manifest.is_none()).count();
    if strangers > 0 {
        plan.warnings.push(format!("{strangers} backups there are not odpm's: they are left alone."));
    }
    for database in make.ground.seen.all.get().into_iter().flatten() {
        // One in service carries no mark, and under a person's name none is dropped for one.
        if let Some(mark) = database.mark().filter(|_| database.name.starts_with(OWN)) {
            let step = make.hand.dropped(&database.name);
            let id = format!("drop-{}", database.name);
            plan.steps.push(PlannedStep::new(id, step, format!("it was {mark}")).risk(Risk::Destroys));
        }
    }
}

/// Those to keep: the newest, and the newest of each of the last days, weeks and months that have any.
pub fn kept(backups: &[&BackupSeen], keep: Keep) -> BTreeSet<PathBuf> {
    let mut newest_first: Vec<(Timestamp, &BackupSeen)> =
        backups.iter().filter_map(|backup| Some((when(backup)?, *backup))).collect();
    newest_first.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    // One whose time cannot be read is kept: nobody knows how old it is.
    let mut kept: BTreeSet<PathBuf> =
        backups.iter().filter(|backup| when(backup).is_none()).map(|backup| backup.path.clone()).collect();
    kept.extend(newest_first.iter().take(keep.last as usize).map(|(_, backup)| backup.path.clone()));
    let of_each = |count: u32, period: &str| {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for (at, backup) in &newest_first {
            let period = at.to_zoned(TimeZone::UTC).strftime(period).to_string();
            if seen.len() < count as usize && seen.insert(period) {
                found.push(backup.path.clone());
            }
        }
        found
    };
    for (count, period) in [(keep.daily, "%Y-%m-%d"), (keep.weekly, "%G-%V"), (keep.monthly, "%Y-%m")] {
        kept.extend(of_each(count, period));
    }
    kept
}

fn when(backup: &BackupSeen) -> Option<Timestamp> {
    backup.manifest.as_ref()?.created_at.parse().ok()
}
