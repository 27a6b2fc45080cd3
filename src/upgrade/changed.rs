//! Which installed modules are not as the database has them: by the versions of their manifests, and by the digests of their files.

use std::collections::BTreeMap;

use serde::Serialize;

use super::preflight::{Graph, some};
use crate::base::Digest;
use crate::facts::{Known, ModulesSeen, Origin};
use crate::odoo::{Adapted, VersionOrder};
use crate::plan::Check;

/// What is not as the database has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// The modules, by name, and how they differ.
    pub modules: BTreeMap<String, Difference>,
    /// Modules of the project whose files nobody has recorded: of them the version alone counts.
    pub unrecorded: Vec<String>,
    /// Modules whose files could not be read, and why.
    pub unread: BTreeMap<String, String>,
}

impl Changes {
    /// The names of the modules that differ.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.modules.keys().map(String::as_str)
    }

    /// What differs, and of what that is not known, as findings of a preflight.
    pub fn checks(&self) -> Vec<Check> {
        let name = |(name, how): (&String, &Difference)| match how {
            Difference::Version => format!("{name} (version)"),
            Difference::Files => format!("{name} (files)"),
        };
        let names: Vec<String> = self.modules.iter().map(name).collect();
        let mut found = vec![match names.is_empty() {
            true => Check::good("changed", "no installed module differs from what the database has"),
            false => Check::good("changed", some(&names)),
        }];
        if !self.unrecorded.is_empty() {
            let detail = format!(
                "of these the version alone counts, their files were never recorded: {}",
                some(&self.unrecorded)
            );
            let check = Check::open("changed", detail);
            found.push(check.remedy("Their files are recorded when odpm upgrades them: -u MODULE"));
        }
        for (name, why) in &self.unread {
            found.push(Check::open("changed", format!("the files of {name} cannot be compared: {why}")));
        }
        found
    }
}

/// How a module differs from what the database has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// Its manifest has another version.
    Version,
    /// Its version is the same, its files are not.
    Files,
}

/// The installed modules that differ.
pub fn changed(seen: &ModulesSeen) -> Changes {
    let graph = Graph::of(seen);
    let mut found = Changes::default();
    let recorded = seen.installed.get().and_then(|all| all.hashes.as_ref());
    for name in graph.installed() {
        let Some(disk) = graph.on_disk(name) else { continue };
        let of_database =
            graph.in_database(name).and_then(|module| module.version.as_deref()).unwrap_or_default();
        let version = disk.manifest.as_ref().ok().map(|manifest| manifest.adapted(&seen.series));
        let differs = match version {
            Some(Adapted::Whole(version) | Adapted::Elsewhere(version)) => {
                VersionOrder::of(&version) != VersionOrder::of(of_database)
            }
            // What cannot be read has changed: it could be when it was installed.
            Some(Adapted::Wrong(_)) | None => true,
        };
        if differs {
            found.modules.insert(name.to_owned(), Difference::Version);
            continue;
        }
        if disk.origin == Origin::Odoo {
            continue;
        }
        match (recorded.and_then(|all| all.get(name)), seen.hashes.get(name)) {
            (None, _) => found.unrecorded.push(name.to_owned()),
            (Some(then), Some(Known::Known(now))) if then != now => {
                found.modules.insert(name.to_owned(), Difference::Files);
            }
            (Some(_), Some(Known::Known(_))) => {}
            (Some(_), Some(Known::Unknown(why))) => {
                found.unread.insert(name.to_owned(), why.clone());
            }
            (Some(_), None) => {
                found.unread.insert(name.to_owned(), "nobody has looked".to_owned());
            }
        }
    }
    found
}

/// The digests to record after an upgrade: those of what was upgraded as they are now, all others as they were. What could not be
/// read is forgotten, so that its version alone counts.
pub fn hashes_to_record(seen: &ModulesSeen, upgraded: &[&str]) -> BTreeMap<String, Digest> {
    let recorded = seen.installed.get().and_then(|all| all.hashes.clone());
    let mut record = recorded.unwrap_or_default();
    for name in upgraded {
        match seen.hashes.get(*name) {
            Some(Known::Known(now)) => record.insert((*name).to_owned(), now.clone()),
            Some(Known::Unknown(_)) | None => record.remove(*name),
        };
    }
    record
}
