//! A snapshot on its way to the disk.

use std::io::{self, Write};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::base::Digest;
use crate::base::digest::hex;
use crate::error::Result;
use crate::facts::{SnapshotManifest, SnapshotSeen};
use crate::state;

/// How the names of files begin that are not finished.
pub(super) const DRAFT: &str = ".odpm-";

/// How much zstd tries: its own default.
const LEVEL: i32 = 3;

/// Rows that have no name yet. Dropped before it is kept, nothing of it is left.
pub struct Draft {
    folder: std::path::PathBuf,
    sink: Sink,
    crc: crc32fast::Hasher,
}

/// What the file became.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Its length in bytes.
    pub bytes: u64,
    /// The SHA-256 of it.
    pub sha256: Digest,
    /// The CRC-32 of its lines.
    pub crc32: u32,
}

enum Sink {
    Plain(Digesting),
    Compressed(Box<zstd::stream::write::Encoder<'static, Digesting>>),
}

/// A file that is digested on the way.
struct Digesting {
    file: tempfile::NamedTempFile,
    digest: Sha256,
    bytes: u64,
}

impl Write for Digesting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.digest.update(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Draft {
    /// An empty draft in this folder.
    pub fn new(folder: &Path, compress: bool) -> Result<Self> {
        let failed = |e: io::Error| state::cannot("write to", folder, &e);
        state::make_dir(folder, 0o700).map_err(failed)?;
        let file = tempfile::Builder::new().prefix(DRAFT).tempfile_in(folder).map_err(failed)?;
        let plain = Digesting { file, digest: Sha256::new(), bytes: 0 };
        let sink = match compress {
            false => Sink::Plain(plain),
            true => {
                Sink::Compressed(Box::new(zstd::stream::write::Encoder::new(plain, LEVEL).map_err(failed)?))
            }
        };
        Ok(Self { folder: folder.to_owned(), sink, crc: crc32fast::Hasher::new() })
    }

    /// Adds lines.
    pub fn add(&mut self, lines: &[u8]) -> Result<()> {
        self.crc.update(lines);
        let result = match &mut self.sink {
            Sink::Plain(plain) => plain.write_all(lines),
            Sink::Compressed(encoder) => encoder.write_all(lines),
        };
        result.map_err(|e| state::cannot("write to", &self.folder, &e))
    }

    /// Gives the rows their name, and writes what is recorded of them.
    pub fn keep(self, name: &str, record: impl FnOnce(Taken) -> SnapshotManifest) -> Result<SnapshotSeen> {
        let Self { folder, sink, crc } = self;
        let failed = |e: io::Error| state::cannot("write to", &folder, &e);
        let plain = match sink {
            Sink::Plain(plain) => plain,
            Sink::Compressed(encoder) => encoder.finish().map_err(failed)?,
        };
        let Digesting { file, digest, bytes } = plain;
        file.as_file().sync_all().map_err(failed)?;
        let sha256 = Digest::from_hex(hex(&digest.finalize()));
        let mut manifest = record(Taken { bytes, sha256, crc32: crc.finalize() });
        let end = manifest.file.clone();
        let (stem, path) = place(&folder, name, &end, file)?;
        manifest.file = format!("{stem}{end}");
        state::sync_folder(&folder).map_err(failed)?;
        let text = serde_json::to_vec_pretty(&manifest)
            .map_err(|e| crate::error::Error::internal("cannot write JSON").caused_by(&e))?;
        state::replace(&folder.join(format!("{stem}.json")), &text, 0o600).map_err(failed)?;
        Ok(SnapshotSeen { path, manifest })
    }
}

/// A name that nothing has yet: two of the same label may be taken within a second.
fn place(
    folder: &Path,
    name: &str,
    end: &str,
    mut file: tempfile::NamedTempFile,
) -> Result<(String, std::path::PathBuf)> {
    for count in 1..100 {
        let stem = if count == 1 { name.to_owned() } else { format!("{name}-{count}") };
        let path = folder.join(format!("{stem}{end}"));
        if folder.join(format!("{stem}.json")).exists() {
            continue;
        }
        match file.persist_noclobber(&path) {
            Ok(_) => return Ok((stem, path)),
            Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => file = e.file,
            Err(e) => return Err(state::cannot("write", &path, &e.error)),
        }
    }
    Err(crate::error::Error::environment(format!("{} has too many snapshots of this name", folder.display())))
}
