//! Whole clusters of the fake world: base backups and sidecars by their names.

use std::path::{Path, PathBuf};

use super::Fake;
use crate::base::Meter;
use crate::engine::{Engine, EngineFuture};
use crate::step::{
    ArchiveLog, BackUpCluster, CreateStanza, EndSession, ExpireRepository, LayOutSidecar, RecoverSidecar,
    RemoveBaseBackup, RemoveLog, RemoveSidecar, ReplaceData, SidecarSource, TakeBaseBackup,
};
use crate::world::clusters::Rewinding;
use crate::world::{Clusters, Hands};

/// A base backup in a repository.
fn held(repository: usize, set: &str) -> PathBuf {
    Path::new("repositories").join(repository.to_string()).join(set)
}

/// The base backup that a copy is laid out from.
fn source(from: &SidecarSource) -> PathBuf {
    match from {
        SidecarSource::Basebackup { base, .. } => base.clone(),
        SidecarSource::Pgbackrest { repository, set, .. } => held(*repository, set),
    }
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
            if !self.durable().backups.contains(&source(&step.from)) {
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

    fn rewind_cluster<'a>(&'a self, work: Rewinding<'a>, _: Meter) -> EngineFuture<'a, Vec<String>> {
        Box::pin(async move {
            if !self.durable().backups.contains(&source(&work.step.lay_out.from)) {
                return Err(self.fails("there is no such base backup"));
            }
            let sidecar = &work.step.recovery.record.sidecar;
            self.effect(|d| {
                let _ = d.sidecars.insert(sidecar.name.clone(), "half");
            })?;
            self.effect(|d| {
                d.folders.insert(sidecar.data());
                d.sidecars.insert(sidecar.name.clone(), "rewound");
            })?;
            Ok(Vec::new())
        })
    }

    fn replace_data<'a>(&'a self, step: &'a ReplaceData, _: &'a dyn Engine) -> EngineFuture<'a, u64> {
        Box::pin(async move {
            if self.durable().server.is_some() {
                return Err(self.fails("a server runs on this data directory"));
            }
            let there = |path| self.durable().folders.contains(path);
            let rename = |from: &std::path::PathBuf, to: &std::path::PathBuf| {
                self.effect(|d| {
                    d.folders.remove(from);
                    d.folders.insert(to.clone());
                })
            };
            if there(&step.from) {
                if there(&step.server.data) {
                    rename(&step.server.data, &step.aside)?;
                }
                rename(&step.from, &step.server.data)?;
            }
            Ok(0)
        })
    }

    fn put_back<'a>(&'a self, _: &'a ReplaceData, _: &'a dyn Engine) -> EngineFuture<'a, bool> {
        unreachable!("nothing is given up in this world")
    }
}
