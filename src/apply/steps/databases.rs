//! Steps on whole databases and their backups.

use crate::error::Result;
use crate::facts::OWN;
use crate::plan::Outcome;
use crate::step::{
    BackupDatabase, CheckBackup, CheckDatabase, DamageScratch, DropDatabase, DuplicateDatabase, HoldTraffic,
    JudgeChange, LoadBackup, LoadFiles, MoveDatabase, Neutralize, ProbeOdoo, RecordDrill, RemoveBackup,
    RemoveSnapshot, RenewIdentity, RepairRows, RepairTable, RestoreFields, RestoreFiles, RunScript,
    SetPassword, Step, TakeSnapshot, UpdateModules,
};
use crate::world::World;

/// Something was done that nobody has to take back: with its database it goes.
pub(super) fn done(told: Vec<String>) -> Outcome {
    let outcome = Outcome::changed(Vec::new());
    if told.is_empty() { outcome } else { outcome.detail(told.join(", ")) }
}

pub(super) fn seen(told: Vec<String>) -> Outcome {
    let outcome = Outcome::unchanged();
    if told.is_empty() { outcome } else { outcome.detail(told.join(", ")) }
}

pub async fn backup(step: &BackupDatabase, world: &mut World) -> Result<Outcome> {
    let told = world.databases.backup(step, world.hands(&step.operator)?).await?;
    Ok(done(told))
}

pub async fn check_backup(step: &CheckBackup, world: &mut World) -> Result<Outcome> {
    let told = world.databases.check_backup(step, world.hands(&step.operator)?).await?;
    Ok(seen(told))
}

pub async fn load(step: &LoadBackup, world: &mut World) -> Result<Outcome> {
    let told = world.databases.load(step, world.hands(&step.operator)?).await?;
    Ok(done(told))
}

pub async fn restore_files(step: &RestoreFiles, world: &mut World) -> Result<Outcome> {
    let put = world.databases.restore_files(step, world.meter.clone()).await?;
    // What rows name again stays; what nobody names Odoo itself cleans up.
    Ok(done(vec![format!("{put} files")]))
}

pub async fn load_files(step: &LoadFiles, world: &mut World) -> Result<Outcome> {
    let files = world.databases.load_files(step, world.meter.clone()).await?;
    Ok(done(vec![format!("{files} files")]))
}

pub async fn renew(step: &RenewIdentity, world: &mut World) -> Result<Outcome> {
    world.databases.renew(step, world.hands(&step.operator)?).await?;
    Ok(done(Vec::new()))
}

pub async fn neutralize(step: &Neutralize, world: &mut World) -> Result<Outcome> {
    let told = world.databases.neutralize(step, world.hands(&step.operator)?).await?;
    Ok(Outcome::stays("what was switched off stays off").detail(told.join(", ")))
}

pub async fn check(step: &CheckDatabase, world: &mut World) -> Result<Outcome> {
    let told = world.databases.check(step, world.hands(&step.operator)?).await?;
    Ok(seen(told))
}

pub async fn rename(step: &MoveDatabase, world: &mut World) -> Result<Outcome> {
    let (moved, kept) = world.databases.rename(step, world.hands(&step.operator)?).await?;
    // A name of odpm's own is none to be in service under.
    let ours = step.from.starts_with(OWN);
    let was = if ours { format!("taken back, it was {} for a while", step.to) } else { String::new() };
    let back = match &step.keep {
        // In one go, or not at all: nothing is out of service in between, or because the kept one is gone.
        Some(keep) => MoveDatabase {
            from: keep.clone(),
            expect: kept,
            keep: Some(step.from.clone()),
            keep_expect: moved,
            keep_mark: was,
            open: true,
            mark: String::new(),
            ..step.clone()
        },
        None => MoveDatabase {
            from: step.to.clone(),
            to: step.from.clone(),
            expect: moved,
            open: !ours,
            mark: was,
            ..step.clone()
        },
    };
    let undo = vec![Step::MoveDatabase(Box::new(back))];
    Ok(Outcome::changed(undo))
}

pub async fn duplicate(step: &DuplicateDatabase, world: &mut World) -> Result<Outcome> {
    let told = world.databases.duplicate(step, world.hands(&step.operator)?).await?;
    Ok(done(told))
}

/// What an unfinished attempt keeps from people is given back: databases that it has closed. Tells which.
pub async fn release(step: &Step, world: &World) -> Result<Vec<String>> {
    let (operator, names) = match step {
        Step::DuplicateDatabase(step) => (&step.operator, vec![step.from.as_str()]),
        Step::MoveDatabase(step) => (&step.operator, vec![step.from.as_str(), step.to.as_str()]),
        // What is filled is a copy; the database itself waits for it, closed.
        Step::CopyTables(step) => match &step.anew {
            Some(copy) => (&step.operator, vec![copy.from.as_str()]),
            None => return Ok(Vec::new()),
        },
        _ => return Ok(Vec::new()),
    };
    let opened = world.databases.reopen(operator, names, world.hands(operator)?).await?;
    Ok(opened.iter().map(|name| format!("{name} takes connections again.")).collect())
}

