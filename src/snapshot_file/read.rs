//! A snapshot's rows, read with an eye on whether they are still those that were written.

use std::fs::File;
use std::io::{self, Read};

use crate::error::{Error, Result};
use crate::facts::SnapshotSeen;
use crate::rows::Lines;
use crate::state;

/// Rows whose checksum is compared when they end.
pub struct Checked {
    inner: Box<dyn Read + Send>,
    crc: crc32fast::Hasher,
    wanted: u32,
    name: String,
}

impl Read for Checked {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = match self.inner.read(to) {
            Err(e) if e.kind() != io::ErrorKind::Interrupted => {
                return Err(io::Error::other(changed(&self.name).caused_by(&e)));
            }
            other => other?,
        };
        self.crc.update(&to[..count]);
        if count == 0 && !to.is_empty() && self.crc.clone().finalize() != self.wanted {
            return Err(io::Error::other(changed(&self.name).because("its checksum is another")));
        }
        Ok(count)
    }
}

fn changed(name: &str) -> Error {
    Error::input(format!("{name} is not what was written"))
        .hint("It was damaged, or changed by hand: take another snapshot, or compare with one before it.")
}

/// Opens a snapshot. One of another length than it had is refused at once, one with another content when it ends.
pub fn open(snapshot: &SnapshotSeen) -> Result<Lines<Checked>> {
    let path = &snapshot.path;
    let file = File::open(path).map_err(|e| state::cannot("read", path, &e))?;
    let bytes = file.metadata().map_err(|e| state::cannot("read", path, &e))?.len();
    let (name, wanted) = (path.display().to_string(), snapshot.manifest.bytes);
    if bytes != wanted {
        return Err(changed(&name).because(format!("it has {bytes} bytes, and had {wanted}")));
    }
    let inner: Box<dyn Read + Send> = match snapshot.manifest.file.ends_with(".zst") {
        true => {
            Box::new(zstd::stream::read::Decoder::new(file).map_err(|e| state::cannot("read", path, &e))?)
        }
        false => Box::new(file),
    };
    let crc = crc32fast::Hasher::new();
    let checked = Checked { inner, crc, wanted: snapshot.manifest.crc32, name: name.clone() };
    Ok(Lines::new(checked, name))
}

/// Whether the file is what was written, by its SHA-256.
pub fn digest_holds(snapshot: &SnapshotSeen) -> Result<()> {
    match state::digest_of(&snapshot.path)? == snapshot.manifest.sha256 {
        true => Ok(()),
        false => Err(changed(&snapshot.path.display().to_string()).because("its SHA-256 is another")),
    }
}
