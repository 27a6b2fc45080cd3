//! Whole clusters: the archive of their log, base backups, sidecars.

mod archive;
mod repository;
mod rewind;
mod sidecar;

use crate::base::Meter;
use crate::engine::{Engine, EngineFuture};
use crate::process::blocking;
use crate::step::{
    ArchiveLog, BackUpCluster, CreateStanza, EndSession, ExpireRepository, LayOutSidecar, RecoverSidecar,
    RemoveBaseBackup, RemoveLog, RemoveSidecar, ReplaceData, RewindCluster, TakeBaseBackup,
};

use super::Hands;

/// A cluster to rewind, and what that needs.
#[derive(Clone, Copy)]
pub struct Rewinding<'a> {
    /// The step.
    pub step: &'a RewindCluster,
    /// What gives it the administrative role that odpm knows.
    pub statements: &'a [String],
    /// What runs its server.
    pub engine: &'a dyn Engine,
}

/// Whole clusters. What was done is told in phrases, one each.
pub trait Clusters {
    /// Has the server archive its log up to now.
    fn archive_log<'a>(&'a self, step: &'a ArchiveLog, hands: Hands<'a>) -> EngineFuture<'a, Vec<String>>;
    /// Takes a base backup.
    fn take_base_backup<'a>(
        &'a self,
        step: &'a TakeBaseBackup,
        hands: Hands<'a>,
    ) -> EngineFuture<'a, Vec<String>>;
    /// Removes a base backup.
    fn remove_base_backup<'a>(&'a self, step: &'a RemoveBaseBackup) -> EngineFuture<'a, ()>;
    /// Removes segments of the kept log.
    fn remove_log<'a>(&'a self, step: &'a RemoveLog) -> EngineFuture<'a, Vec<String>>;
    /// Makes the cluster known to pgBackRest's repositories.
    fn create_stanza<'a>(&'a self, step: &'a CreateStanza) -> EngineFuture<'a, ()>;
    /// Has pgBackRest take a base backup.
    fn back_up<'a>(&'a self, step: &'a BackUpCluster, hands: Hands<'a>) -> EngineFuture<'a, Vec<String>>;
    /// Has pgBackRest remove base backups and log.
    fn expire<'a>(&'a self, step: &'a ExpireRepository) -> EngineFuture<'a, Vec<String>>;
    /// Lays a base backup out as the data directory of a sidecar.
    fn lay_out_sidecar<'a>(
        &'a self,
        step: &'a LayOutSidecar,
        engine: &'a dyn Engine,
        meter: Meter,
    ) -> EngineFuture<'a, Vec<String>>;
    /// Has a sidecar recover to a moment.
    fn recover_sidecar<'a>(
        &'a self,
        step: &'a RecoverSidecar,
        engine: &'a dyn Engine,
    ) -> EngineFuture<'a, Vec<String>>;
    /// Ends what a session does, or the session.
    fn end_session<'a>(&'a self, step: &'a EndSession, hands: Hands<'a>) -> EngineFuture<'a, Vec<String>>;
    /// Stops a sidecar and removes its folder.
    fn remove_sidecar<'a>(&'a self, step: &'a RemoveSidecar, engine: &'a dyn Engine) -> EngineFuture<'a, ()>;
    /// Recovers a cluster beside its data directory to a moment, from which it goes on.
    fn rewind_cluster<'a>(&'a self, work: Rewinding<'a>, meter: Meter) -> EngineFuture<'a, Vec<String>>;
    /// Puts a cluster in the place of the data directory; how large the one is that is set aside.
    fn replace_data<'a>(&'a self, step: &'a ReplaceData, engine: &'a dyn Engine) -> EngineFuture<'a, u64>;
    /// Puts a data directory that was set aside back where its place is empty; whether that was so.
    fn put_back<'a>(&'a self, step: &'a ReplaceData, engine: &'a dyn Engine) -> EngineFuture<'a, bool>;
}

/// Real ones.
pub struct RealClusters;

impl Clusters for RealClusters {
    fn archive_log<'a>(&'a self, step: &'a ArchiveLog, hands: Hands<'a>) -> EngineFuture<'a, Vec<String>> {
        Box::pin(archive::archive_log(step, hands))
    }

    fn take_base_backup<'a>(
        &'a self,
        step: &'a TakeBaseBackup,
        hands: Hands<'a>,
    ) -> EngineFuture<'a, Vec<String>> {
        Box::pin(archive::take_base_backup(step, hands))
    }

    fn remove_base_backup<'a>(&'a self, step: &'a RemoveBaseBackup) -> EngineFuture<'a, ()> {
        let step = step.clone();
        Box::pin(blocking(move || archive::remove_base_backup(&step)))
    }

    fn remove_log<'a>(&'a self, step: &'a RemoveLog) -> EngineFuture<'a, Vec<String>> {
        let step = step.clone();
        Box::pin(blocking(move || archive::remove_log(&step)))
    }

    fn create_stanza<'a>(&'a self, step: &'a CreateStanza) -> EngineFuture<'a, ()> {
        Box::pin(repository::create_stanza(step))
    }

    fn back_up<'a>(&'a self, step: &'a BackUpCluster, hands: Hands<'a>) -> EngineFuture<'a, Vec<String>> {
        Box::pin(repository::back_up(step, hands))
    }

    fn expire<'a>(&'a self, step: &'a ExpireRepository) -> EngineFuture<'a, Vec<String>> {
        Box::pin(repository::expire(step))
    }

    fn lay_out_sidecar<'a>(
        &'a self,
        step: &'a LayOutSidecar,
        engine: &'a dyn Engine,
        meter: Meter,
    ) -> EngineFuture<'a, Vec<String>> {
        Box::pin(sidecar::lay_out(step, engine, meter))
    }

    fn recover_sidecar<'a>(
        &'a self,
        step: &'a RecoverSidecar,
        engine: &'a dyn Engine,
    ) -> EngineFuture<'a, Vec<String>> {
        Box::pin(sidecar::recover(step, engine))
    }

    fn end_session<'a>(&'a self, step: &'a EndSession, hands: Hands<'a>) -> EngineFuture<'a, Vec<String>> {
        Box::pin(archive::end_session(step, hands))
    }

    fn remove_sidecar<'a>(&'a self, step: &'a RemoveSidecar, engine: &'a dyn Engine) -> EngineFuture<'a, ()> {
        Box::pin(sidecar::remove(step, engine))
    }

    fn rewind_cluster<'a>(&'a self, work: Rewinding<'a>, meter: Meter) -> EngineFuture<'a, Vec<String>> {
        Box::pin(rewind::rewind(work, meter))
    }

    fn replace_data<'a>(&'a self, step: &'a ReplaceData, engine: &'a dyn Engine) -> EngineFuture<'a, u64> {
        Box::pin(rewind::replace(step, engine))
    }

    fn put_back<'a>(&'a self, step: &'a ReplaceData, engine: &'a dyn Engine) -> EngineFuture<'a, bool> {
        engine.put_data_back(step)
    }
}
