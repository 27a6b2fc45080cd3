//! Steps on whole clusters: the archive, base backups, sidecars.

use super::carry;
use super::databases::{self, done, seen};
use crate::base::size::human;
use crate::error::Result;
use crate::plan::Outcome;
use crate::step::{
    ArchiveLog, BackUpCluster, CreateStanza, EndSession, ExpireRepository, LayOutSidecar, RecoverSidecar,
    RemoveBaseBackup, RemoveLog, RemoveSidecar, ReplaceData, RewindCluster, Step, TakeBaseBackup,
};
use crate::world::World;
use crate::world::clusters::Rewinding;

pub async fn archive_log(step: &ArchiveLog, world: &mut World) -> Result<Outcome> {
    let told = world.clusters.archive_log(step, world.hands(&step.operator)?).await?;
    Ok(seen(told))
}

pub async fn take_base_backup(step: &TakeBaseBackup, world: &mut World) -> Result<Outcome> {
    let told = world.clusters.take_base_backup(step, world.hands(&step.operator)?).await?;
    let back = RemoveBaseBackup { folder: step.folder.clone(), id: step.id.clone() };
    Ok(Outcome::changed(vec![Step::RemoveBaseBackup(back)]).detail(told.join(", ")))
}

pub async fn remove_base_backup(step: &RemoveBaseBackup, world: &mut World) -> Result<Outcome> {
    world.clusters.remove_base_backup(step).await?;
    Ok(Outcome::stays("the base backup is gone"))
}

pub async fn remove_log(step: &RemoveLog, world: &mut World) -> Result<Outcome> {
    let told = world.clusters.remove_log(step).await?;
    Ok(Outcome::stays("the segments of the log are gone").detail(told.join(", ")))
}

pub async fn create_stanza(step: &CreateStanza, world: &mut World) -> Result<Outcome> {
    world.clusters.create_stanza(step).await?;
    Ok(Outcome::stays("the repositories go on knowing the cluster"))
}

pub async fn back_up(step: &BackUpCluster, world: &mut World) -> Result<Outcome> {
    let told = world.clusters.back_up(step, world.hands(&step.operator)?).await?;
    Ok(Outcome::stays("the base backup stays; the oldest go with odpm archive expire")
        .detail(told.join(", ")))
}

pub async fn expire(step: &ExpireRepository, world: &mut World) -> Result<Outcome> {
    let told = world.clusters.expire(step).await?;
    Ok(Outcome::stays("what pgBackRest has removed is gone").detail(told.join(", ")))
}

pub async fn lay_out_sidecar(step: &LayOutSidecar, world: &mut World) -> Result<Outcome> {
    let told = world.clusters.lay_out_sidecar(step, world.engine.as_ref(), world.meter.clone()).await?;
    let back = RemoveSidecar { sidecar: step.record.sidecar.clone() };
    Ok(Outcome::changed(vec![Step::RemoveSidecar(back)]).detail(told.join(", ")))
}

pub async fn recover_sidecar(step: &RecoverSidecar, world: &mut World) -> Result<Outcome> {
    let told = world.clusters.recover_sidecar(step, world.engine.as_ref()).await?;
    Ok(done(told))
}

pub async fn remove_sidecar(step: &RemoveSidecar, world: &mut World) -> Result<Outcome> {
    world.clusters.remove_sidecar(step, world.engine.as_ref()).await?;
    Ok(Outcome::stays("a sidecar is made anew: odpm incident sidecar"))
}

pub async fn rewind_cluster(step: &RewindCluster, world: &mut World) -> Result<Outcome> {
    let admin = world.secret(&step.admin)?;
    let statements = world.database.bootstrap_statements(&step.recovery.record.role, &admin)?;
    let work = Rewinding { step, statements: &statements, engine: world.engine.as_ref() };
    Ok(done(world.clusters.rewind_cluster(work, world.meter.clone()).await?))
}

pub async fn replace_data(step: &ReplaceData, world: &mut World) -> Result<Outcome> {
    let bytes = world.clusters.replace_data(step, world.engine.as_ref()).await?;
    let back = Step::ReplaceData(Box::new(step.inverse()));
    let told = format!("the old one, {}, is in {}", human(bytes), step.aside.display());
    Ok(Outcome::changed(vec![back]).detail(told))
}

/// What an unfinished attempt keeps from people, or has left half done, is given back. Tells what, in sentences.
pub async fn release(step: &Step, world: &World) -> Result<Vec<String>> {
    let engine = world.engine.as_ref();
    match step {
        Step::RewindCluster(step) => {
            let sidecar = step.recovery.record.sidecar.clone();
            world.clusters.remove_sidecar(&RemoveSidecar { sidecar }, engine).await?;
            Ok(Vec::new())
        }
        Step::ReplaceData(step) if world.clusters.put_back(step, engine).await? => {
            Ok(vec![format!("{} is in its place again.", step.server.data.display())])
        }
        Step::ReplaceData(_) => Ok(Vec::new()),
        Step::CopyFiles(step) => carry::release(step, world).await,
        _ => databases::release(step, world).await,
    }
}

pub async fn end_session(step: &EndSession, world: &mut World) -> Result<Outcome> {
    let told = world.clusters.end_session(step, world.hands(&step.operator)?).await?;
    Ok(Outcome::stays("what a session did not finish is rolled back").detail(told.join(", ")))
}
