//! What was read of modules before, kept in `.odpm/cache/modules.json`.
//!
//! An entry counts as long as the files that it was made from have the times, sizes and numbers that they had; one whose files had
//! been written just before is never kept, for they may change without a trace in their times. The whole carries its digest: a
//! damaged cache is no cache.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::image::ImageModule;
use crate::base::{Digest, StateDir};
use crate::odoo::{Manifest, ManifestError};
use crate::state;

/// The form of the file; another one is read anew.
const FORMAT: u32 = 1;

/// How long a file has to be left alone before its times say that it has not changed.
const SETTLED: Duration = Duration::from_secs(2);

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp(i64, i64, i64, i64, u64, u64);

impl Stamp {
    /// The stamp of a file as it is.
    pub fn of(meta: &Metadata) -> Self {
        Self(meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec(), meta.size(), meta.ino())
    }

    /// When the file was last written or moved, in seconds.
    fn seconds(&self) -> i64 {
        self.0.max(self.2)
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Body {
    format: u32,
    manifests: BTreeMap<PathBuf, (Stamp, Result<Manifest, ManifestError>)>,
    hashes: BTreeMap<PathBuf, (Digest, Digest)>,
    images: BTreeMap<String, Vec<ImageModule>>,
    checked: BTreeMap<PathBuf, (Stamp, String, Option<Wrong>)>,
}

/// What is wrong with a file, and in which line.
pub type Wrong = (usize, String);

#[derive(Serialize, Deserialize)]
struct Whole<'a> {
    digest: Digest,
    #[serde(borrow)]
    body: &'a RawValue,
}

/// What was read before, and what is read now.
#[derive(Debug)]
pub struct Cache {
    place: PathBuf,
    body: Body,
    changed: bool,
    /// What was written after this may be written once more without a trace.
    settled: i64,
}

impl Cache {
    /// The cache of a project; an empty one where there is none that can be read.
    pub fn open(state: &StateDir) -> Self {
        let place = state.cache().join("modules.json");
        let now =
            SystemTime::now().checked_sub(SETTLED).and_then(|then| then.duration_since(UNIX_EPOCH).ok());
        let settled = now.and_then(|then| i64::try_from(then.as_secs()).ok()).unwrap_or_default();
        let body = std::fs::read_to_string(&place).ok().and_then(|text| read(&text));
        let body = body.unwrap_or_else(|| Body { format: FORMAT, ..Body::default() });
        Self { place, body, changed: false, settled }
    }

    /// What a manifest says, read where its file is not as it was.
    pub fn manifest(
        &mut self,
        path: &Path,
        meta: &Metadata,
        read: impl FnOnce() -> Result<Manifest, ManifestError>,
    ) -> Result<Manifest, ManifestError> {
        let stamp = Stamp::of(meta);
        if let Some((_, known)) = self.body.manifests.get(path).filter(|(then, _)| *then == stamp) {
            return known.clone();
        }
        let manifest = read();
        if stamp.seconds() < self.settled {
            self.body.manifests.insert(path.to_owned(), (stamp, manifest.clone()));
            self.changed = true;
        }
        manifest
    }

    /// The digest of a module's files, where they all have the stamps that they had.
    pub fn hash(&self, folder: &Path, stamps: &Digest) -> Option<Digest> {
        self.body.hashes.get(folder).filter(|(then, _)| then == stamps).map(|(_, hash)| hash.clone())
    }

    /// Keeps the digest of a module's files; `newest` is the stamp of the youngest of them.
    pub fn keep_hash(&mut self, folder: &Path, stamps: Digest, newest: i64, hash: Digest) {
        if newest < self.settled {
            self.body.hashes.insert(folder.to_owned(), (stamps, hash));
            self.changed = true;
        }
    }

    /// The modules of an image.
    pub fn image(&self, key: &str) -> Option<Vec<ImageModule>> {
        self.body.images.get(key).cloned()
    }

    /// Keeps the modules of an image, and forgets those of the one before it.
    pub fn keep_image(&mut self, key: String, modules: Vec<ImageModule>) {
        self.body.images = [(key, modules)].into();
        self.changed = true;
    }

    /// What was wrong with a file when this reader of files read it; `None` where it has to be read.
    pub fn checked(&self, path: &Path, meta: &Metadata, reader: &str) -> Option<Option<Wrong>> {
        let stamp = Stamp::of(meta);
        let known = self.body.checked.get(path).filter(|(then, by, _)| *then == stamp && by == reader);
        known.map(|(_, _, wrong)| wrong.clone())
    }

