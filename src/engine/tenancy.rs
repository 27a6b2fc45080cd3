//! A data directory has one server.
//!
//! `postmaster.pid` does not protect it between containers: every postmaster is process 1 of its own
//! namespace, so a second server starts on a directory in use, and the first one ends itself a minute later.
//! Three things are looked at before anything starts: containers that mount the directory or one above or
//! below it, processes of PostgreSQL that work in it, and a lock of our own beside it, held meanwhile.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::docker::Container;
use crate::error::{Error, Kind, Result};
use crate::postgres::data_dir;

/// Held from the check to the start.
#[derive(Debug)]
pub struct Tenancy {
    _lock: File,
}

/// Takes the directory for a start; fails when anybody else is at work in it. `own` are the containers that
/// may be there: the one that is about to be replaced.
pub async fn take(data: &Path, own: &[Container]) -> Result<Tenancy> {
    let lock = lock(data)?;
    let others = others(data, own, &containers().await);
    if others.is_empty() {
        return Ok(Tenancy { _lock: lock });
    }
    let error = Error::refused(format!("somebody is at work in {}", data.display()));
    Err(others.into_iter().fold(error, Error::because).hint(
        "Two servers on one data directory destroy it: stop the other one first, the way it was started.",
    ))
}

/// Who else is at work in the directory. Processes that work in it are those of our own container only while
/// that one runs. `containers` are those of the engine.
pub fn others(data: &Path, own: &[Container], containers: &[Container]) -> Vec<String> {
    let mut others = mounting(data, own, containers);
    if others.is_empty() && !own.iter().any(|container| container.running) {
        others.extend(processes_in(data));
    }
    others
}

/// The lock beside the directory: for two projects that were given the same one.
fn lock(data: &Path) -> Result<File> {
    let name = data.file_name().unwrap_or_default().to_string_lossy();
    let path = data.with_file_name(format!(".{name}.odpm-lock"));
    let cannot =
        |e: &std::io::Error| Error::environment(format!("cannot lock {}", data.display())).caused_by(e);
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(|e| cannot(&e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(Error::new(Kind::Locked, format!("another odpm is starting a server on {}", data.display()))
                .hint("Two projects share this data directory; see which one it belongs to."))
        }
        Err(TryLockError::Error(e)) => Err(cannot(&e)),
    }
}

/// PostgreSQL's processes in the directory, wherever their containers are.
fn processes_in(data: &Path) -> Vec<String> {
    data_dir::processes(data).into_iter().map(|pid| format!("process {pid} works in it")).collect()
}

/// The engine's containers; the socket of an engine that nobody has started is not asked.
pub async fn containers() -> Vec<Container> {
    let Ok(client) = super::docker::client() else { return Vec::new() };
    let listing = tokio::time::timeout(Duration::from_secs(3), super::docker::all(&client)).await;
    listing.ok().and_then(Result::ok).unwrap_or_default()
}

/// The running containers that mount the directory, one above or one below it.
pub fn mounting(data: &Path, own: &[Container], containers: &[Container]) -> Vec<String> {
    let data = canonical(data);
    let is_own = |container: &Container| own.iter().any(|own| own.id == container.id);
    containers
        .iter()
        .filter(|container| container.running && !is_own(container))
        .filter(|container| container.sources.iter().any(|source| overlaps(&canonical(source), &data)))
        .map(|container| format!("the container {} mounts it", container.name))
        .collect()
}

fn canonical(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Whether one is the other or lies within it. A mount of the whole disk says nothing about this directory.
fn overlaps(a: &Path, b: &Path) -> bool {
    a.parent().is_some() && (a.starts_with(b) || b.starts_with(a))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_and_children_overlap_and_neighbours_do_not() {
        let data = Path::new("/srv/shop/data");
        for (other, want) in [
            ("/srv/shop/data", true),
            ("/srv/shop", true),
            ("/srv/shop/data/base", true),
            ("/srv/shop/data2", false),
            ("/", false),
        ] {
            assert_eq!(overlaps(Path::new(other), data), want, "{other}");
        }
    }

    fn container(running: bool) -> Container {
        Container {
            id: "c0ffee".to_owned(),
            name: "shop-db-1".to_owned(),
            sources: Vec::new(),
            project: "shop".to_owned(),
            one_off: false,
            service: "db".to_owned(),
            running,
            status: String::new(),
            port: None,
            config: None,
            folder: None,
            compose: None,
        }
    }

    #[test]
    fn a_stopped_container_of_ours_explains_no_process() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("pg");
        std::fs::create_dir(&data).unwrap();
        let postgres = dir.path().join("postgres");
        std::fs::copy("/bin/sleep", &postgres).unwrap();
        let mut server = std::process::Command::new(&postgres).arg("600").current_dir(&data).spawn().unwrap();
        while data_dir::processes(&data).is_empty() {
            std::thread::yield_now();
        }
        let stopped = others(&data, &[container(false)], &[]);
        let running = others(&data, &[container(true)], &[]);
        server.kill().unwrap();
        server.wait().unwrap();
        assert_eq!(stopped, [format!("process {} works in it", server.id())]);
        assert!(running.is_empty(), "{running:?}");
    }

    #[test]
    fn the_lock_is_for_one() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("pg");
        let first = lock(&data).unwrap();
        assert_eq!(lock(&data).unwrap_err().kind(), Kind::Locked);
        drop(first);
        lock(&data).unwrap();
    }
}