pub async fn drop_database(step: &DropDatabase, world: &mut World) -> Result<Outcome> {
    world.databases.drop_database(step, world.hands(&step.operator)?).await?;
    Ok(Outcome::stays("the database and its files are gone").detail(step.name.clone()))
}

pub async fn update_modules(step: &UpdateModules, world: &mut World) -> Result<Outcome> {
    let told = world.databases.update_modules(step, world.hands(&step.operator)?).await?;
    Ok(Outcome::stays("what modules did to the database stays").detail(told.join(", ")))
}

pub async fn probe(step: &ProbeOdoo, world: &mut World) -> Result<Outcome> {
    let told = world.databases.probe(step, world.hands(&step.operator)?).await?;
    Ok(seen(told))
}

pub async fn set_password(step: &SetPassword, world: &mut World) -> Result<Outcome> {
    let secret = world.secret(&step.secret)?;
    world.databases.set_password(step, secret, world.hands(&step.operator)?).await?;
    Ok(Outcome::stays("the administrator's login and password stay as they are now"))
}

pub async fn restore_fields(step: &RestoreFields, world: &mut World) -> Result<Outcome> {
    let done = world.databases.restore_fields(step, world.hands(&step.operator)?).await?;
    let told = done.told.join(", ");
    let Some(sha256) = done.record else { return Ok(Outcome { detail: Some(told), ..Outcome::default() }) };
    // What was written is written back, where it is still so.
    let back = RestoreFields {
        changes: step.record.clone(),
        sha256,
        counts: done.counts,
        record: step.record.with_extension("undone.jsonl"),
        ..step.clone()
    };
    Ok(Outcome::changed(vec![Step::RestoreFields(Box::new(back))]).detail(told))
}

pub async fn damage_scratch(step: &DamageScratch, world: &mut World) -> Result<Outcome> {
    let told = world.databases.damage_scratch(step, world.hands(&step.operator)?).await?;
    Ok(done(vec![told]))
}

pub async fn hold_traffic(step: &HoldTraffic, world: &mut World) -> Result<Outcome> {
    let told = world.databases.hold_traffic(step, world.hands(&step.operator)?).await?;
    let back = HoldTraffic { hold: !step.hold, ..step.clone() };
    Ok(Outcome::changed(vec![Step::HoldTraffic(back)]).detail(told))
}

pub async fn repair_rows(step: &RepairRows, world: &mut World) -> Result<Outcome> {
    let done = world.databases.repair_rows(step, world.hands(&step.operator)?).await?;
    let told = done.told.join(", ");
    let Some(sha256) = done.record else { return Ok(Outcome { detail: Some(told), ..Outcome::default() }) };
    let back =
        |table: &RepairTable| RepairTable { insert: table.delete, delete: table.insert, ..table.clone() };
    let back = RepairRows {
        changes: step.record.clone(),
        sha256,
        tables: step.tables.iter().map(back).collect(),
        record: step.record.with_extension("undone.jsonl"),
        ..step.clone()
    };
    Ok(Outcome::changed(vec![Step::RepairRows(Box::new(back))]).detail(told))
}

pub async fn run_script(step: &RunScript, world: &mut World) -> Result<Outcome> {
    let done = world.databases.run_script(step, world.hands(&step.operator)?).await?;
    let told = done.told.join(", ");
    let (Some(record), Some((sha256, tables))) = (&step.record, done.undo) else {
        let outcome = match step.record {
            Some(_) => Outcome::unchanged(),
            None => Outcome::stays("what the script did was not recorded, as was wanted"),
        };
        return Ok(outcome.detail(told));
    };
    let back = RepairRows {
        operator: step.operator.clone(),
        database: step.database.clone(),
        changes: record.clone(),
        sha256,
        tables,
        stamp: false,
        checks: step.checks.clone(),
        record: record.with_extension("undone.jsonl"),
    };
    Ok(Outcome::changed(vec![Step::RepairRows(Box::new(back))]).detail(told))
}

pub async fn take_snapshot(step: &TakeSnapshot, world: &mut World) -> Result<Outcome> {
    let told = world.databases.take_snapshot(step, world.hands(&step.operator)?).await?;
    Ok(done(told))
}

pub async fn judge_change(step: &JudgeChange, world: &mut World) -> Result<Outcome> {
    let told = world.databases.judge_change(step, world.hands(&step.operator)?).await?;
    Ok(seen(told))
}

pub async fn remove_snapshot(step: &RemoveSnapshot, world: &mut World) -> Result<Outcome> {
    world.databases.remove_snapshot(step).await?;
    Ok(Outcome::stays("the snapshot is gone"))
}

pub async fn remove_backup(step: &RemoveBackup, world: &mut World) -> Result<Outcome> {
    world.databases.remove_backup(step).await?;
    Ok(Outcome::stays("the backup is gone"))
}

pub async fn record_drill(step: &RecordDrill, world: &mut World) -> Result<Outcome> {
    let begun: Option<jiff::Timestamp> = step.begun.parse().ok();
    let seconds = begun.map_or(0, |begun| world.clock.now().as_second() - begun.as_second());
    world.databases.record_drill(step, seconds).await?;
    Ok(done(vec![format!("passed in {seconds} s")]))
}
