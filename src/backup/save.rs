//! Back a database up.

use std::path::{Path, PathBuf};

use super::Make;
use crate::base::time::stamp;
use crate::plan::{Block, Plan, PlannedStep};
use crate::step::{BackupDatabase, BackupFormat, Step};

pub fn plan(
    database: &str,
    format: BackupFormat,
    to: Option<(&Path, bool)>,
    files: bool,
    jobs: u16,
    make: &Make<'_>,
    plan: &mut Plan,
) {
    if !make.wanted(database, plan) {
        return;
    }
    let (to, taken) =
        to.map_or_else(|| (place(database, format, make), false), |(to, taken)| (to.to_owned(), taken));
    let known = make.ground.seen.backups.iter().any(|backup| backup.path == to);
    // Whatever is there is somebody's: a backup of the night before, or the folder that was meant to hold this one.
    if known || taken {
        let block = Block::refused("backup_exists", format!("{} is there already", to.display()));
        plan.blocked.push(block.hint("Name another file: --out FILE"));
    }
    let folder = make.hand.filestore().join(database);
    let has_files = make.ground.seen.folders.contains_key(database);
    if files && !has_files && format != BackupFormat::Dump {
        plan.warnings.push(format!("There are no files of {database}: {} is not there.", folder.display()));
    }
    let step = BackupDatabase {
        operator: make.hand.operator.clone(),
        database: database.to_owned(),
        format,
        to,
        files: (files && format != BackupFormat::Dump).then_some(folder),
        jobs,
    };
    let reason = match format {
        BackupFormat::Fast => "a folder that restores quickly, with files stored once for all backups",
        BackupFormat::Zip => "a zip that Odoo's database manager restores too",
        BackupFormat::Dump => "a dump for pg_restore, without files",
    };
    plan.steps.push(PlannedStep::new("backup", Step::BackupDatabase(Box::new(step)), reason));
}

/// A name that sorts by time: `shop-20261121T081500Z.odpm`.
fn place(database: &str, format: BackupFormat, make: &Make<'_>) -> PathBuf {
    let time = stamp(make.ground.all.seen.at);
    let end = match format {
        BackupFormat::Fast => "odpm",
        BackupFormat::Zip => "zip",
        BackupFormat::Dump => "dump",
    };
    make.hand.backup(database, &format!("{time}.{end}"))
}
