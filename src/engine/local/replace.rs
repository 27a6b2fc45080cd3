//! A data directory set aside, and another cluster put in its place.

use std::fs;
use std::io;
use std::path::Path;

use crate::backup_file::folder_size;
use crate::engine::place::{Stage, immovable, stage};
use crate::engine::{SETTINGS, tenancy};
use crate::error::Result;
use crate::process::blocking;
use crate::state::{self, cannot};
use crate::step::ReplaceData;

/// Sets the data directory aside by one rename and moves the other one in by another.
pub async fn replace(step: &ReplaceData) -> Result<u64> {
    let _tenancy = tenancy::take(&step.server.data, &[]).await?;
    let step = step.clone();
    blocking(move || {
        let stage = stage(&step)?;
        if stage == Stage::Begin {
            if step.settings {
                copy_settings(&step)?;
            }
            rename(&step.server.data, &step.aside)?;
        }
        if stage != Stage::Done {
            rename(&step.from, &step.server.data)?;
        }
        step.scratch.as_deref().map_or(Ok(()), state::remove_folder)?;
        Ok(folder_size(&step.aside).bytes)
    })
    .await
}

pub async fn put_back(step: &ReplaceData) -> Result<bool> {
    let step = step.clone();
    blocking(move || match stage(&step)? {
        Stage::Between => rename(&step.aside, &step.server.data).map(|()| true),
        Stage::Begin | Stage::Done => Ok(false),
    })
    .await
}

/// How the server is set up is no part of the moment that it is rewound to.
fn copy_settings(step: &ReplaceData) -> Result<()> {
    for name in SETTINGS {
        let target = step.from.join(name);
        let text = match fs::read(step.server.data.join(name)) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(cannot("read", &step.server.data.join(name), &e)),
        };
        // Made beside the data directory: what a kill leaves in there, a base backup would stumble over.
        let beside = step.from.with_file_name(format!(".odpm-{name}.tmp"));
        state::replace(&beside, &text, 0o600)
            .and_then(|()| state::give(&beside, step.owner))
            .map_err(|e| cannot("write", &beside, &e))?;
        rename(&beside, &target)?;
    }
    Ok(())
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(|e| immovable(from, &e))?;
    for folder in [from.parent(), to.parent()].into_iter().flatten() {
        state::sync_folder(folder).map_err(|e| cannot("write", folder, &e))?;
    }
    Ok(())
}
