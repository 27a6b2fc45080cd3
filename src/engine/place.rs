//! How far the replacement of a data directory has come, read off which of its three folders are there.

use std::fs;
use std::io;
use std::path::Path;

use crate::error::{Error, Result};
use crate::state::cannot;
use crate::step::ReplaceData;

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The old one is in its place.
    Begin,
    /// The old one is set aside, the place is empty.
    Between,
    /// The new one is in its place.
    Done,
}

/// Looks. What fits no stage is somebody else's doing, and nothing is moved.
pub fn stage(step: &ReplaceData) -> Result<Stage> {
    let places = [&step.server.data, &step.from, &step.aside];
    match places.map(|path| there(path)) {
        [Ok(true), Ok(true), Ok(false)] => Ok(Stage::Begin),
        [Ok(false), Ok(true), Ok(true)] => Ok(Stage::Between),
        [Ok(true), Ok(false), Ok(true)] => Ok(Stage::Done),
        [Ok(data), Ok(from), Ok(aside)] => Err(unfit(step, data, from, aside)),
        [Err(e), ..] | [_, Err(e), _] | [.., Err(e)] => Err(e),
    }
}

fn there(path: &Path) -> Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(cannot("look at", path, &e)),
    }
}

fn unfit(step: &ReplaceData, data: bool, from: bool, aside: bool) -> Error {
    let told = [(&step.server.data, data), (&step.from, from), (&step.aside, aside)];
    let error =
        Error::refused("the data directory cannot be replaced: its folders are not as they were left");
    let error = told.into_iter().fold(error, |error, (path, there)| {
        error.because(format!("{} {}", path.display(), if there { "is there" } else { "is not there" }))
    });
    error.hint("Nothing was moved. See which of them is the one that you want in place.")
}

/// Why a folder could not be moved.
pub fn immovable(path: &Path, e: &io::Error) -> Error {
    let error = cannot("move", path, e);
    match e.kind() {
        io::ErrorKind::ResourceBusy | io::ErrorKind::CrossesDevices => error.hint(
            "A mount point cannot be the data directory itself: set postgres.data to a folder inside it.",
        ),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Digest, PgMajor};
    use crate::step::{Launch, ServerSpec};

    #[test]
    fn what_fits_no_stage_is_left_alone() {
        for (there, wanted) in [
            (vec!["data", "new"], Some(Stage::Begin)),
            (vec!["old", "new"], Some(Stage::Between)),
            (vec!["data", "old"], Some(Stage::Done)),
            (vec!["data", "old", "new"], None),
            (vec!["data"], None),
            (vec![], None),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let at = |name: &str| dir.path().join(name);
            there.iter().for_each(|name| fs::create_dir(at(name)).unwrap());
            let server = ServerSpec {
                service: "db".into(),
                data: at("data"),
                major: PgMajor(15),
                port: 5432,
                config: Digest::of(""),
                start_timeout: 1,
                launch: Launch::Compose { project: "shop".into(), file: "docker-compose.yml".into() },
            };
            let step = ReplaceData {
                server,
                system_identifier: None,
                from: at("new"),
                aside: at("old"),
                back: at("back"),
                owner: None,
                settings: false,
                scratch: None,
                databases: Vec::new(),
            };
            assert_eq!(stage(&step).ok(), wanted, "{there:?}");
        }
    }
}
