//! What needs what: the dependencies of modules, as Odoo will find them when it has read the manifests.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::facts::{DatabaseModules, ModuleInDatabase, ModuleOnDisk, ModulesSeen};
use crate::odoo::{Adapted, Manifest};

/// A module that lives in the database alone.
const CUSTOMISATION: &str = "studio_customization";

/// The modules of a project and of a database, by what they need.
pub struct Graph<'a> {
    pub seen: &'a ModulesSeen,
    /// What each module needs.
    needs: BTreeMap<&'a str, Vec<String>>,
    depths: RefCell<BTreeMap<String, usize>>,
}

impl<'a> Graph<'a> {
    pub fn of(seen: &'a ModulesSeen) -> Self {
        let mut needs: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (name, module) in installed(seen).into_iter().flat_map(|all| &all.modules) {
            needs.insert(name, module.depends.clone());
        }
        for (name, module) in &seen.disk.modules {
            if let Ok(manifest) = &module.manifest {
                needs.insert(name, manifest.needs(name, &seen.series));
            }
        }
        Self { seen, needs, depths: RefCell::default() }
    }

    pub fn needs(&self, name: &str) -> &[String] {
        self.needs.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    pub fn on_disk(&self, name: &str) -> Option<&'a ModuleOnDisk> {
        self.seen.disk.modules.get(name)
    }

    pub fn manifest(&self, name: &str) -> Option<&'a Manifest> {
        self.on_disk(name)?.manifest.as_ref().ok()
    }

    /// Whether Odoo would load it: its manifest says so, and its version is one of the series.
    pub fn is_installable(&self, name: &str) -> bool {
        let fits = |manifest: &Manifest| {
            manifest.installable && matches!(manifest.adapted(&self.seen.series), Adapted::Whole(_))
        };
        self.manifest(name).is_some_and(fits)
    }

    pub fn in_database(&self, name: &str) -> Option<&'a ModuleInDatabase> {
        installed(self.seen)?.modules.get(name)
    }

    pub fn is_installed(&self, name: &str) -> bool {
        self.in_database(name).is_some_and(ModuleInDatabase::is_installed)
    }

    /// The installed modules that have files.
    pub fn installed(&self) -> impl Iterator<Item = &'a str> {
        let all = installed(self.seen).into_iter().flat_map(|all| &all.modules);
        let with_files = |(name, module): &(&String, &ModuleInDatabase)| {
            module.is_installed() && !module.imported && *name != CUSTOMISATION
        };
        all.filter(with_files).map(|(name, _)| name.as_str())
    }

    /// The installed modules by each module that they need.
    pub fn dependents(&self) -> BTreeMap<&str, Vec<&'a str>> {
        let mut dependents: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for name in self.installed() {
            for need in self.needs(name) {
                dependents.entry(need).or_default().push(name);
            }
        }
        dependents
    }

    /// How far a module is from those that need nothing. What lies in a circle has the depth of its way into it.
    pub fn depth(&self, name: &str) -> usize {
        if let Some(known) = self.depths.borrow().get(name) {
            return *known;
        }
        // Seen from within a circle it needs nothing.
        self.depths.borrow_mut().insert(name.to_owned(), 0);
        let depth = self.needs(name).iter().map(|need| self.depth(need) + 1).max().unwrap_or(0);
        self.depths.borrow_mut().insert(name.to_owned(), depth);
        depth
    }

    /// The circles that a module leads into: each by its members, in the order in which they need each other.
    pub fn circles<'b>(&'b self, from: impl IntoIterator<Item = &'b str>) -> Vec<Vec<String>> {
        let (mut done, mut found) = (BTreeSet::new(), Vec::new());
        for name in from {
            self.walk(name, &mut Vec::new(), &mut done, &mut found);
        }
        found
    }

    fn walk<'b>(
        &'b self,
        name: &'b str,
        way: &mut Vec<&'b str>,
        done: &mut BTreeSet<&'b str>,
        found: &mut Vec<Vec<String>>,
    ) {
        if let Some(at) = way.iter().position(|passed| *passed == name) {
            found.push(way[at..].iter().map(|name| (*name).to_owned()).collect());
            return;
        }
        if !done.insert(name) {
            return;
        }
        way.push(name);
        for need in self.needs(name) {
            self.walk(need, way, done, found);
        }
        way.pop();
    }
}

pub fn installed(seen: &ModulesSeen) -> Option<&DatabaseModules> {
    seen.installed.get()
}
