//! Reads a backup whole and says everything that is wrong with it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use serde::Serialize;

use super::files::{Files, copy, named_digest};
use super::folder::{Pool, listed};
use super::zip_read::Zip;
use super::{DUMP, MANIFEST, cannot, manifest, part};
use crate::base::Meter;
use crate::error::{Error, Result};
use crate::facts::{BackupManifest, BackupSource, OdooManifest};

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// What is wrong: one sentence each. Nothing when all is well.
    pub wrong: Vec<String>,
    /// What to know.
    pub notes: Vec<String>,
    /// How many files of the filestore were read.
    pub files: u64,
    /// The size of the script or the dump, in bytes.
    pub dump_bytes: u64,
}

/// Reads a backup whole. What is wrong with it is in the verdict; an error is what kept it from being read.
pub fn verify(path: &Path, source: BackupSource, meter: &Meter) -> Result<Verdict> {
    let mut verdict = Verdict::default();
    let recorded = manifest(path)?;
    match &recorded {
        Some(recorded) => parts(path, recorded, meter, &mut verdict)?,
        None => verdict.notes.push("odpm did not make it: there are no checksums of its parts".to_owned()),
    }
    match source {
        BackupSource::Zip => zip(path, &mut verdict)?,
        BackupSource::Folder => {
            let file = path.join(DUMP);
            let open = File::open(&file).map_err(|e| cannot("read", &file, &e))?;
            script(open, &mut verdict);
            let text = std::fs::read_to_string(path.join(MANIFEST)).ok();
            odoo(text.as_deref(), &mut verdict);
            for (name, bytes) in Files::of(&path.join("filestore"))?.0 {
                let opened = File::open(path.join("filestore").join(&name));
                named(&name, bytes, opened.as_ref().map_err(std::io::Error::kind).ok(), &mut verdict);
            }
        }
        BackupSource::Sql => script(File::open(path).map_err(|e| cannot("read", path, &e))?, &mut verdict),
        BackupSource::SqlGz => {
            let file = File::open(path).map_err(|e| cannot("read", path, &e))?;
            script(MultiGzDecoder::new(BufReader::new(file)), &mut verdict);
        }
        BackupSource::Fast => {
            if recorded.is_none() {
                verdict.wrong.push("it has no record: it was not finished, or is not odpm's".to_owned());
            }
            let pool = Pool::of(path);
            for file in listed(path)? {
                let place = pool.path(&file.sha1);
                let read =
                    File::open(&place).and_then(|mut from| copy(&mut from, &mut std::io::sink(), meter));
                match read {
                    Ok((bytes, sha1)) if bytes == file.bytes && sha1 == file.sha1 => verdict.files += 1,
                    Ok(_) => verdict.wrong.push(format!("the file {} is damaged", file.path)),
                    Err(e) => verdict.wrong.push(format!("the file {} cannot be read: {e}", file.path)),
                }
            }
        }
        BackupSource::Dump => {}
    }
    if let Some(filestore) = recorded.as_ref().and_then(|recorded| recorded.filestore.as_ref()) {
        if verdict.wrong.is_empty() && filestore.files != verdict.files {
            verdict.wrong.push(format!("it has {} files, not {}", verdict.files, filestore.files));
        }
        if !filestore.missing.is_empty() {
            let count = filestore.missing.len();
            verdict.notes.push(format!("{count} files were missing already when it was taken"));
        }
    }
    Ok(verdict)
}

/// Compares every part with what is recorded of it.
fn parts(path: &Path, recorded: &BackupManifest, meter: &Meter, verdict: &mut Verdict) -> Result<()> {
    meter.begin(recorded.parts.iter().map(|part| part.bytes).sum());
    let root = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("/")) };
    let mut known = BTreeSet::from([MANIFEST.to_owned()]);
    for wanted in &recorded.parts {
        known.insert(wanted.path.clone());
        verdict.dump_bytes += wanted.bytes;
        match part(root, &wanted.path, meter) {
            Ok(seen) if seen == *wanted => {}
            Ok(seen) if seen.bytes != wanted.bytes => verdict
                .wrong
                .push(format!("{} is {} bytes long, not {}", wanted.path, seen.bytes, wanted.bytes)),
            Ok(_) => {
                verdict.wrong.push(format!("{} is not what was written: its checksum differs", wanted.path))
            }
            Err(e) => verdict.wrong.push(e.to_string()),
        }
    }
    if path.is_dir() {
        let extra = Files::of(path)?.0.into_iter().filter(|(name, _)| !known.contains(name));
        verdict.wrong.extend(extra.map(|(name, _)| format!("{name} is none of its parts")));
    }
    Ok(())
}

