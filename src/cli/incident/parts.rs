use std::num::NonZeroUsize;
use std::path::Path;

use crate::error::{Error, Result};
use crate::incident::{Part, ordered};
use crate::observe::Found;
use crate::rows::Change;
use crate::state::{self, cannot};

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
        parts.push(Part { path, sha256, tables });
    }
    Ok(parts)
}

fn keep(path: &Path, changes: &[Change]) -> Result<crate::base::Digest> {
    let mut text = Vec::new();
    let written = changes.iter().try_for_each(|change| change.write_line(&mut text));
    written.and_then(|()| state::replace(path, &text, 0o600)).map_err(|e| cannot("write", path, &e))?;
    state::digest_of(path)
}
