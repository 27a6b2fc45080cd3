//! The account that the server runs as.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::facts::{Known, Owner};
use crate::process::accounts;

/// The account for the server of this data directory: odpm's own as `None`, or, when odpm is root - as
/// which PostgreSQL refuses to run - the owner of the data directory, else the account `postgres`. That
/// account has to get at the data directory and at what lies further on: the rendered configuration, the archive.
pub fn run_as(data: &Path, further: &[&Path]) -> Known<Option<Owner>> {
    let own = rustix::process::geteuid();
    if !own.is_root() {
        return match fs::metadata(data) {
            Ok(meta) if meta.uid() != own.as_raw() => Known::Unknown(format!(
                "{} belongs to {}, and odpm runs as {}",
                data.display(),
                name_of(meta.uid()),
                name_of(own.as_raw())
            )),
            _ => Known::Known(None),
        };
    }
    let owner = match fs::metadata(data) {
        Ok(meta) if meta.uid() != 0 => Some(Owner { uid: meta.uid(), gid: meta.gid() }),
        _ => None,
    };
    let empty = fs::read_dir(data).map_or(true, |mut listing| listing.next().is_none());
    if owner.is_none() && !empty {
        return Known::Unknown(format!(
            "{} belongs to root, and PostgreSQL refuses to run as root",
            data.display()
        ));
    }
    let Some(owner) = owner.or_else(|| find("postgres")) else {
        return Known::Unknown(
            "odpm runs as root, PostgreSQL refuses to, and there is no account `postgres`".to_owned(),
        );
    };
    let mut places = std::iter::once(data).chain(further.iter().copied());
    match places.find_map(|path| closed_ancestor(path, owner)) {
        None => Known::Known(Some(owner)),
        Some(folder) => Known::Unknown(format!(
            "the account {} that PostgreSQL would run as may not enter {folder}",
            name_of(owner.uid)
        )),
    }
}

/// The first folder above `path` that the account may not pass through.
fn closed_ancestor(path: &Path, owner: Owner) -> Option<String> {
    path.ancestors().skip(1).collect::<Vec<_>>().into_iter().rev().find_map(|folder| {
        let meta = fs::metadata(folder).ok()?;
        let bit = match () {
            () if meta.uid() == owner.uid => 0o100,
            () if meta.gid() == owner.gid => 0o010,
            () => 0o001,
        };
        (meta.mode() & bit == 0).then(|| folder.display().to_string())
    })
}

/// The account of this name.
fn find(name: &str) -> Option<Owner> {
    accounts::find(name).map(|(uid, gid)| Owner { uid, gid })
}

/// The name of an account, or its number.
fn name_of(uid: u32) -> String {
    accounts::name_of(uid).unwrap_or_else(|| format!("uid {uid}"))
}
