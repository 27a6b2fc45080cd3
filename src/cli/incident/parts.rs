use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use crate::backup_file;
use crate::cli::session::Session;
use crate::error::{Error, Result};
use crate::grounds::specs;
use crate::incident::{LostFiles, Part, file_names, ordered};
use crate::observe::{self, Found};
use crate::rows::Change;
use crate::state;

/// Writes down what a repair takes back, in as many parts as it has; the first at `stem` with the ending `jsonl`.
pub async fn write(found: &Found, chunk: Option<NonZeroUsize>, stem: &Path) -> Result<Vec<Part>> {
    let links = found.now.links().await?;
    let mut parts = Vec::new();
    for (at, changes) in found.gathered.parts(chunk).into_iter().enumerate() {
        let path = match at {
            0 => stem.with_extension("jsonl"),
            _ => stem.with_extension(format!("{}.jsonl", at + 1)),
        };
        let tables =
            ordered(&changes, &found.now.resolved.sections, &links.references).map_err(|column| {
                Error::refused("the lost rows cannot be put back in any order")
                    .because(format!(
                        "their tables refer to each other in a circle, and {column} may not be empty"
                    ))
                    .hint("Put one table's rows back by hand first; then: odpm incident repair --table ...")
            })?;
        let sha256 = keep(&path, &changes)?;
        let names_files = !file_names(&changes).is_empty();
        parts.push(Part { path, sha256, tables, names_files });
    }
    Ok(parts)
}

/// The files that lost rows name and that are gone, by the backups that have them; those that none has are told.
pub fn lost_files(
    session: &Session,
    database: &str,
    changes: &[Change],
    warnings: &mut Vec<String>,
) -> (PathBuf, Vec<LostFiles>) {
    let folder = specs::filestore(&session.loaded.project).join(database);
    let mut names = file_names(changes);
    names.retain(|name| !folder.join(name).exists());
    let found = backup_file::find(&observe::backups(&session.loaded), &names);
    let lost: Vec<LostFiles> =
        found.into_iter().map(|(backup, (source, count))| LostFiles { backup, source, count }).collect();
    let left = names.len() as u64 - lost.iter().map(|lost| lost.count).sum::<u64>();
    if left > 0 {
        warnings.push(format!(
            "{left} files that lost attachments name are in no backup: they come back without them."
        ));
    }
    (folder, lost)
}

fn keep(path: &Path, changes: &[Change]) -> Result<crate::base::Digest> {
    state::replace_lines(path, changes.iter(), 0o600)?;
    state::digest_of(path)
}
