//! Files of copied attachments, on their way from one filestore to another.

use std::path::{Path, PathBuf};

use super::as_planned;
use crate::backup_file::{self, Carried, Carry};
use crate::base::{Digest, Meter};
use crate::error::Result;
use crate::process::blocking;
use crate::state;
use crate::step::{CopyFiles, HandOverFiles};

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct FilesCarried {
    /// How many, and how.
    pub carried: Carried,
    /// The list of those that were added, by this attempt and those before it; `None` where none was.
    pub added: Option<(PathBuf, Digest)>,
    /// The list of those that are missing.
    pub missing: PathBuf,
}

pub async fn copy_files(step: &CopyFiles, meter: Meter) -> Result<FilesCarried> {
    as_planned(&step.list, &step.digest, "Make the plan again.")?;
    let added = beside(&step.list, "added");
    let missing = beside(&step.list, "missing");
    let carry = Carry {
        from: step.from.clone(),
        to: step.to.clone(),
        list: step.list.clone(),
        added: added.clone(),
        missing: missing.clone(),
    };
    let carried = blocking(move || carry.run(&meter)).await?;
    let any = added.metadata().is_ok_and(|meta| meta.len() > 0);
    let added = if any { Some((added.clone(), state::digest_of(&added)?)) } else { None };
    Ok(FilesCarried { carried, added, missing })
}

pub async fn hand_over(step: &HandOverFiles) -> Result<u64> {
    as_planned(&step.list, &step.digest, "What was added is not known any more: leave the files to Odoo.")?;
    let (folder, list) = (step.folder.clone(), step.list.clone());
    blocking(move || backup_file::hand_over(&folder, &list)).await
}

/// Hands over what a run has added that is given up; how many.
pub async fn leave(step: &CopyFiles) -> Result<u64> {
    let (folder, added) = (step.to.clone(), beside(&step.list, "added"));
    if !added.exists() {
        return Ok(0);
    }
    blocking(move || backup_file::hand_over(&folder, &added)).await
}

/// A file beside a list, named after it.
fn beside(list: &Path, what: &str) -> PathBuf {
    let mut name = list.as_os_str().to_owned();
    name.push(format!(".{what}"));
    name.into()
}
