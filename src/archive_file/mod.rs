//! The archive as files: base backups with their records, segments of the log; listed, recorded, proved.
//!
//! Knows files and bytes, no server. What works on odpm's own files blocks and belongs on a thread of its own; in `pgbackrest` its
//! programs are waited for.

pub mod pgbackrest;
mod prove;

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::error::{Error, Result};
use crate::facts::{BaseBackup, KeptSegment, Segment};
use crate::state::{self, cannot};

pub use prove::{Proof, prove_log};

/// How a folder is called whose base backup is not whole yet.
pub const PARTIAL: &str = "partial";

/// Where the record of a base backup is.
pub fn record_path(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("{id}.json"))
}

/// Records a base backup: last of all, for it says that the backup is whole.
pub fn write_record(folder: &Path, base: &BaseBackup) -> Result<()> {
    state::replace_json(&record_path(folder, &base.id), base, 0o600)
}

/// The base backups in a folder, oldest first, and what interrupted work has left there.
pub fn bases(folder: &Path) -> Result<(Vec<BaseBackup>, Vec<PathBuf>)> {
    let (mut found, mut folders) = (Vec::new(), Vec::new());
    for path in entries(folder)? {
        if path.is_dir() {
            folders.push(path);
        } else if path.extension().is_some_and(|end| end == "json") {
            found.push(record(&path)?);
        }
    }
    found.retain(|base: &BaseBackup| folders.contains(&folder.join(&base.id)));
    found.sort_by_key(|base| base.stopped_at);
    let known = |path: &PathBuf| found.iter().any(|base| folder.join(&base.id) == *path);
    let litter = folders.into_iter().filter(|path| !known(path)).collect();
    Ok((found, litter))
}

fn record(path: &Path) -> Result<BaseBackup> {
    let text = fs::read_to_string(path).map_err(|e| cannot("read", path, &e))?;
    let unreadable = || Error::input(format!("{} is no record of a base backup", path.display()));
    let base: BaseBackup = serde_json::from_str(&text).map_err(|e| unreadable().caused_by(&e))?;
    if base.format_version != 1 {
        return Err(unreadable().because("a later odpm wrote it"));
    }
    Ok(base)
}

/// The segments in a folder, in their order. What has another name - the server's notes on timelines and backups, work in
/// progress - is left out.
pub fn segments(folder: &Path, segment_bytes: u64) -> Result<Vec<KeptSegment>> {
    let mut found = Vec::new();
    for path in entries(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let Some(segment) = name.strip_suffix(".gz").and_then(|name| Segment::parse(name, segment_bytes))
        else {
            continue;
        };
        let meta = match fs::metadata(&path) {
            Ok(meta) => meta,
            // It was removed since.
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(cannot("read", &path, &e)),
        };
        let at = meta.modified().ok().and_then(|at| Timestamp::try_from(at).ok()).unwrap_or_default();
        found.push(KeptSegment { segment, bytes: meta.len(), at });
    }
    found.sort_by_key(|kept| kept.segment);
    Ok(found)
}

/// The file of a segment.
pub fn segment_path(folder: &Path, segment: Segment, segment_bytes: u64) -> PathBuf {
    folder.join(format!("{}.gz", segment.name(segment_bytes)))
}

/// The settings that stand in a base backup's own files, by name: where the last one of a name counts.
pub fn label(folder: &Path) -> Result<HashMap<String, String>> {
    let path = folder.join("backup_label");
    let text = fs::read_to_string(&path).map_err(|e| cannot("read", &path, &e))?;
    let pairs = text.lines().filter_map(|line| line.split_once(": "));
    Ok(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// A folder that is not there holds nothing.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let listing = match fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(cannot("read", folder, &e)),
    };
    listing
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()
        .map_err(|e| cannot("read", folder, &e))
}

/// Unpacks segments into a folder, as the server wrote them.
pub fn unpack(folder: &Path, kept: &[KeptSegment], segment_bytes: u64, to: &Path) -> Result<()> {
    for kept in kept {
        let target = to.join(kept.segment.name(segment_bytes));
        unpack_segment(folder, kept.segment, segment_bytes, &target)
            .map_err(|e| cannot("unpack", &segment_path(folder, kept.segment, segment_bytes), &e))?;
    }
    Ok(())
}

/// Unpacks a segment into a file of odpm's own; how many bytes it has.
pub fn unpack_segment(folder: &Path, segment: Segment, segment_bytes: u64, to: &Path) -> io::Result<u64> {
    let source = fs::File::open(segment_path(folder, segment, segment_bytes))?;
    let mut text = flate2::bufread::MultiGzDecoder::new(io::BufReader::with_capacity(1 << 18, source));
    let mut target = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(to)?;
    io::copy(&mut text, &mut target)
}
