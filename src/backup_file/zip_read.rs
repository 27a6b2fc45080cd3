//! Reads zips, from whomever they come: nothing in one can lead outside, grow without end, or pass for something else.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use zip::ZipArchive;

use super::files::{is_checklist, is_inside};
use super::{CHUNK, DUMP, MANIFEST, cannot};
use crate::error::{Error, Result};
use crate::facts::OdooManifest;

/// A zip, its directory read and found decent.
pub struct Zip {
    archive: ZipArchive<BufReader<File>>,
    /// The files of the filestore: their number in the archive, their paths within it, their sizes.
    pub files: Vec<(usize, String, u64)>,
    /// The size of the script.
    pub dump_bytes: u64,
}

/// A manifest is small.
const MANIFEST_LIMIT: u64 = 16 << 20;

/// What grows more than a hundredfold, and beyond this, is a trap.
const BOMB: u64 = 1 << 30;

fn broken(path: &Path, e: impl std::fmt::Display) -> Error {
    Error::input(format!("{} is no whole zip", path.display()))
        .because(e)
        .hint("It may have been cut off on its way: compare its size with the original's.")
}

fn refused(path: &Path, why: String) -> Error {
    Error::refused(format!("{} is not a decent zip", path.display())).because(why)
}

impl Zip {
    /// Opens a zip and looks through its directory.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| cannot("read", path, &e))?;
        let mut reader = BufReader::with_capacity(CHUNK, file);
        let said = entries_said(&mut reader).map_err(|e| cannot("read", path, &e))?;
        let mut archive = ZipArchive::new(reader).map_err(|e| broken(path, e))?;
        if said.is_some_and(|said| said != archive.len() as u64) {
            return Err(refused(path, "several of its files have the same name".to_owned()));
        }
        let (mut files, mut names, mut dump_bytes) = (Vec::new(), BTreeSet::new(), None);
        for number in 0..archive.len() {
            let entry = archive.by_index_raw(number).map_err(|e| broken(path, e))?;
            let name = entry.name().map_err(|e| broken(path, e))?.into_owned();
            if entry.is_dir() && is_inside(name.trim_end_matches('/')) {
                continue;
            }
            let link = entry.unix_mode().is_some_and(|mode| mode & 0o170_000 == 0o120_000);
            let grows = entry.size() > BOMB && entry.size() / 100 > entry.compressed_size();
            let why = match () {
                () if !is_inside(&name) => Some(format!("`{}` leads out of it", name.escape_debug())),
                () if link => Some(format!("`{name}` is a link")),
                () if entry.encrypted() => Some(format!("`{name}` is encrypted")),
                () if grows => Some(format!("`{name}` would grow to {} GiB", entry.size() >> 30)),
                () if !names.insert(name.clone()) => Some(format!("`{name}` is there twice")),
                () => None,
            };
            if let Some(why) = why {
                return Err(refused(path, why));
            }
            if name == DUMP {
                dump_bytes = Some(entry.size());
            } else if let Some(inner) = name.strip_prefix("filestore/").filter(|name| !is_checklist(name)) {
                files.push((number, inner.to_owned(), entry.size()));
            }
        }
        let dump_bytes = dump_bytes.ok_or_else(|| {
            Error::input(format!("{} is no backup of Odoo's", path.display())).because("it has no dump.sql")
        })?;
        Ok(Self { archive, files, dump_bytes })
    }

    /// Reads one file; `None` where there is none of this name.
    pub fn by_name(&mut self, name: &str) -> Option<Box<dyn Read + '_>> {
        self.archive.by_name(name).ok().map(|entry| Box::new(entry) as Box<dyn Read>)
    }

    /// Reads one file by its number.
    pub fn by_number(&mut self, number: usize) -> std::io::Result<Box<dyn Read + '_>> {
        self.archive
            .by_index(number)
            .map(|entry| Box::new(entry) as Box<dyn Read>)
            .map_err(std::io::Error::other)
    }
}

/// How many files the end of a zip says that there are: of two with one name a reader sees one.
fn entries_said(file: &mut (impl Read + Seek)) -> std::io::Result<Option<u64>> {
    let length = file.seek(SeekFrom::End(0))?;
    let tail = length.min(22 + 65_535 + 20);
    file.seek(SeekFrom::Start(length - tail))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let Some(end) = bytes.windows(4).rposition(|window| window == b"PK\x05\x06") else { return Ok(None) };
    let short = bytes.get(end + 10..end + 12).and_then(|two| two.try_into().ok()).map(u16::from_le_bytes);
    match short {
        Some(u16::MAX) => {
            let locator = end.checked_sub(20).and_then(|at| bytes.get(at..end));
            let place = locator.filter(|bytes| bytes.starts_with(b"PK\x06\x07"));
            let place = place.and_then(|bytes| bytes.get(8..16)?.try_into().ok()).map(u64::from_le_bytes);
            let Some(place) = place else { return Ok(Some(u16::MAX.into())) };
            file.seek(SeekFrom::Start(place))?;
            let mut record = [0; 40];
            file.read_exact(&mut record)?;
            Ok(record.get(32..40).and_then(|eight| eight.try_into().ok()).map(u64::from_le_bytes))
        }
        short => Ok(short.map(u64::from)),
    }
}

/// Odoo's manifest in a zip.
pub fn odoo_manifest(path: &Path) -> Result<Option<OdooManifest>> {
    let mut zip = Zip::open(path)?;
    let Some(entry) = zip.by_name(MANIFEST) else { return Ok(None) };
    let mut text = String::new();
    entry.take(MANIFEST_LIMIT).read_to_string(&mut text).map_err(|e| broken(path, e))?;
    serde_json::from_str(&text).map(Some).map_err(|e| super::unreadable(&path.join(MANIFEST), &e))
}
