//! Single files of a filestore, found again in backups.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use super::cannot;
use super::files::{Target, named_digest};
use super::folder::Pool;
use super::zip_read::Zip;
use crate::base::Meter;
use crate::error::Result;
use crate::facts::{BackupSeen, BackupSource};

/// Which backup has which of these files, the newest that has them; files that none has are left out. What cannot be read has
/// nothing.
pub fn find(backups: &[BackupSeen], names: &BTreeSet<String>) -> BTreeMap<PathBuf, (BackupSource, u64)> {
    let mut left = names.clone();
    let mut found = BTreeMap::new();
    for seen in backups.iter().rev() {
        let Some(source) = seen.source else { continue };
        let has = match source {
            BackupSource::Fast => pooled(&seen.path, &left),
            BackupSource::Zip => zipped(&seen.path, &left),
            BackupSource::Folder | BackupSource::Dump | BackupSource::Sql | BackupSource::SqlGz => Vec::new(),
        };
        if !has.is_empty() {
            found.insert(seen.path.clone(), (source, has.len() as u64));
        }
        left.retain(|name| !has.contains(name));
    }
    found
}

fn pooled(backup: &Path, names: &BTreeSet<String>) -> Vec<String> {
    let pool = Pool::of(backup);
    let has = |name: &&String| named_digest(name).is_some_and(|sha1| pool.path(sha1).is_file());
    names.iter().filter(has).cloned().collect()
}

fn zipped(path: &Path, names: &BTreeSet<String>) -> Vec<String> {
    let Ok(zip) = Zip::open(path) else { return Vec::new() };
    zip.files.iter().map(|(_, name, _)| name).filter(|name| names.contains(*name)).cloned().collect()
}

/// Puts those of the files that are missing in a folder there, as far as the backup has them; how many. Each is what its name
/// says.
pub fn load_some(
    path: &Path,
    source: BackupSource,
    names: &BTreeSet<String>,
    to: &Path,
    meter: &Meter,
) -> Result<u64> {
    let missing: BTreeSet<String> = names.iter().filter(|name| !to.join(name).exists()).cloned().collect();
    let target = Target::new(to)?;
    let mut put = 0;
    match source {
        BackupSource::Zip => {
            let mut zip = Zip::open(path)?;
            let files = std::mem::take(&mut zip.files);
            for (number, name, bytes) in files.iter().filter(|(_, name, _)| missing.contains(name)) {
                let mut entry = zip.by_number(*number).map_err(|e| cannot("read", path, &e))?;
                target.put(name, *bytes, &mut entry, meter)?;
                put += 1;
            }
        }
        _ => {
            let pool = Pool::of(path);
            for name in pooled(path, &missing) {
                let place = pool.path(named_digest(&name).unwrap_or_default());
                let open = || File::open(&place).and_then(|file| Ok((file.metadata()?.len(), file)));
                let (bytes, mut from) = open().map_err(|e| cannot("read", &place, &e))?;
                target.put(&name, bytes, &mut from, meter)?;
                put += 1;
            }
        }
    }
    Ok(put)
}
