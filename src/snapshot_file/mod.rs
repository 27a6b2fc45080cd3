//! Snapshots of rows as files: written, listed, opened, checked.
//!
//! `<time>-<label>.jsonl`, or `.jsonl.zst`, holds the rows; `<time>-<label>.json` beside it is what is recorded of them, and is
//! written last: rows without it were never finished. Everything here blocks and belongs on a thread of its own.

mod read;
mod write;

#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::facts::{SnapshotManifest, SnapshotSeen};
use crate::state;

pub use read::{Checked, digest_holds, open};
pub use write::{Draft, Taken};

/// The version of the manifest's form.
pub const FORMAT_VERSION: u32 = 1;

/// The snapshots of a folder, oldest first. What was never finished is not among them.
pub fn list(folder: &Path) -> Result<Vec<SnapshotSeen>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(state::cannot("read", folder, &e)),
    };
    let manifests = entries.flatten().map(|entry| entry.path());
    let manifests = manifests.filter(|path| path.extension().is_some_and(|end| end == "json"));
    let mut found = manifests.map(|path| look(&path)).collect::<Result<Vec<_>>>()?;
    found.sort_by(|a, b| {
        (&a.manifest.taken_at, &a.manifest.file).cmp(&(&b.manifest.taken_at, &b.manifest.file))
    });
    Ok(found)
}

/// The snapshot with this manifest.
fn look(manifest: &Path) -> Result<SnapshotSeen> {
    let wrong = |why: String| {
        let error = Error::input(format!("{} is no record of a snapshot", manifest.display())).because(why);
        error.hint("Move it away, together with the rows beside it.")
    };
    let text = fs::read_to_string(manifest).map_err(|e| state::cannot("read", manifest, &e))?;
    let head: serde_json::Value = serde_json::from_str(&text).map_err(|e| wrong(e.to_string()))?;
    match head.get("format_version").and_then(serde_json::Value::as_u64) {
        Some(version) if version > u64::from(FORMAT_VERSION) => {
            return Err(wrong(format!("it has format {version}: a later odpm wrote it")));
        }
        _ => {}
    }
    let record: SnapshotManifest = serde_json::from_str(&text).map_err(|e| wrong(e.to_string()))?;
    if record.file.contains('/') {
        return Err(wrong("its rows are not beside it".to_owned()));
    }
    Ok(SnapshotSeen { path: manifest.with_file_name(&record.file), manifest: record })
}

/// The snapshot that is meant: a file, or in the folder a label, a name or the beginning of one, as its time. The newest
/// of several.
pub fn find(folder: &Path, name: &str) -> Result<SnapshotSeen> {
    let path = Path::new(name);
    if path.components().count() > 1 || path.is_file() {
        let path = path.to_owned();
        return look(&manifest_of(&path));
    }
    let snapshots = list(folder)?;
    let is = |seen: &&SnapshotSeen| {
        let stem = stem(&seen.manifest.file);
        seen.manifest.label == name || stem == name || seen.manifest.file == name || stem.starts_with(name)
    };
    snapshots.iter().rev().find(is).cloned().ok_or_else(|| {
        let error = Error::input(format!("there is no snapshot {name}"));
        error
            .because(format!("{} has {} snapshots", folder.display(), snapshots.len()))
            .hint("List them: odpm watchdog list")
    })
}

/// A name without its endings.
pub fn stem(file: &str) -> &str {
    file.trim_end_matches(".zst").trim_end_matches(".jsonl")
}

fn manifest_of(rows: &Path) -> PathBuf {
    let name = rows.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match name.ends_with(".json") {
        true => rows.to_owned(),
        false => rows.with_file_name(format!("{}.json", stem(&name))),
    }
}

/// Removes a snapshot: first what makes it one.
pub fn remove(rows: &Path) -> Result<()> {
    for path in [manifest_of(rows), rows.to_owned()] {
        match fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(state::cannot("remove", &path, &e));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The snapshot in this file.
pub fn at(rows: &Path) -> Result<SnapshotSeen> {
    look(&manifest_of(rows))
}

/// Makes room for a snapshot in this file: one that is there goes, and so does what a killed attempt has left beside it.
pub fn make_room(rows: &Path) -> Result<()> {
    remove(rows)?;
    let entries = rows.parent().map(fs::read_dir).and_then(io::Result::ok);
    let ours = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with(write::DRAFT);
    for entry in entries.into_iter().flatten().flatten().filter(ours) {
        let _ = fs::remove_file(entry.path());
    }
    Ok(())
}

/// Files in the folder that belong to no snapshot: of runs that were killed, an hour ago or longer.
pub fn leftovers(folder: &Path) -> Result<Vec<PathBuf>> {
    let kept: Vec<PathBuf> = list(folder)?.into_iter().map(|seen| seen.path).collect();
    let old = |path: &Path| {
        let age =
            fs::metadata(path).and_then(|meta| meta.modified()).map(|at| at.elapsed().unwrap_or_default());
        age.is_ok_and(|age| age.as_secs() > 3600)
    };
    let ours = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with(write::DRAFT) || name.ends_with(".jsonl") || name.ends_with(".jsonl.zst")
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    Ok(entries.filter(|path| ours(path) && !kept.contains(path) && old(path)).collect())
}
