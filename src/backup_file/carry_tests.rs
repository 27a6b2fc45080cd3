use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha1::{Digest as _, Sha1};

use super::carry::{Carried, Carry, hand_over};
use crate::base::Meter;
use crate::base::digest::hex;

struct Two {
    _dirs: Vec<tempfile::TempDir>,
    carry: Carry,
}

/// Two filestores; the source's lies below `elsewhere` where that is given.
fn two(elsewhere: Option<&Path>) -> Two {
    let dir = tempfile::tempdir().unwrap();
    let other = elsewhere.map(|folder| tempfile::tempdir_in(folder).unwrap());
    let from = other.as_ref().unwrap_or(&dir).path().join("filestore/staging");
    let to = dir.path().join("filestore/prod");
    fs::create_dir_all(&from).unwrap();
    let list = dir.path().join("files.txt");
    let (added, missing) = (dir.path().join("files.txt.added"), dir.path().join("files.txt.missing"));
    fs::write(&list, "").unwrap();
    let carry = Carry { from, to, list, added, missing };
    Two { _dirs: std::iter::once(dir).chain(other).collect(), carry }
}

fn name(content: &[u8]) -> String {
    let digest = hex(&Sha1::digest(content));
    format!("{}/{digest}", &digest[..2])
}

impl Two {
    /// A file of the source, in the list.
    fn file(&self, content: &[u8]) -> String {
        let name = name(content);
        put(&self.carry.from, &name, content);
        self.listed(&name);
        name
    }

    fn listed(&self, name: &str) {
        let text = fs::read_to_string(&self.carry.list).unwrap();
        fs::write(&self.carry.list, format!("{text}{name}\n")).unwrap();
    }

    fn run(&self) -> crate::error::Result<Carried> {
        self.carry.run(&Meter::default())
    }

    fn there(&self, name: &str) -> PathBuf {
        self.carry.to.join(name)
    }

    fn added(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.carry.added).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

fn put(folder: &Path, name: &str, content: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

#[test]
fn files_get_a_second_name_and_those_that_are_there_are_left() {
    let two = two(None);
    let names: Vec<String> = (0..600).map(|at| two.file(format!("file {at}").as_bytes())).collect();
    put(&two.carry.to, &names[5], b"file 5");
    let before = fs::metadata(two.there(&names[5])).unwrap().ino();
    let done = two.run().unwrap();
    assert_eq!((done.linked, done.copied, done.there, done.missing), (599, 0, 1, 0));
    for (at, name) in names.iter().enumerate() {
        assert_eq!(fs::read(two.there(name)).unwrap(), format!("file {at}").as_bytes());
    }
    assert_eq!(fs::metadata(two.there(&names[5])).unwrap().ino(), before);
    let inode = |path: PathBuf| fs::metadata(path).unwrap().ino();
    assert_eq!(inode(two.there(&names[6])), inode(two.carry.from.join(&names[6])));
    assert_eq!(two.added().len(), 599);
    assert!(!two.added().contains(&names[5]));
    let again = two.run().unwrap();
    assert_eq!((again.linked, again.copied, again.there), (0, 0, 600));
    assert_eq!(two.added().len(), 599, "nothing is added twice");
}

#[test]
fn what_cannot_share_its_owner_or_permissions_is_copied() {
    let two = two(None);
    let name = two.file(b"secret");
    let here = two.carry.from.join(&name);
    fs::set_permissions(&here, fs::Permissions::from_mode(0o040)).unwrap();
    if fs::File::open(&here).is_err() {
        return; // Only root reads it.
    }
    let done = two.run().unwrap();
    assert_eq!((done.linked, done.copied), (0, 1));
    assert_eq!(fs::metadata(two.there(&name)).unwrap().mode() & 0o777, 0o640);
    assert_eq!(fs::metadata(&here).unwrap().mode() & 0o777, 0o040, "the source stays as it is");
}

#[test]
fn from_another_disk_files_are_copied_and_half_a_copy_is_made_anew() {
    let shared = Path::new("/dev/shm");
    let device = |path: &Path| fs::metadata(path).map(|meta| meta.dev());
    if device(shared).ok() == device(&std::env::temp_dir()).ok() || tempfile::tempdir_in(shared).is_err() {
        return;
    }
    let two = two(Some(shared));
    let name = two.file(&vec![7; 300_000]);
    let other = two.file(b"small");
    // What a killed attempt leaves: it is written down, and half of it is there.
    fs::write(&two.carry.added, format!("{name}\n")).unwrap();
    let part = two.there(&name).with_file_name(format!(".odpm-{}.part", &name[3..]));
    fs::create_dir_all(part.parent().unwrap()).unwrap();
    fs::write(&part, [7; 1000]).unwrap();
    let done = two.run().unwrap();
    assert_eq!((done.linked, done.copied), (0, 2));
    assert_eq!(fs::read(two.there(&name)).unwrap(), vec![7; 300_000]);
    assert!(!part.exists());
    assert!(two.added().contains(&name) && two.added().contains(&other));
}

#[test]
fn damaged_files_are_told_on_either_side_and_left_alone() {
    let two = two(None);
    let (good, bad, wrong) = (two.file(b"good"), two.file(b"bad"), two.file(b"wrong"));
    fs::write(two.carry.from.join(&bad), "rotten").unwrap();
    put(&two.carry.to, &wrong, b"another");
    two.listed("../../etc/passwd");
    two.listed("ab/short");
    let error = format!("{}", two.run().map(drop).unwrap_err());
    let report = format!("{:?}", two.run().map(drop).unwrap_err());
    assert!(error.contains("4 files"), "{error}");
    for said in ["is damaged: its SHA-1", "holds something else", "../../etc/passwd is no path", "ab/short"] {
        assert!(report.contains(said), "{said}: {report}");
    }
    assert_eq!(fs::read(two.there(&wrong)).unwrap(), b"another");
    assert!(!two.there(&bad).exists());
    assert_eq!(fs::read(two.there(&good)).unwrap(), b"good", "the others are there");
}

#[test]
fn missing_files_are_all_listed() {
    let two = two(None);
    let there = two.file(b"there");
    let gone: Vec<String> = (0..30).map(|at| name(format!("gone {at}").as_bytes())).collect();
    gone.iter().for_each(|name| two.listed(name));
    let done = two.run().unwrap();
    assert_eq!((done.linked, done.missing, done.first_missing.len()), (1, 30, 10));
    let listed = fs::read_to_string(&two.carry.missing).unwrap();
    assert_eq!(listed.lines().collect::<Vec<_>>(), gone);
    assert!(two.there(&there).exists());
    fs::remove_dir_all(&two.carry.from).unwrap();
    let _ = two.run().unwrap_err();
}

#[test]
fn only_what_was_added_is_handed_over() {
    let two = two(None);
    let (new, old) = (two.file(b"new"), two.file(b"old"));
    put(&two.carry.to, &old, b"old");
    let _ = two.run().unwrap();
    let part = two.there(&new).with_file_name(format!(".odpm-{}.part", &new[3..]));
    fs::write(&part, "half").unwrap();
    assert_eq!(hand_over(&two.carry.to, &two.carry.added).unwrap(), 1);
    assert!(two.carry.to.join("checklist").join(&new).exists());
    assert!(!two.carry.to.join("checklist").join(&old).exists());
    assert!(two.there(&new).exists(), "an attachment may name it by now: that is Odoo's to see");
    assert!(!part.exists());
}
