//! Files of copied attachments, brought from one filestore to another.
//!
//! What is added is written down before it is there, so that what a killed attempt has added is known, too. A copy grows beside its
//! place under a name of its own, which the next attempt finds again.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::files::{Target, copy, named_digest, sha1};
use super::{cannot, is_inside};
use crate::base::Meter;
use crate::base::size::{count, thousands};
use crate::error::{Error, Result};
use crate::state::sync_folder;

/// How many files are written down and then added together.
const BATCH: usize = 256;

/// How many files that are not what they should be are named.
const NAMED: usize = 10;

/// A folder's files for another one.
#[derive(Clone, Debug)]
pub struct Carry {
    /// Where they are.
    pub from: PathBuf,
    /// Where they go.
    pub to: PathBuf,
    /// Which: a path within a filestore in each line.
    pub list: PathBuf,
    /// Where those that were added are written down.
    pub added: PathBuf,
    /// Where those that are missing are.
    pub missing: PathBuf,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// How many got a second name.
    pub linked: u64,
    /// How many were copied.
    pub copied: u64,
    /// How many were there already.
    pub there: u64,
    /// How many the source has not.
    pub missing: u64,
    /// The first of those.
    pub first_missing: Vec<String>,
}

impl Carry {
    /// Brings the files over. One that is there and is what its name says is left; one that is not what its name says, on either
    /// side, is none to be carried: all of these are told at the end, and nothing of theirs is touched.
    pub fn run(&self, meter: &Meter) -> Result<Carried> {
        let all = lines(&self.list)?.count();
        let mut carried = Carried::default();
        if all == 0 {
            return Ok(carried);
        }
        if !self.from.is_dir() {
            return Err(Error::environment(format!("there is no folder {}", self.from.display()))
                .because("the files of the source's attachments should be in it"));
        }
        let target = Target::new(&self.to)?;
        let mut missing = create(&self.missing)?;
        let mut added = OpenOptions::new().create(true).append(true).open(&self.added);
        let added = added.as_mut().map_err(|e| cannot("write", &self.added, e))?;
        let (mut wrong, mut batch, mut seen) = (Wrong::default(), Vec::new(), 0usize);
        meter.begin(0);
        for name in lines(&self.list)? {
            let name = name?;
            seen += 1;
            match self.look(&name, meter)? {
                Look::There => carried.there += 1,
                Look::Fetch => batch.push(name),
                Look::Wrong(why) => wrong.add(why),
                Look::Missing => {
                    writeln!(missing, "{name}").map_err(|e| cannot("write", &self.missing, &e))?;
                    carried.missing += 1;
                    if carried.first_missing.len() < NAMED {
                        carried.first_missing.push(name);
                    }
                }
            }
            if batch.len() == BATCH {
                self.add(&std::mem::take(&mut batch), added, &target, &mut carried, meter)?;
            }
            if seen.is_multiple_of(BATCH) {
                meter.tell(format!("{} of {} files", thousands(seen as u64), thousands(all as u64)));
            }
        }
        self.add(&batch, added, &target, &mut carried, meter)?;
        missing.sync_all().map_err(|e| cannot("write", &self.missing, &e))?;
        wrong.judge()?;
        Ok(carried)
    }

    fn look(&self, name: &str, meter: &Meter) -> Result<Look> {
        let digest = named_digest(name).filter(|_| is_inside(name));
        let Some(digest) = digest else {
            return Ok(Look::Wrong(format!("{name} is no path of a filestore")));
        };
        let there = self.to.join(name);
        if let Some(found) = digest_of(&there, meter)? {
            return Ok(match found == digest {
                true => Look::There,
                false => {
                    Look::Wrong(format!("{} holds something else: its SHA-1 is {found}", there.display()))
                }
            });
        }
        let here = self.from.join(name);
        Ok(match digest_of(&here, meter)? {
            None => Look::Missing,
            Some(found) if found == digest => Look::Fetch,
            Some(found) => Look::Wrong(format!("{} is damaged: its SHA-1 is {found}", here.display())),
        })
    }

