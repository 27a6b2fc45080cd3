//! Takes a snapshot.

use std::path::PathBuf;

use super::Watched;
use crate::base::Digest;
use crate::error::{Error, Result};
use crate::facts::{SnapshotManifest, SnapshotSeen};
use crate::postgres::rows::{Form, RowReader};
use crate::process;
use crate::snapshot_file::{Draft, FORMAT_VERSION};

/// How many connections read at once.
pub(super) const JOBS: usize = 2;

/// What to take it for, and where to put it.
#[derive(Clone, Debug)]
pub struct Order {
    /// What for: a part of a file's name.
    pub label: String,
    /// The folder.
    pub folder: PathBuf,
    /// Whether it is compressed.
    pub compress: bool,
    /// The specification's digest.
    pub spec: Digest,
    /// Who takes it.
    pub by: String,
}

/// Takes a snapshot of the moment.
pub async fn take(watched: &Watched, order: &Order) -> Result<SnapshotSeen> {
    let sections = &watched.resolved.sections;
    let mut rows = watched.moment.read(sections, &watched.catalog, Form::Json, JOBS).await?;
    let (folder, compress) = (order.folder.clone(), order.compress);
    let write = move || -> Result<(Draft, RowReader)> {
        let mut draft = Draft::new(&folder, compress)?;
        while let Some(block) = rows.block() {
            draft.add(&block.map_err(|e| Error::through(e, "cannot read the rows"))?)?;
        }
        Ok((draft, rows))
    };
    let (draft, rows) = process::blocking(write).await?;
    let sections = watched.sections(&rows.counts());
    let name = format!("{}-{}", watched.at.strftime("%Y%m%dT%H%M%SZ"), order.label);
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
