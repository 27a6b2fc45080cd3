//! Backups as files, whole and damaged, decent and hostile.

use std::io::Write;

use tokio::sync::mpsc;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;
use crate::facts::{DatabaseFacts, FilestoreFacts, MANIFEST_VERSION};

const SCRIPT: &str =
    "--\n-- PostgreSQL database dump\n--\nSELECT 1;\n--\n-- PostgreSQL database dump complete\n--\n";

/// A file's name and content, as Odoo has it.
const FILE: (&str, &[u8]) = ("aa/aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d", b"hello");

fn odoo() -> OdooManifest {
    let modules = [("base".to_owned(), "18.0.1.3".to_owned())].into();
    OdooManifest { odoo_dump: "1".into(), major_version: "18.0".into(), modules, ..OdooManifest::default() }
}

/// A zip of odpm's own with its record.
fn zip_of_ours(folder: &Path) -> PathBuf {
    let files = folder.join("filestore");
    fs::create_dir_all(files.join("aa")).unwrap();
    fs::write(files.join(FILE.0), FILE.1).unwrap();
    fs::create_dir_all(files.join("checklist/aa")).unwrap();
    fs::write(files.join("checklist").join(FILE.0), "").unwrap();
    let (sender, chunks) = mpsc::channel(16);
    for line in SCRIPT.split_inclusive('\n') {
        sender.try_send(Ok(line.as_bytes().to_vec())).unwrap();
    }
    drop(sender);
    let path = folder.join("shop.zip");
    let facts = write_zip(&path, chunks, &odoo(), Some(&files), &Meter::default()).unwrap();
    assert_eq!(facts, Some(FilestoreFacts { files: 1, bytes: 5, missing: Vec::new() }));
    record(&path, facts);
    path
}

fn record(path: &Path, filestore: Option<FilestoreFacts>) {
    let name = path.file_name().unwrap().to_str().unwrap();
    let parts = match path.is_dir() {
        true => Vec::new(),
        false => vec![part(path.parent().unwrap(), name, &Meter::default()).unwrap()],
    };
    let manifest = BackupManifest {
        odpm_backup: MANIFEST_VERSION,
        odpm_version: "5.0.0".into(),
        created_at: "2026-11-20T21:13:33+00:00".into(),
        database: DatabaseFacts { name: "shop".into(), ..DatabaseFacts::default() },
        filestore,
        parts,
    };
    write_manifest(path, &manifest).unwrap();
}

/// A zip as somebody else makes it.
fn zip_of(path: &Path, entries: &[(&str, &[u8])]) {
    let mut zip = ZipWriter::new(File::create(path).unwrap());
    for (name, content) in entries {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap();
}

fn manifest_text() -> Vec<u8> {
    serde_json::to_vec(&odoo()).unwrap()
}

fn whole() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("dump.sql", SCRIPT.as_bytes().to_vec()),
        ("manifest.json", manifest_text()),
        ("filestore/aa/aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d", FILE.1.to_vec()),
    ]
}

