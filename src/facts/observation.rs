//! [`Observation`]: everything a planner may know of the world.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::Timestamp;

use super::{DataDir, EngineSeen, FileSeen, Known, Live, PortSeen, RunSummary};
use crate::base::Digest;

/// Everything a planner may know of the world, gathered before it decides.
#[derive(Clone, Debug)]
pub struct Observation {
    /// When it was gathered.
    pub at: Timestamp,
    /// Who asks.
    pub author: Author,
    /// The path of the data directory with every symbolic link resolved.
    pub data_path: PathBuf,
    /// What stands there.
    pub data_dir: DataDir,
    /// The data directory of the baseline, where it lies elsewhere.
    pub recorded_data_dir: Option<DataDir>,
    /// The engine, the server and the services.
    pub engine: EngineSeen,
    /// What the server answers.
    pub live: Live,
    /// The wanted ports.
    pub ports: Vec<PortSeen>,
    /// The files that odpm renders or edits, by path.
    pub files: BTreeMap<PathBuf, FileSeen>,
    /// The folders that are there already, of those a plan might make.
    pub folders: Vec<PathBuf>,
    /// Whether odpm keeps a password of its own for the application role.
    pub app_secret: bool,
    /// Whether odpm keeps a password of its own for the administrative role.
    pub admin_secret: bool,
    /// The secret options of `odoo.conf`, and the keys of pgBackRest's repositories, whose value is another one than the project
    /// wants.
    pub stale_secrets: BTreeSet<String>,
    /// The permission bits of what users of images are let at, as far as it is there.
    pub modes: BTreeMap<PathBuf, u32>,
    /// A run that has not come to its end.
    pub unfinished: Option<RunSummary>,
    /// Free bytes where the data directory is or will be.
    pub free_bytes: Known<u64>,
}

impl Observation {
    /// The parts of the world that a plan depends on, each with its digest. A saved plan is refused when
    /// one has changed, and the refusal names it.
    ///
    /// Left out is what changes by itself: the moment, the free space, the process ids.
    pub fn parts(&self) -> BTreeMap<String, Digest> {
        let mut parts = BTreeMap::new();
        let mut data_dir = serde_json::to_value(&self.data_dir).unwrap_or_default();
        if let Some(map) = data_dir.as_object_mut() {
            map.remove("pid");
        }
        parts.insert("data directory".to_owned(), Digest::of_json(&data_dir));
        let server = self.engine.server.get().map(|s| match s {
            super::ServerSeen::Stopped => "stopped".to_owned(),
            super::ServerSeen::Running { port, config, .. } => format!("running {port} {config:?}"),
            super::ServerSeen::Foreign { port, .. } => format!("foreign {port}"),
        });
        parts.insert("server".to_owned(), Digest::of_json(&server));
        let services: Option<BTreeMap<_, _>> =
            self.engine.services.get().map(|all| {
                all.iter().map(|(name, seen)| (name.clone(), (seen.running, &seen.config))).collect()
            });
        parts.insert("services".to_owned(), Digest::of_json(&services));
        parts.insert(
            "roles".to_owned(),
            Digest::of_json(&(
                &self.live.role_present,
                &self.live.role_login,
                &self.live.role_fit,
                &self.live.system_identifier,
                &self.live.missing_extensions,
            )),
        );
        parts.insert("ports".to_owned(), Digest::of_json(&self.ports));
        parts.insert(
            "secrets".to_owned(),
            Digest::of_json(&(self.app_secret, self.admin_secret, &self.stale_secrets)),
        );
        for (path, seen) in &self.files {
            let name =
                path.file_name().map_or_else(|| path.display().to_string(), |n| n.display().to_string());
            parts.insert(name, Digest::of_json(&seen.digest()));
        }
        parts.insert(
            "unfinished run".to_owned(),
            Digest::of_json(&self.unfinished.as_ref().map(|r| r.run.as_str())),
        );
        parts
    }
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// `user@host`.
    pub name: String,
    /// The effective user id.
    pub uid: u32,
}
