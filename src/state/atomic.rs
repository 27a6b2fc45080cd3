//! How a file is replaced so that no crash leaves half of it.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::base::Digest;
use crate::base::digest::hex;
use crate::error::Result;
use crate::facts::Owner;

/// Replaces the file at `path`, or makes it with the permission bits `mode`.
///
/// A file that is there keeps its permissions and, where that is allowed, its owner. A symbolic link
/// stays a link: what it points at is replaced. The folder has to exist.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let before = match fs::metadata(&target) {
        Ok(meta) => Some(meta),
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        Err(e) => return Err(e),
    };
    let mut file = tempfile::Builder::new().prefix(".odpm-").suffix(".tmp").tempfile_in(folder)?;
    file.write_all(content)?;
    let mode = before.as_ref().map_or(mode, |meta| meta.mode() & 0o7777);
    file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
    if let Some(meta) = &before {
        // Only root can give a file away; for others the owner is the same already, or stays theirs.
        let _ = std::os::unix::fs::fchown(file.as_file(), Some(meta.uid()), Some(meta.gid()));
    }
    file.as_file().sync_all()?;
    file.persist(&target).map_err(|e| e.error)?;
    sync_folder(folder)
}

/// Makes a folder and those above it; the last one gets the permission bits `mode`. One that is there stays.
pub fn make_dir(path: &Path, mode: u32) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    match fs::DirBuilder::new().mode(mode).create(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        other => other,
    }?;
    // The process's umask takes bits away from a new folder.
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Makes a folder for whoever it belongs to and for nobody else; `owner` is odpm's own account when `None`. One that is there
/// has to be that account's or odpm's: below /tmp somebody else may have been there first, with a folder or a link of their own.
pub fn own_dir(path: &Path, owner: Option<Owner>) -> io::Result<()> {
    make_dir(path, 0o700)?;
    let meta = fs::symlink_metadata(path)?;
    let ours = [Some(rustix::process::geteuid().as_raw()), owner.map(|owner| owner.uid)];
    if !meta.is_dir() || !ours.contains(&Some(meta.uid())) {
        return Err(io::Error::other("it belongs to somebody else"));
    }
    give(path, owner)
}

/// Gives a file or a folder to an account; it stays as it is when `None`.
pub fn give(path: &Path, owner: Option<Owner>) -> io::Result<()> {
    owner.map_or(Ok(()), |owner| std::os::unix::fs::chown(path, Some(owner.uid), Some(owner.gid)))
}

/// Removes a folder with what is in it; one that is gone stays gone.
pub fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(super::cannot("remove", path, &e)),
        _ => Ok(()),
    }
}

/// The SHA-256 of a file, whatever its length.
pub fn digest_of(path: &Path) -> Result<Digest> {
    let failed = |e: io::Error| super::cannot("read", path, &e);
    let mut file = File::open(path).map_err(failed)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => return Ok(Digest::from_hex(hex(&digest.finalize()))),
            count => digest.update(&buffer[..count]),
        }
    }
}

/// Makes renames in a folder last.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_file_keeps_its_mode_and_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        replace(&path, b"one", 0o640).unwrap();
        replace(&path, b"two", 0o600).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_stays_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real"), dir.path().join("link"));
        fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        replace(&link, b"new", 0o644).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"new");
    }
}