    /// Keeps what is wrong with a file; its stamp is of before it was read.
    pub fn keep_checked(&mut self, path: PathBuf, meta: &Metadata, reader: &str, wrong: Option<Wrong>) {
        let stamp = Stamp::of(meta);
        if stamp.seconds() < self.settled {
            self.body.checked.insert(path, (stamp, reader.to_owned(), wrong));
            self.changed = true;
        }
    }

    /// Writes down what is new. What cannot be written is read again the next time.
    pub fn close(mut self) {
        let Some(folder) = self.place.parent().filter(|_| self.changed) else { return };
        if !folder.parent().is_some_and(Path::is_dir) || state::make_dir(folder, 0o755).is_err() {
            return;
        }
        // What is gone is not kept for ever.
        self.body.manifests.retain(|path, _| path.is_file());
        self.body.hashes.retain(|path, _| path.is_dir());
        self.body.checked.retain(|path, _| path.is_file());
        let Ok(text) = serde_json::to_string(&self.body) else { return };
        let digest = Digest::of(&text);
        let Ok(body) = RawValue::from_string(text) else { return };
        if let Ok(whole) = serde_json::to_vec(&Whole { digest, body: &body }) {
            let _ = state::replace(&self.place, &whole, 0o644);
        }
    }
}

fn read(text: &str) -> Option<Body> {
    let whole: Whole<'_> = serde_json::from_str(text).ok()?;
    if Digest::of(whole.body.get()) != whole.digest {
        return None;
    }
    let body: Body = serde_json::from_str(whole.body.get()).ok()?;
    (body.format == FORMAT).then_some(body)
}

impl Stamp {
    /// The youngest of some files, in seconds.
    pub fn newest<'a>(stamps: impl IntoIterator<Item = &'a Self>) -> i64 {
        stamps.into_iter().map(Self::seconds).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(cache: &mut Cache, path: &Path, name: &str) -> String {
        let meta = std::fs::metadata(path).unwrap();
        let read = || Ok(Manifest { name: name.to_owned(), ..Manifest::default() });
        cache.manifest(path, &meta, read).unwrap().name
    }

    #[test]
    fn what_was_read_is_read_again_when_its_file_changes() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::of(dir.path());
        std::fs::create_dir(state.path()).unwrap();
        let path = dir.path().join("__manifest__.py");
        std::fs::write(&path, "{}").unwrap();

        // Just written: whether it changes once more could not be told.
        let mut young = Cache::open(&state);
        assert_eq!(manifest(&mut young, &path, "one"), "one");
        young.close();
        assert!(!state.cache().exists());

        let mut cache = Cache::open(&state);
        cache.settled = i64::MAX;
        assert_eq!(manifest(&mut cache, &path, "two"), "two");
        let meta = std::fs::metadata(&path).unwrap();
        cache.keep_checked(path.clone(), &meta, "data", Some((3, "wrong".to_owned())));
        cache.keep_hash(dir.path(), Digest::of("stamps"), 0, Digest::of("files"));
        cache.close();

        let mut again = Cache::open(&state);
        assert_eq!(manifest(&mut again, &path, "three"), "two");
        assert_eq!(again.checked(&path, &meta, "data"), Some(Some((3, "wrong".to_owned()))));
        assert_eq!(again.checked(&path, &meta, "another"), None);
        assert_eq!(again.hash(dir.path(), &Digest::of("stamps")), Some(Digest::of("files")));
        assert_eq!(again.hash(dir.path(), &Digest::of("others")), None);
        std::fs::write(&path, "{ }").unwrap();
        assert_eq!(manifest(&mut again, &path, "four"), "four");
    }

    #[test]
    fn a_damaged_cache_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::of(dir.path());
        std::fs::create_dir(state.path()).unwrap();
        let path = dir.path().join("__manifest__.py");
        std::fs::write(&path, "{}").unwrap();
        let mut cache = Cache::open(&state);
        cache.settled = i64::MAX;
        let _ = manifest(&mut cache, &path, "old");
        cache.close();
        let place = state.cache().join("modules.json");
        let whole = std::fs::read_to_string(&place).unwrap();
        for damaged in [whole.replace("old", "odd"), whole[..whole.len() / 2].to_owned(), String::new()] {
            std::fs::write(&place, damaged).unwrap();
            assert_eq!(manifest(&mut Cache::open(&state), &path, "new"), "new");
        }
    }
}