fn write(path: &Path, entries: &[(&'static str, Vec<u8>)]) {
    let entries: Vec<(&str, &[u8])> =
        entries.iter().map(|(name, content)| (*name, content.as_slice())).collect();
    zip_of(path, &entries);
}

fn wrong(path: &Path) -> Vec<String> {
    match verify(path, BackupSource::Zip, &Meter::default()) {
        Ok(verdict) => verdict.wrong,
        Err(e) => vec![e.to_string()],
    }
}

#[test]
fn a_zip_reads_back_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.zip");
    write(&path, &whole());
    assert_eq!(wrong(&path), Vec::<String>::new());
    let seen = look(&path).unwrap();
    assert_eq!((seen.source, seen.odoo), (Some(BackupSource::Zip), Some(odoo())));
    let to = dir.path().join("to");
    assert_eq!(load_files(&path, BackupSource::Zip, &to, &Meter::default()).unwrap(), 1);
    assert_eq!(fs::read(to.join(FILE.0)).unwrap(), FILE.1);
    let (sender, mut chunks) = mpsc::channel(16);
    dump(&path, BackupSource::Zip, &sender, &Meter::default());
    drop(sender);
    let mut text = Vec::new();
    while let Some(chunk) = chunks.blocking_recv() {
        text.extend(chunk.unwrap());
    }
    assert_eq!(String::from_utf8(text).unwrap(), SCRIPT);
}

#[test]
fn hostile_zips_are_refused_before_anything_of_them_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.zip");
    for name in
        ["../evil", "filestore/../../evil", "/evil", "filestore//evil", "filestore/./evil", "a\\..\\evil"]
    {
        let mut entries = whole();
        entries.push((name, b"x".to_vec()));
        write(&path, &entries);
        let told = wrong(&path);
        assert!(told.iter().any(|line| line.contains("not a decent zip")), "{name}: {told:?}");
        load_files(&path, BackupSource::Zip, &dir.path().join("to"), &Meter::default()).unwrap_err();
        assert!(!dir.path().join("evil").exists() && !dir.path().join("to").exists());
    }

    let mut zip = ZipWriter::new(File::create(&path).unwrap());
    zip.start_file("dump.sql", SimpleFileOptions::default()).unwrap();
    zip.write_all(SCRIPT.as_bytes()).unwrap();
    zip.add_symlink("filestore/aa/link", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    zip.finish().unwrap();
    assert!(zip_read::Zip::open(&path).err().unwrap().report().why[0].contains("is a link"));
}

#[test]
fn two_files_of_one_name_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.zip");
    let mut entries = whole();
    entries.push(("filestore/aa/1", b"good".to_vec()));
    entries.push(("filestore/aa/2", b"evil".to_vec()));
    write(&path, &entries);
    // No decent program writes such a zip; it is made by changing a name in place.
    let bytes = fs::read(&path).unwrap();
    let changed = replace_all(&bytes, b"filestore/aa/2", b"filestore/aa/1");
    fs::write(&path, changed).unwrap();
    let why = zip_read::Zip::open(&path).err().unwrap().report().why.clone();
    assert!(why[0].contains("same name") || why[0].contains("twice"), "{why:?}");
}

fn replace_all(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for at in 0..=bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            out[at..at + from.len()].copy_from_slice(to);
        }
    }
    out
}

#[test]
fn what_grows_without_end_is_a_trap() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.zip");
    write(&path, &whole());
    // The size of the last file is said to be eight times as much as any disk of 2026 would like, in a zip of some bytes.
    let mut bytes = fs::read(&path).unwrap();
    let entry = bytes.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
    bytes[entry + 24..entry + 28].copy_from_slice(&0xffff_fff0u32.to_le_bytes());
    fs::write(&path, bytes).unwrap();
    let told = wrong(&path);
    assert!(!told.is_empty(), "a size that is not so is noticed");
    load_files(&path, BackupSource::Zip, &dir.path().join("to"), &Meter::default()).unwrap_err();
}

#[test]
fn manifests_and_scripts_are_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.zip");
    let without = |name: &str| whole().into_iter().filter(|(entry, _)| *entry != name).collect::<Vec<_>>();
    let with = |name: &'static str, content: &[u8]| {
        let mut entries = without(name);
        entries.push((name, content.to_vec()));
        entries
    };
    let cut = SCRIPT.replace("-- PostgreSQL database dump complete\n", "");
    for (entries, want) in [
        (without("dump.sql"), "is no backup of Odoo's"),
        (with("dump.sql", b""), "its script is empty"),
        (with("dump.sql", cut.as_bytes()), "its script is cut off"),
        (with("manifest.json", b"{"), "cannot be understood"),
        (with("manifest.json", b"{}"), "does not say which Odoo"),
        (with("filestore/aa/aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d", b"hallo"), "is damaged"),
    ] {
        write(&path, &entries);
        let told = wrong(&path);
        assert!(told.iter().any(|line| line.contains(want)), "{want}: {told:?}");
    }
}

