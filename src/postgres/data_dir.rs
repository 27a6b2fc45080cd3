//! Looks at a data directory without PostgreSQL's help.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::base::PgMajor;
use crate::facts::{ClusterFiles, DataDir, PidFile};
use crate::process;

/// Names that only PostgreSQL puts into a folder.
const OURS: [&str; 12] = [
    "PG_VERSION",
    "base",
    "global",
    "pg_wal",
    "pg_xlog",
    "pg_xact",
    "pg_clog",
    "pg_tblspc",
    "pg_multixact",
    "pg_hba.conf",
    "postgresql.auto.conf",
    "postmaster.pid",
];

/// How many names a message shows.
const SHOWN: usize = 5;

/// What stands at `path`. Reads a handful of small files and changes nothing.
pub fn inspect(path: &Path) -> DataDir {
    let meta = match fs::metadata(path) {
        Ok(meta) => meta,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return DataDir::Absent,
        Err(e) => return DataDir::Unreadable { why: e.to_string(), owner: None },
    };
    if !meta.is_dir() {
        return DataDir::NotADirectory;
    }
    let unreadable = |e: &io::Error| DataDir::Unreadable { why: e.to_string(), owner: Some(meta.uid()) };
    let mut entries = Vec::new();
    match fs::read_dir(path) {
        Ok(listing) => {
            for entry in listing {
                match entry {
                    Ok(entry) => entries.push(entry.file_name().to_string_lossy().into_owned()),
                    Err(e) => return unreadable(&e),
                }
            }
        }
        Err(e) => return unreadable(&e),
    }
    if entries.is_empty() {
        return DataDir::Empty;
    }
    entries.sort();
    let shown = || entries.iter().take(SHOWN).cloned().collect();
    if !entries.iter().any(|name| OURS.contains(&name.as_str())) {
        return DataDir::Foreign { entries: shown() };
    }
    match whole(path, &meta) {
        Ok(Some(files)) => DataDir::Cluster(files),
        Ok(None) => DataDir::HalfInitialised { entries: shown() },
        Err(e) => unreadable(&e),
    }
}

/// The cluster, when both files without which no server starts are there.
fn whole(path: &Path, meta: &fs::Metadata) -> io::Result<Option<ClusterFiles>> {
    let Some(version) = optional(&path.join("PG_VERSION"))? else { return Ok(None) };
    let Some(major) = PgMajor::from_pg_version(&String::from_utf8_lossy(&version)) else { return Ok(None) };
    let Some(control) = optional(&path.join("global").join("pg_control"))? else { return Ok(None) };
    if control.is_empty() {
        return Ok(None);
    }
    // `ControlFileData` begins with `uint64 system_identifier`, in the machine's own byte order.
    let system_identifier = control.first_chunk::<8>().map(|bytes| u64::from_ne_bytes(*bytes));
    let there = |name: &str| path.join(name).exists();
    Ok(Some(ClusterFiles {
        major,
        system_identifier,
        uid: meta.uid(),
        gid: meta.gid(),
        mode: meta.mode() & 0o7777,
        pid: pid_file(path)?,
        has_hba: there("pg_hba.conf"),
        in_recovery: there("recovery.signal") || there("standby.signal"),
    }))
}

/// Whether the cluster was shut down in order: `ControlFileData` tells its state behind its identifier and two versions, 1 for that.
pub fn was_shut_down(path: &Path) -> io::Result<bool> {
    let control = optional(&path.join("global").join("pg_control"))?.unwrap_or_default();
    Ok(control.get(16..20).is_some_and(|state| state == 1u32.to_ne_bytes()))
}

/// The beginning of a small file; `None` when there is none.
fn optional(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(e) => return Err(e),
    };
    let mut bytes = Vec::new();
    file.take(4096).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// What `postmaster.pid` says: process id, data directory, start time, port, one in a line.
