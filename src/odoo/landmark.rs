//! What the server says on its way through the modules, from 14 to 19: by it a failure is placed.

use super::line::Level;
use super::record::Record;

/// When a migration script runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Before the module is loaded.
    Pre,
    /// After its data.
    Post,
    /// After all modules.
    End,
}

/// One step on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Landmark {
    /// The server starts; its version.
    Started(String),
    /// The folders that modules come from.
    AddonsPaths(Vec<String>),
    /// So many modules are about to be loaded.
    Loading(u64),
    /// A module's turn.
    Module(String),
    /// Its tables are made or altered.
    Tables(String),
    /// One of its files is loaded.
    File {
        /// The module.
        module: String,
        /// The file, from the module's folder on.
        file: String,
    },
    /// A migration script runs.
    Script {
        /// The module.
        module: String,
        /// When.
        stage: Stage,
        /// Which, as it is written.
        name: String,
    },
    /// A module was loaded.
    ModuleLoaded(String),
    /// So many modules were loaded.
    Loaded(u64),
    /// All of them, and what comes after them was done.
    AllLoaded,
    /// The registry stands.
    Registry,
    /// Tests of a module run.
    Tests(String),
    /// The server goes away.
    Shutdown,
}

/// The landmark that a record is.
pub fn landmark(record: &Record) -> Option<Landmark> {
    if record.level > Level::Info || record.raw {
        return None;
    }
    let said = record.message.as_str();
    match record.logger.as_str() {
        "odoo" => start(said),
        "odoo.modules.loading" | "odoo.modules.module_graph" => loading(said),
        "odoo.modules.registry" | "odoo.registry" | "odoo.orm.registry" => registry(said),
        "odoo.modules.migration" => script(said),
        "odoo.service.server" => said.starts_with("Initiating shutdown").then_some(Landmark::Shutdown),
        logger if logger.contains(".tests.") && said.starts_with("Starting ") => {
            module_of(logger).map(|module| Landmark::Tests(module.to_owned()))
        }
        _ => None,
    }
}

/// The module that a logger belongs to.
fn module_of(logger: &str) -> Option<&str> {
    logger.strip_prefix("odoo.addons.")?.split('.').next()
}

fn start(said: &str) -> Option<Landmark> {
    if let Some(version) = said.strip_prefix("Odoo version ") {
        return Some(Landmark::Started(version.trim().to_owned()));
    }
    let list = said.strip_prefix("addons paths: ")?;
    let quoted = list.split('\'').skip(1).step_by(2);
    Some(Landmark::AddonsPaths(quoted.take(64).map(|path| path.trim_end_matches('/').to_owned()).collect()))
}

fn loading(said: &str) -> Option<Landmark> {
    if said == "Modules loaded." {
        return Some(Landmark::AllLoaded);
    }
    if let Some((count, _)) = said.split_once(" modules loaded in ") {
        return count.parse().ok().map(Landmark::Loaded);
    }
    if let Some(rest) = said.strip_prefix("Module ") {
        return rest.split_once(" loaded in ").map(|(name, _)| Landmark::ModuleLoaded(name.to_owned()));
    }
    if let Some(name) = said.strip_prefix("Loading module ").or_else(|| said.strip_prefix("loading module "))
    {
        return Some(Landmark::Module(name.split(' ').next()?.to_owned()));
    }
    let what = said.strip_prefix("loading ")?;
    if let Some(count) = what.strip_suffix(" modules...") {
        return count.parse().ok().map(Landmark::Loading);
    }
    let (module, file) = what.split_once('/')?;
    Some(Landmark::File { module: module.to_owned(), file: file.to_owned() })
}

fn registry(said: &str) -> Option<Landmark> {
    if said.starts_with("Registry loaded in ") {
        return Some(Landmark::Registry);
    }
    let (module, what) = said.strip_prefix("module ")?.split_once(": ")?;
    what.starts_with("creating or updating database table").then(|| Landmark::Tables(module.to_owned()))
}

/// `module M: Running migration [>18.0.2.0.0] pre-migrate`; `[V>]` is after the data, `[$V]` after all modules.
fn script(said: &str) -> Option<Landmark> {
    let (module, what) = said.strip_prefix("module ")?.split_once(": Running ")?;
    let (_, what) = what.split_once(" [")?;
    let (version, name) = what.split_once(']')?;
    let stage = match (version.starts_with('>'), version.starts_with('$')) {
        (true, _) => Stage::Pre,
        (_, true) => Stage::End,
        _ => Stage::Post,
    };
    let version = version.trim_matches(['>', '$']);
    let name = name.trim().rsplit('.').next()?;
    Some(Landmark::Script { module: module.to_owned(), stage, name: format!("{version}/{name}") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::odoo::Records;

    fn of(rest: &str) -> Option<Landmark> {
        let mut records = Records::default();
        let mut found = Vec::new();
        records.see(&format!("2026-11-20 20:39:14,098 6467 INFO shop {rest}"), &mut |r| found.push(r));
        records.end(&mut |r| found.push(r));
        landmark(&found[0])
    }

    #[test]
    fn every_version_has_its_words() {
        let name = || "sale".to_owned();
        let script =
            |stage, name: &str| Some(Landmark::Script { module: "sale".into(), stage, name: name.into() });
        let cases = [
            ("odoo: Odoo version 18.0", Some(Landmark::Started("18.0".into()))),
            (
                "odoo: addons paths: ['/a/', '/b']",
                Some(Landmark::AddonsPaths(vec!["/a".into(), "/b".into()])),
            ),
            ("odoo.modules.loading: loading 66 modules...", Some(Landmark::Loading(66))),
            ("odoo.modules.loading: Loading module sale (48/66)", Some(Landmark::Module(name()))),
            ("odoo.modules.loading: loading module sale (48/66)", Some(Landmark::Module(name()))),
            (
                "odoo.modules.registry: module sale: creating or updating database tables",
                Some(Landmark::Tables(name())),
            ),
            (
                "odoo.modules.loading: Module sale loaded in 0.17s, 67 queries",
                Some(Landmark::ModuleLoaded(name())),
            ),
            (
                "odoo.modules.loading: 66 modules loaded in 0.17s, 67 queries (+67 extra)",
                Some(Landmark::Loaded(66)),
            ),
            ("odoo.modules.loading: Modules loaded.", Some(Landmark::AllLoaded)),
            ("odoo.registry: Registry loaded in 2.5s", Some(Landmark::Registry)),
            (
                "odoo.modules.migration: module sale: Running migration [>14.0.1.1] pre-a",
                script(Stage::Pre, "14.0.1.1/pre-a"),
            ),
            (
                "odoo.modules.migration: module sale: Running migration [18.0.2.0.0>] post-b",
                script(Stage::Post, "18.0.2.0.0/post-b"),
            ),
            (
                "odoo.modules.migration: module sale: Running upgrade [$19.0.1.0] end-c",
                script(Stage::End, "19.0.1.0/end-c"),
            ),
            ("odoo.addons.sale.tests.test_a: Starting TestA.test_b ...", Some(Landmark::Tests(name()))),
            ("odoo.http: loading 66 modules...", None),
        ];
        for (rest, landmark) in cases {
            assert_eq!(of(rest), landmark, "{rest}");
        }
        let file = Some(Landmark::File { module: name(), file: "views/a.xml".into() });
        assert_eq!(of("odoo.modules.loading: loading sale/views/a.xml"), file);
    }
}