#[test]
fn a_zip_cut_off_anywhere_or_with_any_bit_turned_is_not_good() {
    let dir = tempfile::tempdir().unwrap();
    let path = zip_of_ours(dir.path());
    assert_eq!(wrong(&path), Vec::<String>::new());
    let bytes = fs::read(&path).unwrap();
    for tenth in 0..10 {
        fs::write(&path, &bytes[..bytes.len() * tenth / 10]).unwrap();
        assert!(!wrong(&path).is_empty(), "cut at {tenth} tenths");
    }
    for at in 0..bytes.len() {
        let mut turned = bytes.clone();
        turned[at] ^= 1 << (at % 8);
        fs::write(&path, &turned).unwrap();
        assert!(!wrong(&path).is_empty(), "byte {at}");
    }
    // Without a record the checksums of the zip itself are what is left: they keep what is inside.
    fs::remove_file(manifest_path(&path)).unwrap();
    for tenth in 0..10 {
        fs::write(&path, &bytes[..bytes.len() * tenth / 10]).unwrap();
        assert!(!wrong(&path).is_empty(), "cut at {tenth} tenths, without a record");
    }
}

#[test]
fn only_what_odpm_made_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let path = zip_of_ours(dir.path());
    let stranger = dir.path().join("stranger.zip");
    fs::copy(&path, &stranger).unwrap();
    assert!(remove(&stranger).unwrap_err().to_string().contains("is no backup of odpm's"));
    remove(&path).unwrap();
    assert!(!path.exists() && !manifest_path(&path).exists() && stranger.exists());
    remove(&path).unwrap();
}

#[test]
fn a_zip_takes_a_file_that_is_pressed_already_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = zip_of_ours(dir.path());
    let mut archive = zip::ZipArchive::new(File::open(&path).unwrap()).unwrap();
    assert_eq!(archive.by_name("dump.sql").unwrap().compression(), CompressionMethod::Deflated);
    assert!(
        archive.by_name(&format!("filestore/checklist/{}", FILE.0)).is_err(),
        "the checklist is no content"
    );
}

/// A folder of odpm's in the middle of its removal is listed as no backup, and gone with what it had when it is removed again.
#[test]
fn a_removal_that_was_broken_off_is_ended_and_no_backup() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("2026.11.odpm");
    let rest = folder.path().join("2026.11.odpm.removed");
    let theirs = folder.path().join("theirs.removed");
    for place in [&path, &rest, &theirs] {
        fs::create_dir_all(place.join("dump")).unwrap();
        fs::write(place.join("dump/toc.dat"), "PGDMP").unwrap();
    }
    fs::create_dir(folder.path().join(folder::POOL)).unwrap();
    fs::write(folder.path().join(folder::POOL).join("aa"), "wanted by nobody").unwrap();
    for place in [&path, &rest] {
        record(place, None);
    }
    let listed = |folder: &Path| list(folder).into_iter().map(|seen| seen.path).collect::<Vec<_>>();
    assert_eq!(listed(folder.path()), std::slice::from_ref(&path));
    assert_eq!(half_removed(folder.path()), std::slice::from_ref(&rest));
    remove(&path).unwrap();
    assert!(!path.exists() && !rest.exists() && theirs.exists());
    // What was killed after the folder was out of the way, found by the same step and by the name of what is left.
    for (left, again) in [(&rest, &path), (&rest, &rest)] {
        fs::create_dir_all(left.join("dump")).unwrap();
        record(left, None);
        fs::write(folder.path().join(folder::POOL).join("aa"), "wanted by nobody").unwrap();
        remove(again).unwrap();
        assert!(!left.exists() && !folder.path().join(folder::POOL).join("aa").exists());
    }
    assert!(remove(&theirs).is_err() && theirs.exists(), "it has no record of odpm's");
}