pub fn pid_file(data: &Path) -> io::Result<PidFile> {
    let Some(bytes) = optional(&data.join("postmaster.pid"))? else { return Ok(PidFile::None) };
    let text = String::from_utf8_lossy(&bytes);
    let line = |n: usize| text.lines().nth(n).map(str::trim).unwrap_or_default();
    // The process id of a standalone backend is written with a minus.
    let pid: u32 = line(0).trim_start_matches('-').parse().unwrap_or(0);
    let alive = is_postgres(pid, data);
    Ok(if alive {
        PidFile::Alive { pid, port: line(3).parse().unwrap_or(0) }
    } else {
        PidFile::Stale { pid }
    })
}

/// Whether the process is a PostgreSQL server of this data directory. A process id that was given to
/// another program since, or that means something in another container only, is not one.
fn is_postgres(pid: u32, data: &Path) -> bool {
    // A server works in its data directory; where that may not be seen, the name has to do.
    process::is_called(pid, &NAMES) && works_in(pid, data) != Some(false)
}

/// What PostgreSQL's processes are called.
const NAMES: [&str; 2] = ["postgres", "postmaster"];

/// Whether a process works in this folder; `None` where that cannot be seen. Compared by device and inode:
/// a container sees the same folder under another name.
fn works_in(pid: u32, folder: &Path) -> Option<bool> {
    let cwd = fs::metadata(Path::new("/proc").join(pid.to_string()).join("cwd")).ok()?;
    let folder = fs::metadata(folder).ok()?;
    Some((cwd.dev(), cwd.ino()) == (folder.dev(), folder.ino()))
}

/// The processes of PostgreSQL that are seen to work in this data directory, the server or what a killed
/// server has left: as long as one lives, no other server may start.
pub fn processes(data: &Path) -> Vec<u32> {
    let Ok(listing) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = listing.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| process::is_called(*pid, &NAMES) && works_in(*pid, data) == Some(true)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(dir: &Path) {
        fs::create_dir_all(dir.join("global")).unwrap();
        fs::write(dir.join("PG_VERSION"), "15\n").unwrap();
        let mut control = 7_412_345_678_901_234_567_u64.to_ne_bytes().to_vec();
        control.resize(8192, 0);
        fs::write(dir.join("global/pg_control"), control).unwrap();
    }

    #[test]
    fn each_state_of_a_directory_is_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["empty", "foreign", "half", "whole", "torn"] {
            fs::create_dir(at(name)).unwrap();
        }
        fs::write(at("file"), "").unwrap();
        fs::write(at("foreign").join("photo.jpg"), "").unwrap();
        fs::write(at("half").join("PG_VERSION"), "15\n").unwrap();
        cluster(&at("whole"));
        cluster(&at("torn"));
        fs::write(at("torn").join("global/pg_control"), "").unwrap();

        assert_eq!(inspect(&at("nothing")), DataDir::Absent);
        assert_eq!(inspect(&at("empty")), DataDir::Empty);
        assert_eq!(inspect(&at("file")), DataDir::NotADirectory);
        assert_eq!(inspect(&at("foreign")), DataDir::Foreign { entries: vec!["photo.jpg".into()] });
        assert_eq!(inspect(&at("half")), DataDir::HalfInitialised { entries: vec!["PG_VERSION".into()] });
        assert!(matches!(inspect(&at("torn")), DataDir::HalfInitialised { .. }));
        let DataDir::Cluster(files) = inspect(&at("whole")) else { panic!("not a cluster") };
        assert_eq!(files.major, PgMajor(15));
        assert_eq!(files.system_identifier, Some(7_412_345_678_901_234_567));
        assert_eq!(files.pid, PidFile::None);
    }

    #[test]
    fn a_pid_of_another_program_is_stale() {
        let dir = tempfile::tempdir().unwrap();
        cluster(dir.path());
        let own = std::process::id();
        fs::write(dir.path().join("postmaster.pid"), format!("{own}\n/data\n1\n5433\n")).unwrap();
        assert_eq!(pid_file(dir.path()).unwrap(), PidFile::Stale { pid: own });
    }
}
