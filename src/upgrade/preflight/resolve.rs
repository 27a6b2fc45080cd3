//! What Odoo will do for the modules that are named: which others it takes along, in which order, with which scripts.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Serialize;

use super::graph::Graph;
use crate::facts::{ModulesSeen, Origin};
use crate::odoo::{Adapted, Script, migration_scripts};

/// The modules that are named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Wanted {
    /// Those to update.
    pub update: Vec<String>,
    /// Those to install.
    pub install: Vec<String>,
    /// Whether those that differ were asked for, too: then there may be none.
    pub changed: bool,
}

/// What Odoo will do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Resolved {
    /// The modules that are updated and installed, in the order in which Odoo loads them.
    pub modules: Vec<Moved>,
}

/// One module that is updated or installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// Its name.
    pub name: String,
    /// What happens to it.
    pub action: Action,
    /// Why.
    pub because: Because,
    /// The version that is installed.
    pub from: Option<String>,
    /// That of its manifest; `null` where that cannot be read.
    pub to: Option<String>,
    /// The migration scripts that run, in their order.
    pub scripts: Vec<Script>,
    /// Whose it is; `null` where it is not on the addons path.
    pub origin: Option<Origin>,
}

/// What happens to a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is updated.
    Update,
    /// It is installed.
    Install,
}

/// Why something happens to a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// It is named.
    Named,
    /// It needs this one, which is updated.
    Needs(String),
    /// This one needs it.
    NeededBy(String),
    /// Everything that it waits for will be there.
    ByItself,
}

impl Resolved {
    /// The module of this name.
    pub fn get(&self, name: &str) -> Option<&Moved> {
        self.modules.iter().find(|module| module.name == name)
    }

    /// The names of those that something happens to for another's sake.
    pub fn taken_along(&self) -> impl Iterator<Item = &Moved> {
        self.modules.iter().filter(|module| module.because != Because::Named)
    }

    /// The names of all.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.modules.iter().map(|module| module.name.as_str())
    }
}

/// Follows Odoo's own rules: what depends on an updated module is updated too, what one needs and is not installed is installed,
/// and with it what installs itself.
pub fn resolve(wanted: &Wanted, seen: &ModulesSeen) -> Resolved {
    let graph = Graph::of(seen);
    let updates = updates(wanted, &graph);
    let installs = installs(wanted, &updates, &graph);
    let order = order(&updates, &installs, &graph);
    let moved = |name: String| {
        let (action, because) = match (updates.get(&name), installs.get(&name)) {
            (Some(because), _) => (Action::Update, because.clone()),
            (None, because) => (Action::Install, because.cloned().unwrap_or(Because::Named)),
        };
        let from =
            graph.in_database(&name).filter(|_| action == Action::Update).and_then(|m| m.version.clone());
        let to = graph.manifest(&name).and_then(|manifest| match manifest.adapted(&seen.series) {
            Adapted::Whole(version) | Adapted::Elsewhere(version) => Some(version),
            Adapted::Wrong(_) => None,
        });
        let disk = graph.on_disk(&name);
        let scripts = match (action, disk, &to) {
            (Action::Update, Some(disk), Some(to)) => {
                migration_scripts(&disk.migrations, from.as_deref().unwrap_or_default(), to, &seen.series)
            }
            _ => Vec::new(),
        };
        Moved { action, because, from, to, scripts, origin: disk.map(|disk| disk.origin), name }
    };
    Resolved { modules: order.into_iter().map(moved).collect() }
}

type Reasons = BTreeMap<String, Because>;

/// Whether a name stands for everything: an update of `base` takes all along.
pub fn is_all(name: &str) -> bool {
    name == "all" || name == "base"
}

