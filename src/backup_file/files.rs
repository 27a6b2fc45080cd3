//! Folders of files, walked and copied.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha1::{Digest as _, Sha1};

use super::{CHUNK, cannot};
use crate::base::Meter;
use crate::base::digest::hex;
use crate::error::{Error, Result};
use crate::facts::FolderSeen;

/// Odoo's list of the files to look through when it cleans up: no content, though Odoo's own backups carry it.
pub(super) const CHECKLIST: &str = "checklist";

/// Whether a path within a filestore belongs to that list.
pub fn is_checklist(name: &str) -> bool {
    name.split('/').next() == Some(CHECKLIST)
}

/// The files of a folder and those below it, by their paths within it, but for Odoo's checklist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files(pub Vec<(String, u64)>);

impl Files {
    /// Every file; none where there is no folder.
    pub fn of(folder: &Path) -> Result<Self> {
        let mut found = Vec::new();
        let mut folders = vec![PathBuf::new()];
        while let Some(inner) = folders.pop() {
            let path = folder.join(&inner);
            let entries = match fs::read_dir(&path) {
                Ok(entries) => entries,
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(cannot("read", &path, &e)),
            };
            for entry in entries {
                let entry = entry.map_err(|e| cannot("read", &path, &e))?;
                let name = inner.join(entry.file_name());
                let kind = entry.file_type().map_err(|e| cannot("read", &entry.path(), &e))?;
                if kind.is_dir() {
                    if name.as_os_str() != CHECKLIST {
                        folders.push(name);
                    }
                } else if kind.is_file() {
                    // Odoo may remove a file between the listing and this look.
                    let Ok(meta) = entry.metadata() else { continue };
                    let name = name.to_str().map(str::to_owned);
                    let name = name.ok_or_else(|| {
                        Error::environment(format!("{} has an odd name", entry.path().display()))
                    })?;
                    found.push((name, meta.len()));
                }
            }
        }
        found.sort();
        Ok(Self(found))
    }

    /// Their size in bytes.
    pub fn bytes(&self) -> u64 {
        self.0.iter().map(|(_, bytes)| bytes).sum()
    }
}

/// How much is in a folder; nothing where there is none.
pub fn folder_size(folder: &Path) -> FolderSeen {
    let files = Files::of(folder).unwrap_or_default();
    FolderSeen { files: files.0.len() as u64, bytes: files.bytes() }
}

/// The SHA-1 digest by which Odoo names a file; `None` when the name is another one.
pub fn named_digest(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next()?;
    (name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(name)
}

/// Copies a stream to another one; its size and its SHA-1 digest.
pub fn copy(from: &mut dyn Read, to: &mut dyn Write, meter: &Meter) -> io::Result<(u64, String)> {
    let (mut hash, mut bytes, mut buffer) = (Sha1::new(), 0, vec![0; CHUNK.min(64 << 10)]);
    loop {
        let read = from.read(&mut buffer)?;
        let some = buffer.get(..read).unwrap_or_default();
        if some.is_empty() {
            return Ok((bytes, hex(&hash.finalize())));
        }
        hash.update(some);
        to.write_all(some)?;
        bytes += read as u64;
        meter.add(read as u64);
    }
}

/// The SHA-1 digest of a stream.
pub fn sha1(from: &mut dyn Read) -> io::Result<String> {
    copy(from, &mut io::sink(), &Meter::default()).map(|(_, sha1)| sha1)
}

/// Puts files into a database's folder of a filestore, owned as Odoo's own folder is.
pub struct Target {
    folder: PathBuf,
    owner: Option<(u32, u32)>,
}

impl Target {
    /// The folder is made where it is missing.
    pub fn new(folder: &Path) -> Result<Self> {
        // The folder above is `filestore`, and what is above that is Odoo's own, made when the project was.
        let above = folder.ancestors().skip(2).find(|above| above.exists()).unwrap_or(Path::new("/"));
        let meta = fs::metadata(above).map_err(|e| cannot("read", above, &e))?;
        let me = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        let owner = Some((meta.uid(), meta.gid())).filter(|owner| *owner != me && me.0 == 0);
        let target = Self { folder: folder.to_owned(), owner };
        target.folder(folder)?;
        Ok(target)
    }

    /// Makes a folder and those above it, where they are missing.
    pub(super) fn folder(&self, path: &Path) -> Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        if let Some(above) = path.parent() {
            self.folder(above)?;
        }
        fs::create_dir(path).map_err(|e| cannot("make", path, &e))?;
        self.own(path)
    }

    /// Whom files belong to.
    pub(super) fn uid(&self) -> u32 {
        self.owner.map_or_else(|| rustix::process::geteuid().as_raw(), |(uid, _)| uid)
    }

    pub(super) fn own(&self, path: &Path) -> Result<()> {
        match self.owner {
            Some((uid, gid)) => std::os::unix::fs::lchown(path, Some(uid), Some(gid))
                .map_err(|e| cannot("give away", path, &e)),
            None => Ok(()),
        }
    }

    /// Writes one file; fails when it is not as long as it is said to be, or not what its name says.
    pub fn put(&self, name: &str, length: u64, from: &mut dyn Read, meter: &Meter) -> Result<()> {
        let path = self.folder.join(name);
        if let Some(above) = path.parent() {
            self.folder(above)?;
        }
        let written =
            File::create(&path).and_then(|mut file| copy(&mut from.take(length + 1), &mut file, meter));
        let (bytes, digest) = written.map_err(|e| cannot("write", &path, &e))?;
        if bytes != length {
            return Err(Error::input(format!("{name} is not {length} bytes long, as it is said to be")));
        }
        if named_digest(name).is_some_and(|wanted| wanted != digest) {
            return Err(Error::input(format!("{name} does not hold what its name says"))
                .because(format!("its digest is {digest}")));
        }
        self.own(&path)
    }

    /// Gives a file a second name in the folder, or a copy where that cannot be.
    pub fn link(&self, name: &str, from: &Path) -> Result<()> {
        let path = self.folder.join(name);
        if let Some(above) = path.parent() {
            self.folder(above)?;
        }
        match fs::hard_link(from, &path) {
            Ok(()) => return Ok(()),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            Err(_) => {}
        }
        fs::copy(from, &path).map_err(|e| cannot("copy", from, &e))?;
        self.own(&path)
    }
}

/// Whether a path stays within the folder that it is joined to.
pub fn is_inside(name: &str) -> bool {
    let odd = name.is_empty() || name.contains(['\\', '\0']) || name.len() > 4096 || name.starts_with('/');
    !odd && !name.split('/').any(|part| part.is_empty() || part == "." || part == "..")
}

/// Gives every file of a folder a second name in another one: Odoo never changes a file, it only makes and removes them.
pub fn link_files(from: &Path, to: &Path) -> Result<()> {
    let files = Files::of(from)?;
    if files.0.is_empty() {
        return Ok(());
    }
    let target = Target::new(to)?;
    files.0.iter().try_for_each(|(name, _)| target.link(name, &from.join(name)))
}
