//! [`Code`]: what is recorded of the modules of an upgrade and of the code that they come from.

use std::collections::BTreeMap;

use super::changed::hashes_to_record;
use super::preflight::{Moved, Resolved, Wanted};
use crate::base::Digest;
use crate::facts::{Known, ModulesSeen, Release, ReleaseSeen, Versions};

/// The modules of an upgrade, and what is known of their code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Code {
    /// Modules to install.
    pub install: Vec<String>,
    /// Modules to update.
    pub update: Vec<String>,
    /// The modules that get another version, or are loaded anew.
    pub modules: BTreeMap<String, Versions>,
    /// The commits of the folders of addons.
    pub releases: Vec<Release>,
    /// The digests of modules' files.
    pub hashes: BTreeMap<String, Digest>,
}

impl Code {
    /// What is recorded of what Odoo will do.
    pub fn of(wanted: &Wanted, resolved: &Resolved, seen: &ModulesSeen) -> Self {
        let names: Vec<&str> = resolved.names().collect();
        let versions =
            |moved: &Moved| (moved.name.clone(), Versions { from: moved.from.clone(), to: moved.to.clone() });
        Self {
            install: wanted.install.clone(),
            update: wanted.update.clone(),
            modules: resolved.modules.iter().map(versions).collect(),
            releases: seen.releases.iter().map(release).collect(),
            hashes: hashes_to_record(seen, &names),
        }
    }

    /// The modules that have to be installed afterwards, with the versions of their manifests: those that were asked for, and those
    /// that are updated with them. What Odoo may install by itself is up to Odoo.
    pub fn versions_wanted(&self) -> BTreeMap<String, Option<String>> {
        let asked = self.install.iter().chain(&self.update).filter(|name| *name != "all");
        let updated =
            self.modules.iter().filter(|(_, versions)| versions.from.is_some()).map(|(name, _)| name);
        let version = |name: &String| self.modules.get(name).and_then(|versions| versions.to.clone());
        asked.chain(updated).map(|name| (name.clone(), version(name))).collect()
    }
}

fn release(seen: &ReleaseSeen) -> Release {
    match &seen.tree {
        Known::Known(tree) => Release {
            path: tree.root.clone(),
            sha: Some(tree.sha.clone()),
            branch: tree.branch.clone(),
            dirty: tree.dirty_count as u64,
        },
        Known::Unknown(_) => {
            let path = seen.folders.first().cloned().unwrap_or_default();
            Release { path, sha: None, branch: None, dirty: 0 }
        }
    }
}
