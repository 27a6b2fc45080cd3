//! Reads a backup back: its script in chunks, its files into a folder.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::files::{Files, Target};
use super::folder::{Pool, listed};
use super::zip_read::Zip;
use super::{CHUNK, ChunkSender, DUMP, cannot};
use crate::base::Meter;
use crate::error::{Error, Result};
use crate::facts::BackupSource;

/// Sends the script of a backup in chunks, or why it cannot be read. Forms without a script are a caller's mistake.
pub fn dump(path: &Path, source: BackupSource, to: &ChunkSender, meter: &Meter) {
    if let Err(error) = send(path, source, to, meter) {
        // Nobody listens any more when the load has failed already.
        let _ = to.blocking_send(Err(error));
    }
}

fn send(path: &Path, source: BackupSource, to: &ChunkSender, meter: &Meter) -> Result<()> {
    let open = |path: &Path| File::open(path).map_err(|e| cannot("read", path, &e));
    match source {
        BackupSource::Zip => {
            let mut zip = Zip::open(path)?;
            meter.begin(zip.dump_bytes);
            let limit = zip.dump_bytes;
            let entry = zip.by_name(DUMP).ok_or_else(|| Error::input("the zip has no dump.sql"))?;
            chunks(entry, Some(limit), path, to)
        }
        BackupSource::Folder => {
            let file = open(&path.join(DUMP))?;
            meter.begin(file.metadata().map_or(0, |meta| meta.len()));
            chunks(Box::new(file), None, path, to)
        }
        BackupSource::Sql => {
            let file = open(path)?;
            meter.begin(file.metadata().map_or(0, |meta| meta.len()));
            chunks(Box::new(file), None, path, to)
        }
        BackupSource::SqlGz => {
            meter.begin(0);
            chunks(Box::new(MultiGzDecoder::new(BufReader::new(open(path)?))), None, path, to)
        }
        BackupSource::Fast | BackupSource::Dump => {
            Err(Error::internal("a backup in PostgreSQL's own form has no script"))
        }
    }
}

fn chunks(mut from: Box<dyn Read + '_>, length: Option<u64>, path: &Path, to: &ChunkSender) -> Result<()> {
    let (mut buffer, mut sent) = (vec![0; CHUNK], 0);
    loop {
        let read = from.read(&mut buffer).map_err(|e| cannot("read", path, &e))?;
        if read == 0 {
            break;
        }
        sent += read as u64;
        if length.is_some_and(|length| sent > length) {
            return Err(Error::input(format!(
                "the script in {} is longer than it is said to be",
                path.display()
            )));
        }
        if to.blocking_send(Ok(buffer.get(..read).unwrap_or_default().to_vec())).is_err() {
            return Ok(());
        }
    }
    match length {
        Some(length) if length != sent => {
            Err(Error::input(format!("the script in {} is shorter than it is said to be", path.display())))
        }
        _ => Ok(()),
    }
}

/// Puts the files of a backup into a folder; how many. Forms without files have none.
pub fn load_files(path: &Path, source: BackupSource, to: &Path, meter: &Meter) -> Result<u64> {
    match source {
        BackupSource::Zip => {
            let mut zip = Zip::open(path)?;
            let files = std::mem::take(&mut zip.files);
            meter.begin(files.iter().map(|(_, _, bytes)| bytes).sum());
            let target = Target::new(to)?;
            for (number, name, bytes) in &files {
                let mut entry = zip.by_number(*number).map_err(|e| cannot("read", path, &e))?;
                target.put(name, *bytes, &mut entry, meter)?;
            }
            Ok(files.len() as u64)
        }
        BackupSource::Folder => {
            let folder = path.join("filestore");
            let files = Files::of(&folder)?;
            meter.begin(files.bytes());
            let target = Target::new(to)?;
            for (name, bytes) in &files.0 {
                let mut from =
                    File::open(folder.join(name)).map_err(|e| cannot("read", &folder.join(name), &e))?;
                target.put(name, *bytes, &mut from, meter)?;
            }
            Ok(files.0.len() as u64)
        }
        BackupSource::Fast => {
            let (files, pool) = (listed(path)?, Pool::of(path));
            meter.begin(files.iter().map(|file| file.bytes).sum());
            let target = Target::new(to)?;
            for file in &files {
                if !super::files::is_inside(&file.path) {
                    return Err(Error::refused(format!("`{}` leads out of the filestore", file.path)));
                }
                let place = pool.path(&file.sha1);
                let mut from = File::open(&place).map_err(|e| cannot("read", &place, &e))?;
                target.put(&file.path, file.bytes, &mut from, meter)?;
            }
            Ok(files.len() as u64)
        }
        BackupSource::Dump | BackupSource::Sql | BackupSource::SqlGz => Ok(0),
    }
}
