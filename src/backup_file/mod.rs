//! Backups as files: Odoo's own zip, the fast folder, dumps. Written, recognised, read, verified.
//!
//! Knows files and bytes, no server: the dump comes and goes in chunks through a channel, so that a dump of any size takes
//! little memory. Everything here blocks and belongs on a thread of its own.

mod carry;
mod files;
mod folder;
mod lost;
mod read;
mod verify;
mod zip_read;
mod zip_write;

#[cfg(test)]
mod carry_tests;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc::{Receiver, Sender};

use crate::base::Meter;
use crate::base::digest::hex;
use crate::error::{Error, Result};
use crate::facts::{BackupManifest, BackupSeen, BackupSource, OdooManifest, Part};
use crate::state::{self, cannot};

pub use carry::{Carried, Carry, hand_over};
pub use files::{Files, folder_size, is_inside, link_files, sha1};
pub use folder::{PARTIAL, Pool, store_files};
pub use lost::{find, load_some};
pub use read::{dump, load_files};
pub use verify::{Verdict, verify};
pub use zip_write::write_zip;

/// The script in a zip or an unpacked one.
const DUMP: &str = "dump.sql";

/// The manifest in a zip, an unpacked one, or a folder of odpm's.
const MANIFEST: &str = "manifest.json";

/// How much is read or written at once.
const CHUNK: usize = 256 << 10;

/// Chunks of a dump on their way to whoever writes it.
pub type Chunks = Receiver<Result<Vec<u8>>>;

/// Where chunks of a dump go to.
pub type ChunkSender = Sender<Result<Vec<u8>>>;

/// Where odpm's record of a backup is.
pub fn manifest_path(path: &Path) -> PathBuf {
    if path.is_dir() || path.extension().is_some_and(|end| end == "odpm") {
        return path.join(MANIFEST);
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".odpm.json");
    name.into()
}

/// What odpm recorded of a backup; `None` where it did not make it.
pub fn manifest(path: &Path) -> Result<Option<BackupManifest>> {
    let file = manifest_path(path);
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(cannot("read", &file, &e)),
    };
    // An unpacked zip has Odoo's manifest at this place.
    let is_ours = |value: &serde_json::Value| value.get("odpm_backup").is_some();
    match serde_json::from_str::<serde_json::Value>(&text) {
        Ok(value) if !is_ours(&value) && path.is_dir() => Ok(None),
        Ok(value) => serde_json::from_value(value).map(Some).map_err(|e| unreadable(&file, &e)),
        Err(e) => Err(unreadable(&file, &e)),
    }
}

fn unreadable(path: &Path, e: &serde_json::Error) -> Error {
    Error::input(format!("{} cannot be understood", path.display())).caused_by(e)
}

/// Writes odpm's record of a backup: last of all, for it says that the backup is whole.
pub fn write_manifest(path: &Path, manifest: &BackupManifest) -> Result<()> {
    state::replace_json(&manifest_path(path), manifest, 0o600)
}

/// What lies at a path. Where odpm has recorded what it is, that counts; else Odoo's own manifest is read.
pub fn look(path: &Path) -> Result<BackupSeen> {
    let mut seen = glance(path)?;
    if seen.manifest.is_none() {
        seen.odoo = match seen.source {
            Some(BackupSource::Zip) => zip_read::odoo_manifest(path).ok().flatten(),
            Some(BackupSource::Folder) => odoo_manifest(&path.join(MANIFEST)),
            _ => None,
        };
    }
    Ok(seen)
}

/// The same without reading anything but odpm's record.
fn glance(path: &Path) -> Result<BackupSeen> {
    let meta = fs::metadata(path).map_err(|e| cannot("read", path, &e))?;
    let source = source(path, meta.is_dir());
    let manifest = manifest(path)?;
    let parts = manifest.as_ref().map(|m| m.parts.iter().map(|part| part.bytes).sum());
    let bytes = if meta.is_dir() { parts.unwrap_or_else(|| folder_size(path).bytes) } else { meta.len() };
    Ok(BackupSeen { path: path.to_owned(), source, manifest, odoo: None, bytes })
}

fn odoo_manifest(path: &Path) -> Option<OdooManifest> {
    serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
}

