use super::*;
use crate::base::Digest;
use crate::facts::{SnapshotDatabase, SnapshotManifest};
use crate::rows::{Dialect, join};

fn record(taken: Taken, end: &str, at: &str) -> SnapshotManifest {
    SnapshotManifest {
        format_version: FORMAT_VERSION,
        label: "x".into(),
        taken_at: at.into(),
        file: end.into(),
        bytes: taken.bytes,
        sha256: taken.sha256,
        crc32: taken.crc32,
        spec: Digest::of(""),
        database: SnapshotDatabase {
            name: "shop".into(),
            oid: 1,
            system_identifier: "1".into(),
            server_version: "16".into(),
            lsn: "0/0".into(),
            modules: Default::default(),
        },
        sections: Vec::new(),
        skipped: Vec::new(),
        duration_ms: 0,
        by: "ada@laptop".into(),
    }
}

fn keep(folder: &Path, name: &str, text: &str, compress: bool, at: &str) -> SnapshotSeen {
    let mut draft = Draft::new(folder, compress).unwrap();
    draft.add(text.as_bytes()).unwrap();
    draft.keep(name, |taken| record(taken, if compress { ".jsonl.zst" } else { ".jsonl" }, at)).unwrap()
}

const LINE: &str = "{\"_model\": \"m\", \"id\": 1, \"x\": 1}\n";

#[test]
fn what_is_not_kept_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut draft = Draft::new(folder.path(), false).unwrap();
    draft.add(LINE.as_bytes()).unwrap();
    drop(draft);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn names_that_are_taken_get_a_number_and_the_newest_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let one = keep(at, "t-x", LINE, false, "2026-01-02");
    let two = keep(at, "t-x", LINE, true, "2026-01-01");
    assert_eq!((one.manifest.file.as_str(), two.manifest.file.as_str()), ("t-x.jsonl", "t-x-2.jsonl.zst"));
    let names: Vec<String> = list(at).unwrap().into_iter().map(|seen| seen.manifest.file).collect();
    assert_eq!(names, ["t-x-2.jsonl.zst", "t-x.jsonl"], "by their time");
    for (name, file) in [("x", "t-x.jsonl"), ("t-x-2", "t-x-2.jsonl.zst"), ("t-x.jsonl", "t-x.jsonl")] {
        assert_eq!(find(at, name).unwrap().manifest.file, file, "{name}");
    }
    assert_eq!(find(at, one.path.to_str().unwrap()).unwrap(), one);
    remove(&one.path).unwrap();
    assert_eq!(list(at).unwrap(), [two]);
    assert!(leftovers(at).unwrap().is_empty());
}

#[test]
fn rows_are_read_as_they_were_written_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    for compress in [false, true] {
        let name = if compress { "z" } else { "p" };
        let (one, two) =
            (keep(folder.path(), name, LINE, compress, "1"), keep(folder.path(), name, LINE, compress, "2"));
        let compare = || -> Result<()> {
            let (mut left, mut right) = (open(&one)?, open(&two)?);
            join(&mut left, &mut right, &Dialect::Json, &mut |_| panic!("they are the same"))
        };
        compare().unwrap();
        digest_holds(&one).unwrap();
        let mut bytes = std::fs::read(&one.path).unwrap();
        // A bit of zstd's frame header means nothing to the content: those of the blocks all do.
        for at in (if compress { 9 } else { 0 })..bytes.len() {
            bytes[at] ^= 1;
            std::fs::write(&one.path, &bytes).unwrap();
            assert!(digest_holds(&one).is_err());
            let (mut left, mut right) = match (open(&one), open(&two)) {
                (Ok(left), Ok(right)) => (left, right),
                _ => continue,
            };
            let read = join(&mut left, &mut right, &Dialect::Json, &mut |_| Ok(()));
            assert!(read.is_err(), "byte {at} of {}", one.manifest.file);
            bytes[at] ^= 1;
        }
    }
}