fn zip(path: &Path, verdict: &mut Verdict) -> Result<()> {
    let mut zip = match Zip::open(path) {
        Ok(zip) => zip,
        Err(e) => {
            verdict.wrong.push(e.to_string());
            return Ok(());
        }
    };
    match zip.by_name(DUMP) {
        Some(entry) => script(entry, verdict),
        None => verdict.wrong.push("its dump.sql cannot be read".to_owned()),
    }
    let mut text = String::new();
    let manifest = zip.by_name(MANIFEST).map(|mut entry| entry.read_to_string(&mut text));
    match manifest {
        Some(Err(e)) => verdict.wrong.push(format!("its manifest.json cannot be read: {e}")),
        Some(Ok(_)) => odoo(Some(&text), verdict),
        None => odoo(None, verdict),
    }
    for (number, name, bytes) in std::mem::take(&mut zip.files) {
        match zip.by_number(number) {
            Ok(entry) => named(&name, bytes, Some(entry), verdict),
            Err(e) => verdict.wrong.push(format!("the file {name} cannot be read: {e}")),
        }
    }
    Ok(())
}

/// A file of the filestore has to hold what its name says.
fn named(name: &str, bytes: u64, from: Option<impl Read>, verdict: &mut Verdict) {
    let Some(from) = from else {
        return verdict.wrong.push(format!("the file {name} cannot be read"));
    };
    match copy(&mut from.take(bytes.saturating_add(1)), &mut std::io::sink(), &Meter::default()) {
        Ok((read, _)) if read != bytes => {
            verdict.wrong.push(format!("the file {name} is not {bytes} bytes long, as it is said to be"));
        }
        Ok((_, sha1)) if named_digest(name).is_some_and(|wanted| wanted != sha1) => {
            verdict.wrong.push(format!("the file {name} is damaged"));
        }
        Ok(_) => verdict.files += 1,
        Err(e) => verdict.wrong.push(format!("the file {name} cannot be read: {e}")),
    }
}

/// Reads a script to its end: a dump that was cut off lacks its last line.
fn script(mut from: impl Read, verdict: &mut Verdict) {
    let (mut head, mut tail, mut bytes) = (Vec::new(), Vec::new(), 0);
    let mut buffer = vec![0; super::CHUNK];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => {
                let some = buffer.get(..read).unwrap_or_default();
                bytes += read as u64;
                if head.len() < 4096 {
                    head.extend_from_slice(some.get(..read.min(4096)).unwrap_or_default());
                }
                tail.extend_from_slice(some);
                let keep = tail.len().saturating_sub(4096);
                tail.drain(..keep);
            }
            Err(e) => return verdict.wrong.push(format!("its script cannot be read: {e}")),
        }
    }
    verdict.dump_bytes = bytes;
    let has = |part: &[u8], words: &str| String::from_utf8_lossy(part).contains(words);
    if bytes == 0 {
        verdict.wrong.push("its script is empty".to_owned());
    } else if has(&head, "PostgreSQL database dump") {
        if !has(&tail, "PostgreSQL database dump complete") {
            verdict.wrong.push("its script is cut off: the last line of a dump is missing".to_owned());
        }
    } else {
        verdict.notes.push("its script is not pg_dump's: whether it is complete cannot be seen".to_owned());
    }
}

fn odoo(text: Option<&str>, verdict: &mut Verdict) {
    let Some(text) = text else {
        verdict.notes.push("it has no manifest.json: which Odoo it is of cannot be seen".to_owned());
        return;
    };
    match serde_json::from_str::<OdooManifest>(text) {
        Ok(manifest) if manifest.major_version.is_empty() || manifest.modules.is_empty() => {
            verdict.wrong.push("its manifest.json does not say which Odoo and modules it is of".to_owned());
        }
        Ok(_) => {}
        Err(e) => verdict.wrong.push(format!("its manifest.json cannot be understood: {e}")),
    }
}

impl Verdict {
    /// Fails when anything is wrong.
    pub fn into_result(self, path: &Path) -> Result<Self> {
        if self.wrong.is_empty() {
            return Ok(self);
        }
        let error = Error::input(format!("{} is not a good backup", path.display()));
        let shown = self.wrong.iter().take(8).cloned();
        let error = shown.fold(error, Error::because);
        Err(match self.wrong.len().saturating_sub(8) {
            0 => error,
            more => error.because(format!("and {more} more")),
        })
    }
}