/// What a path is, by what it holds, not by its name.
fn source(path: &Path, is_dir: bool) -> Option<BackupSource> {
    if is_dir {
        return match (path.join("dump/toc.dat").exists(), path.join(DUMP).exists()) {
            (true, _) => Some(BackupSource::Fast),
            (false, true) => Some(BackupSource::Folder),
            (false, false) => None,
        };
    }
    let mut head = [0; 4096];
    let length = File::open(path).and_then(|mut file| file.read(&mut head)).ok()?;
    let head = head.get(..length)?;
    match head {
        [b'P', b'K', 3 | 5, ..] => Some(BackupSource::Zip),
        [b'P', b'G', b'D', b'M', b'P', ..] => Some(BackupSource::Dump),
        [0x1f, 0x8b, ..] => Some(BackupSource::SqlGz),
        _ if !head.is_empty() && !head.contains(&0) => Some(BackupSource::Sql),
        _ => None,
    }
}

/// The backups in a folder, oldest first; what is none is left out.
pub fn list(folder: &Path) -> Vec<BackupSeen> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let known = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        !name.ends_with(".odpm.json")
            && !name.ends_with(PARTIAL)
            && !name.ends_with(REMOVED)
            && !name.starts_with('.')
            && name != folder::POOL
    };
    let mut found: Vec<BackupSeen> = entries.filter(known).filter_map(|path| glance(&path).ok()).collect();
    found.retain(|backup| backup.source.is_some());
    let when = |backup: &BackupSeen| backup.manifest.as_ref().map(|manifest| manifest.created_at.clone());
    found.sort_by(|a, b| when(a).cmp(&when(b)).then_with(|| a.path.cmp(&b.path)));
    found
}

/// The size and the digest of a file.
pub fn part(root: &Path, name: &str, meter: &Meter) -> Result<Part> {
    let path = root.join(name);
    let mut file = File::open(&path).map_err(|e| cannot("read", &path, &e))?;
    let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; CHUNK]);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => {
                hash.update(buffer.get(..read).unwrap_or_default());
                bytes += read as u64;
                meter.add(read as u64);
            }
            Err(e) => return Err(cannot("read", &path, &e)),
        }
    }
    Ok(Part { path: name.to_owned(), bytes, sha256: hex(&hash.finalize()) })
}

/// The end of the name of a backup in the middle of its removal.
const REMOVED: &str = ".removed";

/// What removals that were broken off have left in a folder: backups of odpm's under the names that they are removed by.
pub fn half_removed(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> = entries.filter(|path| is_half_removed(path)).collect();
    found.sort();
    found
}

fn is_half_removed(path: &Path) -> bool {
    path.is_dir() && path.to_string_lossy().ends_with(REMOVED) && matches!(manifest(path), Ok(Some(_)))
}

/// Removes a backup that is out of the way already. Its record goes last: as long as anything is left, it says whose that is.
fn clear(path: &Path) -> Result<()> {
    let record = manifest_path(path);
    for entry in fs::read_dir(path).map_err(|e| cannot("read", path, &e))? {
        let entry = entry.map_err(|e| cannot("read", path, &e))?.path();
        let gone = match entry.is_dir() {
            _ if entry == record => continue,
            true => fs::remove_dir_all(&entry),
            false => fs::remove_file(&entry),
        };
        gone.map_err(|e| cannot("remove", &entry, &e))?;
    }
    fs::remove_file(&record).map_err(|e| cannot("remove", &record, &e))?;
    fs::remove_dir(path).map_err(|e| cannot("remove", path, &e))
}

/// Removes a backup that odpm made, and then the files that no backup beside it has.
pub fn remove(path: &Path) -> Result<()> {
    let mut rest = path.as_os_str().to_owned();
    rest.push(REMOVED);
    let rest = PathBuf::from(rest);
    for left in [path, &rest] {
        if is_half_removed(left) {
            clear(left)?;
        }
    }
    if manifest(path)?.is_none() {
        if !path.exists() {
            // An attempt that was killed may not have come to these.
            return path.parent().map_or(Ok(()), folder::sweep);
        }
        return Err(Error::refused(format!("{} is no backup of odpm's", path.display()))
            .because("it has no record of odpm's, so odpm does not remove it"));
    }
    let gone = |result: io::Result<()>, path: &Path| match result {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(cannot("remove", path, &e)),
        _ => Ok(()),
    };
    if path.is_dir() {
        // Its name goes first: what is left after an interruption is no backup any more.
        fs::rename(path, &rest).map_err(|e| cannot("remove", path, &e))?;
        clear(&rest)?;
    } else {
        gone(fs::remove_file(path), path)?;
        gone(fs::remove_file(manifest_path(path)), path)?;
    }
    match path.parent() {
        Some(folder) => folder::sweep(folder),
        None => Ok(()),
    }
}
