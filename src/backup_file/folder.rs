//! The fast form: a folder with a dump of `pg_dump -Fd` and a list of files, which lie beside it once for all backups.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::files::{Files, copy, named_digest};
use super::{cannot, manifest};
use crate::base::Meter;
use crate::error::{Error, Result};
use crate::facts::FilestoreFacts;

/// The folder beside backups with the files of them all.
pub const POOL: &str = "odpm-files";

/// The end of the name of a backup that is not finished.
pub const PARTIAL: &str = ".partial";

/// The list of files in a backup.
pub const LIST: &str = "files.jsonl";

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its path in the filestore.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// The SHA-1 digest of its content: its name in the pool.
    pub sha1: String,
}

/// The files of all backups in a folder, by the SHA-1 digests of their contents.
#[derive(Clone, Debug)]
pub struct Pool(PathBuf);

impl Pool {
    /// The pool of a backup: beside it.
    pub fn of(backup: &Path) -> Self {
        Self(backup.parent().unwrap_or(Path::new(".")).join(POOL))
    }

    /// Where a file is.
    pub fn path(&self, sha1: &str) -> PathBuf {
        self.0.join(sha1.get(..2).unwrap_or("xx")).join(sha1)
    }

    fn has(&self, sha1: &str, bytes: u64) -> bool {
        fs::metadata(self.path(sha1)).is_ok_and(|meta| meta.len() == bytes)
    }

    /// Stores a file under the digest of what it holds; that digest and its size.
    fn store(&self, path: &Path, meter: &Meter) -> io::Result<(u64, String)> {
        let mut from = File::open(path)?;
        fs::create_dir_all(&self.0)?;
        let mut to = tempfile::Builder::new().prefix(".new-").tempfile_in(&self.0)?;
        let (bytes, digest) = copy(&mut from, to.as_file_mut(), meter)?;
        let place = self.path(&digest);
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder)?;
        }
        to.persist(&place).map_err(|e| e.error)?;
        Ok((bytes, digest))
    }
}

/// Stores the files of a folder in the pool, those that it has already left as they are, and writes their list.
pub fn store_files(folder: &Path, backup: &Path, pool: &Pool, meter: &Meter) -> Result<FilestoreFacts> {
    let files = Files::of(folder)?;
    meter.begin(files.bytes());
    let list = backup.join(LIST);
    let mut out = BufWriter::new(File::create(&list).map_err(|e| cannot("write", &list, &e))?);
    let mut facts = FilestoreFacts::default();
    for (name, size) in files.0 {
        let named = named_digest(&name).filter(|sha1| pool.has(sha1, size)).map(str::to_owned);
        let (bytes, sha1) = match named {
            Some(sha1) => {
                meter.add(size);
                (size, sha1)
            }
            None => match pool.store(&folder.join(&name), meter) {
                Ok(stored) => stored,
                // Odoo's clean-up waits, but a person may have removed it: then the dump's own check tells.
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(cannot("store", &folder.join(&name), &e)),
            },
        };
        facts.files += 1;
        facts.bytes += bytes;
        let line = serde_json::to_string(&Listed { path: name, bytes, sha1 })
            .map_err(|e| Error::internal("cannot write a list").caused_by(&e))?;
        writeln!(out, "{line}").map_err(|e| cannot("write", &list, &e))?;
    }
    out.into_inner().map_err(|e| cannot("write", &list, e.error()))?;
    Ok(facts)
}

/// The list of a backup's files; none where they were left out.
pub fn listed(backup: &Path) -> Result<Vec<Listed>> {
    let path = backup.join(LIST);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(cannot("read", &path, &e)),
    };
    let mut found = Vec::new();
    for line in BufReader::new(file).lines() {
        let line = line.map_err(|e| cannot("read", &path, &e))?;
        found.push(serde_json::from_str(&line).map_err(|e| super::unreadable(&path, &e))?);
    }
    Ok(found)
}

/// Removes the files of the pool that no backup in the folder has. A backup that cannot be read keeps them all.
pub fn sweep(folder: &Path) -> Result<()> {
    let pool = folder.join(POOL);
    if !pool.is_dir() {
        return Ok(());
    }
    let mut wanted = BTreeSet::new();
    for entry in fs::read_dir(folder).map_err(|e| cannot("read", folder, &e))?.flatten() {
        let path = entry.path();
        if path.is_dir() && path.join(LIST).exists() {
            // One that is being made right now has no record yet, and its files are wanted as well.
            manifest(&path)?;
            wanted.extend(listed(&path)?.into_iter().map(|file| file.sha1));
        }
        if path.to_string_lossy().ends_with(PARTIAL) {
            return Ok(());
        }
    }
    for (name, _) in Files::of(&pool)?.0 {
        let sha1 = name.rsplit('/').next().unwrap_or_default();
        if !wanted.contains(sha1) {
            let path = pool.join(&name);
            fs::remove_file(&path).map_err(|e| cannot("remove", &path, &e))?;
        }
    }
    Ok(())
}
