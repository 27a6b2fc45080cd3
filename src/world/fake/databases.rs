//! Whole databases of the fake world: what was done to each, and backups by their names.

use super::Fake;
use crate::base::{Meter, Secret};
use crate::engine::EngineFuture;
use crate::step::{
    BackupDatabase, CheckBackup, CheckDatabase, CheckTables, CloseDatabase, CompareState, CopyFiles,
    CopyTables, DamageScratch, DropDatabase, DuplicateDatabase, HandOverFiles, HoldTraffic, JudgeChange,
    LoadBackup, LoadFiles, MoveDatabase, Neutralize, Operator, ProbeOdoo, RecomputeFields, RecordDrill,
    RemoveBackup, RemoveSnapshot, RenewIdentity, RepairRows, RestoreFields, RestoreFiles, RunOdoo, RunScript,
    SetPassword, TakeSnapshot, UpdateModules,
};
use crate::world::{Databases, Ended, FilesCarried, Hands, ScriptDone, WrittenBack};

impl Databases for Fake {
    fn backup<'a>(&'a self, step: &'a BackupDatabase, _: Hands<'a>) -> EngineFuture<'a, Vec<String>> {
        Box::pin(async move {
            self.effect(|d| {
                d.backups.insert(step.to.clone());
            })?;
            Ok(Vec::new())
        })
    }

    fn check_backup<'a>(&'a self, _: &'a CheckBackup, _: Hands<'a>) -> EngineFuture<'a, Vec<String>> {
        Box::pin(async move { self.point().map(|()| Vec::new()) })
    }

    fn load<'a>(&'a self, step: &'a LoadBackup, _: Hands<'a>) -> EngineFuture<'a, Vec<String>> {
        Box::pin(async move {
            // What a killed attempt has left goes first.
            self.effect(|d| drop(d.databases.insert(step.database.clone(), Vec::new())))?;
            self.put(&step.database, "half")?;
            self.put(&step.database, "loaded")?;
            self.effect(|d| {
                d.databases.entry(step.database.clone()).or_default().retain(|what| *what != "half")
            })?;
            Ok(Vec::new())
        })
    }

    fn load_files<'a>(&'a self, step: &'a LoadFiles, _: Meter) -> EngineFuture<'a, u64> {
        let name = step.to.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Box::pin(async move { self.put(&name, "files").map(|()| 1) })
    }

    fn renew<'a>(&'a self, step: &'a RenewIdentity, _: Hands<'a>) -> EngineFuture<'a, ()> {
        Box::pin(async move { self.put(&step.database, "renewed") })
    }

    fn neutralize<'a>(&'a self, step: &'a Neutralize, _: Hands<'a>) -> EngineFuture<'a, Vec<String>> {
        Box::pin(async move { self.put(&step.database, "neutralized").map(|()| Vec::new()) })
    }

    fn check<'a>(&'a self, step: &'a CheckDatabase, _: Hands<'a>) -> EngineFuture<'a, Vec<String>> {
        Box::pin(async move {
            let durable = self.durable();
            let inside = durable.databases.get(&step.database);
            if inside.is_none_or(|inside| !inside.contains(&"loaded") || inside.contains(&"half")) {
                return Err(self.fails("it is not what the backup holds"));
            }
            self.point().map(|()| Vec::new())
        })
    }

    fn rename<'a>(
        &'a self,
        step: &'a MoveDatabase,
        _: Hands<'a>,
    ) -> EngineFuture<'a, (Option<u32>, Option<u32>)> {
        Box::pin(async move {
            self.effect(|d| {
                let Some(from) = d.databases.remove(&step.from) else { return };
                if let (Some(keep), Some(old)) = (&step.keep, d.databases.remove(&step.to)) {
                    d.databases.insert(keep.clone(), old);
                }
                d.databases.insert(step.to.clone(), from);
            })?;
            Ok((None, None))
        })
    }

    fn duplicate<'a>(&'a self, step: &'a DuplicateDatabase, _: Hands<'a>) -> EngineFuture<'a, Vec<String>> {
        Box::pin(async move {
            self.effect(|d| {
                let copy = d.databases.get(&step.from).cloned().unwrap_or_default();
                d.databases.insert(step.to.clone(), copy);
            })?;
            Ok(Vec::new())
        })
    }

    fn reopen<'a>(&'a self, _: &'a Operator, _: Vec<&'a str>, _: Hands<'a>) -> EngineFuture<'a, Vec<String>> {
        Box::pin(async move { Ok(Vec::new()) })
    }

    fn drop_database<'a>(&'a self, step: &'a DropDatabase, _: Hands<'a>) -> EngineFuture<'a, ()> {
        Box::pin(async move { self.effect(|d| drop(d.databases.remove(&step.name))) })
    }

    fn copy_files<'a>(&'a self, step: &'a CopyFiles, _: Meter) -> EngineFuture<'a, FilesCarried> {
        let name = step.to.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Box::pin(async move { self.put(&name, "carried").map(|()| FilesCarried::default()) })
    }

    fn hand_over_files<'a>(&'a self, _: &'a HandOverFiles) -> EngineFuture<'a, u64> {
        Box::pin(async move { self.point().map(|()| 0) })
    }

    fn leave_files<'a>(&'a self, _: &'a CopyFiles) -> EngineFuture<'a, u64> {
        Box::pin(async move { Ok(0) })
    }

    fn recompute<'a>(&'a self, step: &'a RecomputeFields, _: Hands<'a>) -> EngineFuture<'a, Vec<String>> {
        Box::pin(async move { self.put(&step.database, "recomputed").map(|()| Vec::new()) })
    }

    fn set_password<'a>(&'a self, step: &'a SetPassword, _: Secret, _: Hands<'a>) -> EngineFuture<'a, ()> {
        Box::pin(async move { self.put(&step.database, "password") })
    }

    fn update_modules<'a>(&'a self, step: &'a UpdateModules, _: Hands<'a>) -> EngineFuture<'a, Vec<String>> {
        Box::pin(async move { self.put(&step.database, "updated").map(|()| Vec::new()) })
    }

    fn probe<'a>(&'a self, _: &'a ProbeOdoo, _: Hands<'a>) -> EngineFuture<'a, Vec<String>> {
        Box::pin(async move { self.point().map(|()| Vec::new()) })
    }

    fn remove_backup<'a>(&'a self, step: &'a RemoveBackup) -> EngineFuture<'a, ()> {
        Box::pin(async move {
            self.effect(|d| {
                d.backups.remove(&step.path);
            })
        })
    }

    fn restore_fields<'a>(&'a self, step: &'a RestoreFields, _: Hands<'a>) -> EngineFuture<'a, WrittenBack> {
        Box::pin(async move { self.put(&step.database, "fields").map(|()| WrittenBack::default()) })
    }

    fn restore_files<'a>(&'a self, _: &'a RestoreFiles, _: Meter) -> EngineFuture<'a, u64> {
        Box::pin(async move { Ok(0) })
    }

    fn damage_scratch<'a>(&'a self, step: &'a DamageScratch, _: Hands<'a>) -> EngineFuture<'a, String> {
        Box::pin(async move { self.put(&step.database, "damaged").map(|()| String::new()) })
    }

    fn hold_traffic<'a>(&'a self, step: &'a HoldTraffic, _: Hands<'a>) -> EngineFuture<'a, String> {
        Box::pin(async move { self.put(&step.database, "held").map(|()| String::new()) })
    }

    fn repair_rows<'a>(&'a self, step: &'a RepairRows, _: Hands<'a>) -> EngineFuture<'a, WrittenBack> {
        Box::pin(async move { self.put(&step.database, "repaired").map(|()| WrittenBack::default()) })
    }

    fn run_script<'a>(&'a self, step: &'a RunScript, _: Hands<'a>) -> EngineFuture<'a, ScriptDone> {
        Box::pin(async move { self.put(&step.database, "script").map(|()| ScriptDone::default()) })
    }

    fn take_snapshot<'a>(&'a self, step: &'a TakeSnapshot, _: Hands<'a>) -> EngineFuture<'a, Vec<String>> {
        Box::pin(async move {
            self.effect(|d| {
                d.backups.remove(&step.to);
            })?;
            self.effect(|d| {
                d.backups.insert(step.to.clone());
            })?;
            Ok(Vec::new())
        })
    }

    fn judge_change<'a>(&'a self, step: &'a JudgeChange, _: Hands<'a>) -> EngineFuture<'a, Vec<String>> {
        Box::pin(async move {
            match self.durable().backups.contains(&step.snapshot) {
                true => self.point().map(|()| Vec::new()),
                false => Err(self.fails("there is no snapshot")),
            }
        })
    }

    fn remove_snapshot<'a>(&'a self, step: &'a RemoveSnapshot) -> EngineFuture<'a, ()> {
        Box::pin(async move {
            self.effect(|d| {
                d.backups.remove(&step.rows);
            })
        })
    }

    fn close<'a>(&'a self, step: &'a CloseDatabase, _: Hands<'a>) -> EngineFuture<'a, ()> {
        Box::pin(async move {
            self.effect(|d| {
                let inside = d.databases.entry(step.database.clone()).or_default();
                inside.retain(|what| *what != "closed");
                inside.extend(step.closed.then_some("closed"));
            })
        })
    }

    fn run_odoo<'a>(&'a self, step: &'a RunOdoo, _: String, _: Hands<'a>) -> EngineFuture<'a, Vec<String>> {
        Box::pin(async move {
            let begun = self.durable().databases.get(&step.database).is_some_and(|i| i.contains(&"half"));
            if let Some(anew) = step.anew.as_ref().filter(|_| begun) {
                let copy = self.durable().databases.get(&anew.from).cloned().unwrap_or_default();
                self.effect(|d| drop(d.databases.insert(anew.to.clone(), copy)))?;
            }
            self.put(&step.database, "half")?;
            self.effect(|d| {
                let inside = d.databases.entry(step.database.clone()).or_default();
                inside.retain(|what| *what != "half");
                inside.push("upgraded");
            })?;
            Ok(Vec::new())
        })
    }

    fn compare_state<'a>(&'a self, _: &'a CompareState, _: Hands<'a>) -> EngineFuture<'a, Vec<String>> {
        Box::pin(async move { self.point().map(|()| Vec::new()) })
    }

    fn check_tables<'a>(
        &'a self,
        _: &'a CheckTables,
        _: Secret,
        _: Hands<'a>,
    ) -> EngineFuture<'a, Vec<String>> {
        Box::pin(async move { self.point().map(|()| Vec::new()) })
    }

    fn committed_tables<'a>(
        &'a self,
        step: &'a CopyTables,
        _: Hands<'a>,
    ) -> EngineFuture<'a, Ended<Vec<String>>> {
        let there = self.durable().databases.get(&step.database).is_some_and(|i| i.contains(&"rows"));
        Box::pin(async move {
            Ok(match there && step.anew.is_none() {
                true => Ended::Committed(Vec::new()),
                false => Ended::Undone,
            })
        })
    }

    fn copy_tables<'a>(
        &'a self,
        step: &'a CopyTables,
        _: Secret,
        _: Hands<'a>,
    ) -> EngineFuture<'a, Vec<String>> {
        Box::pin(async move {
            let inside = self.durable().databases.get(&step.database).cloned().unwrap_or_default();
            let Some(anew) = &step.anew else {
                // One transaction, whose fate is asked before it is begun again.
                if !inside.contains(&"rows") {
                    self.effect(|d| {
                        d.databases.entry(step.database.clone()).or_default().push("rows");
                        *d.once.entry("rows copied").or_default() += 1;
                    })?;
                }
                return Ok(Vec::new());
            };
            if inside.contains(&"half") {
                let copy = self.durable().databases.get(&anew.from).cloned().unwrap_or_default();
                self.effect(|d| drop(d.databases.insert(anew.to.clone(), copy)))?;
            }
            self.put(&step.database, "half")?;
            self.effect(|d| {
                let inside = d.databases.entry(step.database.clone()).or_default();
                inside.retain(|what| *what != "half" && *what != "rows");
                inside.push("rows");
            })?;
            Ok(Vec::new())
        })
    }

    fn record_drill<'a>(&'a self, _: &'a RecordDrill, _: i64) -> EngineFuture<'a, ()> {
        Box::pin(async move { self.effect(|d| d.drills = 1) })
    }
}
