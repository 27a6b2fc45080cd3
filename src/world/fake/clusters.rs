//! Whole clusters of the fake world: base backups and sidecars by their names.

use std::path::{Path, PathBuf};

use super::Fake;
use crate::base::Meter;
use crate::engine::{Engine, EngineFuture};
use crate::step::{
    ArchiveLog, BackUpCluster, CreateStanza, EndSession, ExpireRepository, LayOutSidecar, RecoverSidecar,
    RemoveBaseBackup, RemoveLog, RemoveSidecar, SidecarSource, TakeBaseBackup,
};
use crate::world::{Clusters, Hands};

/// A base backup in a repository.
fn held(repository: usize, set: &str) -> PathBuf {
    Path::new("repositories").join(repository.to_string()).join(set)
}

impl Clusters for Fake {
    fn archive_log<'a>(&'a self, _: &'a ArchiveLog, _: Hands<'a>) -> EngineFuture<'a, Vec<String>> {
        Box::pin(async move { self.point().map(|()| Vec::new()) })
    }

    fn take_base_backup<'a>(
        &'a self,
        step: &'a TakeBaseBackup,
        _: Hands<'a>,
    ) -> EngineFuture<'a, Vec<String>> {
        Box::pin(async move {
            self.effect(|d| {
                let _ = d.backups.insert(step.folder.join(&step.id));
            })?;
            Ok(Vec::new())
        })
    }

    fn remove_base_backup<'a>(&'a self, step: &'a RemoveBaseBackup) -> EngineFuture<'a, ()> {
        Box::pin(async move {
            self.effect(|d| {
                let _ = d.backups.remove(&step.folder.join(&step.id));
            })
        })
    }

    fn remove_log<'a>(&'a self, _: &'a RemoveLog) -> EngineFuture<'a, Vec<String>> {
        Box::pin(async move { self.point().map(|()| Vec::new()) })
    }

    fn create_stanza<'a>(&'a self, step: &'a CreateStanza) -> EngineFuture<'a, ()> {
        Box::pin(async move {
            self.effect(|d| {
                let _ = d.folders.insert(step.pgbackrest.stanza.clone().into());
            })
        })
    }

    fn back_up<'a>(&'a self, step: &'a BackUpCluster, _: Hands<'a>) -> EngineFuture<'a, Vec<String>> {
        Box::pin(async move {
            if !self.durable().folders.contains(Path::new(&step.pgbackrest.stanza)) {
                return Err(self.fails("the repository does not know the cluster"));
            }
            self.effect(|d| {
                let _ = d.backups.insert(held(step.repository, &step.id));
            })?;
            Ok(Vec::new())
        })
    }

    fn expire<'a>(&'a self, step: &'a ExpireRepository) -> EngineFuture<'a, Vec<String>> {
        Box::pin(async move {
            for set in &step.sets {
                self.effect(|d| {
                    let _ = d.backups.remove(&held(step.repository, set));
                })?;
            }
            Ok(Vec::new())
        })
    }

    fn lay_out_sidecar<'a>(
        &'a self,
        step: &'a LayOutSidecar,
        _: &'a dyn Engine,
        _: Meter,
    ) -> EngineFuture<'a, Vec<String>> {
        Box::pin(async move {
            let base = match &step.from {
                SidecarSource::Basebackup { base, .. } => base.clone(),
                SidecarSource::Pgbackrest { repository, set, .. } => held(*repository, set),
            };
            if !self.durable().backups.contains(&base) {
                return Err(self.fails("there is no such base backup"));
            }
            // What a killed attempt has left goes first.
            self.effect(|d| {
                let _ = d.sidecars.insert(step.record.sidecar.name.clone(), "half");
            })?;
            self.effect(|d| {
                let _ = d.sidecars.insert(step.record.sidecar.name.clone(), "laid out");
            })?;
            Ok(Vec::new())
        })
    }

    fn recover_sidecar<'a>(
        &'a self,
        step: &'a RecoverSidecar,
        _: &'a dyn Engine,
    ) -> EngineFuture<'a, Vec<String>> {
        Box::pin(async move {
            if !matches!(
                self.durable().sidecars.get(&step.record.sidecar.name),
                Some(&("laid out" | "stands"))
            ) {
                return Err(self.fails("it is not laid out"));
            }
            self.effect(|d| {
                let _ = d.sidecars.insert(step.record.sidecar.name.clone(), "stands");
            })?;
            Ok(Vec::new())
        })
    }

    fn end_session<'a>(&'a self, _: &'a EndSession, _: Hands<'a>) -> EngineFuture<'a, Vec<String>> {
        Box::pin(async move { self.point().map(|()| Vec::new()) })
    }

    fn remove_sidecar<'a>(&'a self, step: &'a RemoveSidecar, _: &'a dyn Engine) -> EngineFuture<'a, ()> {
        Box::pin(async move {
            self.effect(|d| {
                let _ = d.sidecars.remove(&step.sidecar.name);
            })
        })
    }
}