fn updates(wanted: &Wanted, graph: &Graph<'_>) -> Reasons {
    let mut updates = Reasons::new();
    let mut next = VecDeque::new();
    for name in wanted.update.iter().filter(|name| graph.is_installed(name)) {
        updates.insert(name.clone(), Because::Named);
        next.push_back(name.as_str());
    }
    if let Some(all) = wanted.update.iter().find(|name| is_all(name)) {
        for name in graph.installed() {
            let because = if all == "all" { Because::Named } else { Because::Needs("base".to_owned()) };
            updates.entry(name.to_owned()).or_insert(because);
        }
    }
    let dependents = graph.dependents();
    while let Some(name) = next.pop_front() {
        for dependent in dependents.get(name).into_iter().flatten() {
            if !updates.contains_key(*dependent) {
                updates.insert((*dependent).to_owned(), Because::Needs(name.to_owned()));
                next.push_back(dependent);
            }
        }
    }
    updates
}

fn installs(wanted: &Wanted, updates: &Reasons, graph: &Graph<'_>) -> Reasons {
    let mut installs = Reasons::new();
    for name in wanted.install.iter().filter(|name| !graph.is_installed(name)) {
        install(name, Because::Named, &mut installs, graph);
    }
    for name in updates.keys() {
        needed(name, &mut installs, graph);
    }
    // What installs itself may be what others wait for.
    let waiting = |name: &&String| !graph.is_installed(name) && graph.is_installable(name);
    let candidates: Vec<&String> = graph.seen.disk.modules.keys().filter(waiting).collect();
    loop {
        let before = installs.len();
        for name in &candidates {
            if !installs.contains_key(*name) && installs_itself(name, &installs, graph) {
                install(name, Because::ByItself, &mut installs, graph);
            }
        }
        if installs.len() == before {
            return installs;
        }
    }
}

fn install(name: &str, because: Because, installs: &mut Reasons, graph: &Graph<'_>) {
    if installs.contains_key(name) {
        if because == Because::Named {
            installs.insert(name.to_owned(), because);
        }
        return;
    }
    // What is not there cannot be installed; the checks speak of it.
    if graph.on_disk(name).is_some() {
        installs.insert(name.to_owned(), because);
        needed(name, installs, graph);
    }
}

/// Installs what a module needs and is not installed.
fn needed(name: &str, installs: &mut Reasons, graph: &Graph<'_>) {
    for need in graph.needs(name).iter().filter(|need| !graph.is_installed(need)) {
        install(need, Because::NeededBy(name.to_owned()), installs, graph);
    }
}

fn installs_itself(name: &str, installs: &Reasons, graph: &Graph<'_>) -> bool {
    let Some(manifest) = graph.manifest(name) else { return false };
    // Whether a company is of one of its countries is not known here.
    let Some(triggers) = manifest.auto_install.as_ref().filter(|_| manifest.countries.is_empty()) else {
        return false;
    };
    let comes = |trigger: &String| installs.contains_key(trigger);
    triggers.iter().any(comes) && triggers.iter().all(|trigger| comes(trigger) || graph.is_installed(trigger))
}

/// Odoo loads in rounds - what is installed, what is to be installed, what that made possible -, and in each of them what needs
/// least comes first.
fn order(updates: &Reasons, installs: &Reasons, graph: &Graph<'_>) -> Vec<String> {
    let mut rounds: BTreeMap<String, usize> = BTreeMap::new();
    let mut names: Vec<&String> = updates.keys().chain(installs.keys()).collect();
    names.sort_by_cached_key(|name| (graph.depth(name), (*name).clone()));
    names.dedup();
    for name in &names {
        let before = graph.needs(name).iter().filter_map(|need| rounds.get(need)).max().copied().unwrap_or(0);
        // Even rounds update, odd ones install.
        let own = usize::from(!updates.contains_key(*name));
        rounds.insert((*name).clone(), before + (before % 2 + own) % 2);
    }
    // Python loads `base` before it asks for anything else.
    let first = |name: &String| name != "base";
    let mut ordered: Vec<String> = names.into_iter().cloned().collect();
    ordered
        .sort_by_cached_key(|name| (first(name), rounds.get(name).copied(), graph.depth(name), name.clone()));
    ordered
}

/// The names in a set that something may be meant by.
pub fn known(seen: &ModulesSeen) -> BTreeSet<&str> {
    let in_database = seen.installed.get().into_iter().flat_map(|all| all.modules.keys());
    seen.disk.modules.keys().chain(in_database).map(String::as_str).collect()
}