    /// Writes down what is to be added, adds it, and makes it last.
    fn add(
        &self,
        names: &[String],
        added: &mut File,
        target: &Target,
        carried: &mut Carried,
        meter: &Meter,
    ) -> Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        let put = added.write_all((names.join("\n") + "\n").as_bytes()).and_then(|()| added.sync_data());
        put.map_err(|e| cannot("write", &self.added, &e))?;
        let mut folders = BTreeSet::new();
        for name in names {
            match self.one(name, target, meter)? {
                true => carried.linked += 1,
                false => carried.copied += 1,
            }
            folders.extend(Path::new(name).parent().map(|folder| self.to.join(folder)));
        }
        folders.insert(self.to.clone());
        folders.iter().try_for_each(|folder| sync_folder(folder).map_err(|e| cannot("write to", folder, &e)))
    }

    /// One file; whether a second name was enough.
    fn one(&self, name: &str, target: &Target, meter: &Meter) -> Result<bool> {
        let (here, there) = (self.from.join(name), self.to.join(name));
        let folder = there.parent().unwrap_or(&self.to);
        target.folder(folder)?;
        let meta = fs::metadata(&here).map_err(|e| cannot("read", &here, &e))?;
        // Owner and permissions are the file's, not the name's: giving the new name away would give the old one away with it.
        let fits = meta.uid() == target.uid()
            && meta.mode() & 0o400 != 0
            && !fs::symlink_metadata(&here).is_ok_and(|meta| meta.is_symlink());
        if fits {
            match fs::hard_link(&here, &there) {
                Ok(()) => return Ok(true),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Ok(true),
                // Another disk, one without links, or a file of somebody else's.
                Err(_) => {}
            }
        }
        let beside = folder.join(part(named_digest(name).unwrap_or_default()));
        let copied = self.copied(&here, &beside, name, meta.mode(), target, meter);
        if copied.is_err() {
            let _ = fs::remove_file(&beside);
        }
        copied?;
        fs::rename(&beside, &there).map_err(|e| cannot("rename", &beside, &e))?;
        Ok(false)
    }

    fn copied(
        &self,
        here: &Path,
        beside: &Path,
        name: &str,
        mode: u32,
        target: &Target,
        meter: &Meter,
    ) -> Result<()> {
        let mut from = File::open(here).map_err(|e| cannot("read", here, &e))?;
        let written = create(beside).map_err(|e| io::Error::other(e.to_string())).and_then(|mut file| {
            let (_, digest) = copy(&mut from, &mut file, meter)?;
            file.set_permissions(fs::Permissions::from_mode(mode & 0o666 | 0o600))?;
            file.sync_all()?;
            Ok(digest)
        });
        let digest = written.map_err(|e| cannot("write", beside, &e))?;
        if named_digest(name) != Some(digest.as_str()) {
            return Err(Error::environment(format!("{} was altered while it was read", here.display())));
        }
        target.own(beside)
    }
}

/// The name of a file that is being copied.
fn part(digest: &str) -> String {
    format!(".odpm-{digest}.part")
}

enum Look {
    There,
    Fetch,
    Missing,
    Wrong(String),
}

/// Files that are not what their names say: how many, and the first of them.
#[derive(Default)]
struct Wrong {
    files: u64,
    first: Vec<String>,
}

impl Wrong {
    fn add(&mut self, why: String) {
        self.files += 1;
        if self.first.len() < NAMED {
            self.first.push(why);
        }
    }

    fn judge(self) -> Result<()> {
        if self.files == 0 {
            return Ok(());
        }
        let what = format!("{} not what the name says", count(self.files, "file"));
        let error = self.first.into_iter().fold(Error::environment(what), Error::because);
        Err(error.hint(
            "Put them right from a backup, or remove those that are damaged, and resume: odpm apply --resume",
        ))
    }
}

/// The SHA-1 of a file; `None` where there is none.
fn digest_of(path: &Path, meter: &Meter) -> Result<Option<String>> {
    let read = File::open(path).and_then(|mut file| match file.metadata()?.is_file() {
        true => {
            meter.add(file.metadata()?.len());
            sha1(&mut file).map(Some)
        }
        false => Err(io::Error::other("it is no file")),
    });
    match read {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map_err(|e| cannot("read", path, &e)),
    }
}

fn create(path: &Path) -> Result<File> {
    File::create(path).map_err(|e| cannot("write", path, &e))
}

fn lines(path: &Path) -> Result<impl Iterator<Item = Result<String>> + use<'_>> {
    let file = File::open(path).map_err(|e| cannot("read", path, &e))?;
    let lines = BufReader::new(file).lines().map(|line| line.map_err(|e| cannot("read", path, &e)));
    Ok(lines.filter(|line| !line.as_ref().is_ok_and(String::is_empty)))
}

/// Hands files over to Odoo's own clean-up: it removes those of its list that no attachment names. How many.
pub fn hand_over(folder: &Path, list: &Path) -> Result<u64> {
    let target = Target::new(folder)?;
    let mut handed = 0;
    for name in lines(list)? {
        let name = name?;
        let Some(digest) = named_digest(&name).filter(|_| is_inside(&name)) else { continue };
        let path = folder.join(&name);
        // What an attempt that was killed has left beside it is nobody's.
        let _ = fs::remove_file(path.with_file_name(part(digest)));
        if !path.exists() {
            continue;
        }
        let mark = folder.join(super::files::CHECKLIST).join(&name);
        target.folder(mark.parent().unwrap_or(folder))?;
        drop(create(&mark)?);
        target.own(&mark)?;
        handed += 1;
    }
    Ok(handed)
}
