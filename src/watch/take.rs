//! Takes a snapshot.

use std::io::Read;
use std::path::PathBuf;

use super::Watched;
use crate::base::Digest;
use crate::base::time::stamp;
use crate::error::{Error, Result};
use crate::facts::{SnapshotManifest, SnapshotSeen};
use crate::process;
use crate::snapshot_file::{Draft, FORMAT_VERSION};

/// How many connections read at once.
pub(super) const JOBS: usize = 2;

/// How much is written at once.
const CHUNK: usize = 1 << 18;

/// What to take it for, and where to put it.
#[derive(Clone, Debug)]
pub struct Order {
    /// What for: a part of a file's name.
    pub label: String,
    /// The folder.
    pub folder: PathBuf,
    /// The name of its files without their endings; of moment and label unless given.
    pub name: Option<String>,
    /// Whether it is compressed.
    pub compress: bool,
    /// The specification's digest.
    pub spec: Digest,
    /// Who takes it.
    pub by: String,
}

/// Takes a snapshot of the moment.
pub async fn take(watched: &Watched, order: &Order) -> Result<SnapshotSeen> {
    let (mut rows, counts) = watched.lines().await?;
    let (folder, compress) = (order.folder.clone(), order.compress);
    let write = move || -> Result<Draft> {
        let mut draft = Draft::new(&folder, compress)?;
        let mut buffer = vec![0; CHUNK];
        loop {
            match rows.read(&mut buffer).map_err(|e| Error::through(e, "cannot read the rows"))? {
                0 => return Ok(draft),
                count => draft.add(&buffer[..count])?,
            }
        }
    };
    let draft = process::blocking(write).await?;
    let sections = watched.sections(&counts.read());
    let usual = || format!("{}-{}", stamp(watched.at), order.label);
    let name = order.name.clone().unwrap_or_else(usual);
    let record = |taken: crate::snapshot_file::Taken| SnapshotManifest {
        format_version: FORMAT_VERSION,
        label: order.label.clone(),
        taken_at: watched.at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
        // The ending; the name comes before it.
        file: if compress { ".jsonl.zst" } else { ".jsonl" }.to_owned(),
        bytes: taken.bytes,
        sha256: taken.sha256,
        crc32: taken.crc32,
        spec: order.spec.clone(),
        database: watched.database.clone(),
        sections,
        skipped: watched.resolved.skipped.clone(),
        duration_ms: u64::try_from(watched.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        by: order.by.clone(),
    };
    draft.keep(&name, record)
}
