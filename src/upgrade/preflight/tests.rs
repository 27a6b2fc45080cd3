use std::collections::BTreeMap;
use std::path::PathBuf;

use super::*;
use crate::base::Digest;
use crate::facts::{
    AddonsFolder, DatabaseModules, DiskModules, Environment, FileTrouble, Fitness, ModuleInDatabase,
    ModuleOnDisk, Origin, ReleaseSeen, Tree,
};
use crate::odoo::{Manifest, MigrationFile, Series};
use crate::upgrade::{Difference, changed, hashes_to_record};

/// A shop: `rent` and what depends on it are the project's, the rest is Odoo's.
struct Shop(ModulesSeen);

impl Shop {
    fn new() -> Self {
        let seen = ModulesSeen {
            series: Series::parse("18.0").unwrap(),
            database: "shop".into(),
            disk: DiskModules {
                folders: vec![AddonsFolder { path: "/srv/own".into(), origin: Origin::Own, trouble: None }],
                ..DiskModules::default()
            },
            installed: Known::Known(DatabaseModules::default()),
            releases: Vec::new(),
            image: None,
            hashes: BTreeMap::new(),
            fitness: None,
        };
        let mut shop = Self(seen);
        shop.odoo("base", "{'version': '1.3'}").at("base", "installed", "18.0.1.3");
        shop.odoo("sale", "{'version': '1.2', 'depends': ['base']}").at("sale", "installed", "18.0.1.2");
        shop.own("rent", "{'version': '18.0.1.2.0', 'depends': ['sale']}").at(
            "rent",
            "installed",
            "18.0.1.1.0",
        );
        shop.own("rent_pos", "{'version': '1.0', 'depends': ['rent']}").at(
            "rent_pos",
            "installed",
            "18.0.1.0",
        );
        shop.own("rent_map", "{'version': '1.0', 'depends': ['rent_pos']}").at("rent_map", "uninstalled", "");
        shop
    }

    fn put(&mut self, name: &str, manifest: &str, origin: Origin) -> &mut Self {
        let folder = PathBuf::from(if origin == Origin::Own { "/srv/own" } else { "/srv/odoo" }).join(name);
        let module = ModuleOnDisk {
            folder,
            origin,
            in_image: false,
            file: "__manifest__.py".into(),
            manifest: Manifest::parse(manifest),
            migrations: Vec::new(),
        };
        self.0.disk.modules.insert(name.into(), module);
        self
    }

    fn own(&mut self, name: &str, manifest: &str) -> &mut Self {
        self.put(name, manifest, Origin::Own)
    }

    fn odoo(&mut self, name: &str, manifest: &str) -> &mut Self {
        self.put(name, manifest, Origin::Odoo)
    }

    fn database(&mut self) -> &mut DatabaseModules {
        match &mut self.0.installed {
            Known::Known(database) => database,
            Known::Unknown(why) => panic!("{why}"),
        }
    }

    fn at(&mut self, name: &str, state: &str, version: &str) -> &mut Self {
        let version = Some(version).filter(|version| !version.is_empty()).map(str::to_owned);
        let module = ModuleInDatabase { state: state.into(), version, ..ModuleInDatabase::default() };
        self.database().modules.insert(name.into(), module);
        self
    }

    fn migrations(&mut self, name: &str, paths: &[&str]) -> &mut Self {
        let file = |path: &&str| {
            let (version, file) = path.split_once('/').unwrap();
            MigrationFile {
                version: version.into(),
                file: file.into(),
                path: format!("/srv/own/{name}/{path}"),
            }
        };
        self.0.disk.modules.get_mut(name).unwrap().migrations = paths.iter().map(file).collect();
        self
    }

    fn plan(&self, update: &[&str], install: &[&str]) -> (Vec<Check>, Resolved) {
        let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect();
        modules(&Wanted { update: names(update), install: names(install), changed: false }, &self.0)
    }

    /// The bad and the open checks, as `name: detail`.
    #[track_caller]
    fn says(&self, update: &[&str], install: &[&str], bad: &[&str]) {
        let (checks, _) = self.plan(update, install);
        let found: Vec<String> = checks
            .iter()
            .filter(|check| check.good == Some(false))
            .map(|check| format!("{}: {}", check.name, check.detail))
            .collect();
        assert_eq!(found.len(), bad.len(), "{found:#?}");
        for (found, bad) in found.iter().zip(bad) {
            assert!(found.contains(bad), "{found} is not {bad}");
        }
        for check in checks.iter().filter(|check| check.good == Some(false)) {
            assert!(!check.remedies.is_empty(), "{} has no remedy", check.detail);
        }
    }

    fn order(&self, update: &[&str], install: &[&str]) -> Vec<String> {
        let (_, resolved) = self.plan(update, install);
        resolved.names().map(str::to_owned).collect()
    }
}

fn detail<'a>(checks: &'a [Check], name: &str) -> Vec<(Option<bool>, &'a str)> {
    checks
        .iter()
        .filter(|check| check.name == name)
        .map(|check| (check.good, check.detail.as_str()))
        .collect()
}

#[test]
fn what_depends_on_a_module_is_updated_after_it() {
    let mut shop = Shop::new();
    shop.migrations("rent", &["18.0.1.2.0/pre-prices.py", "18.0.1.1.0/pre-old.py", "1.2.0/post-more.py"]);
    let (checks, resolved) = shop.plan(&["rent"], &[]);
    assert_eq!(resolved.names().collect::<Vec<_>>(), ["rent", "rent_pos"]);
    let rent = resolved.get("rent").unwrap();
    assert_eq!((rent.from.as_deref(), rent.to.as_deref()), (Some("18.0.1.1.0"), Some("18.0.1.2.0")));
    let scripts: Vec<&str> = rent.scripts.iter().map(|script| script.file.as_str()).collect();
    assert_eq!(scripts, ["pre-prices.py", "post-more.py"]);
    assert_eq!(resolved.get("rent_pos").unwrap().because, Because::Needs("rent".into()));
    assert!(checks.iter().all(|check| check.good == Some(true)), "{checks:#?}");
    let told = detail(&checks, "migrations");
    assert!(
        told[0].1.starts_with("rent 18.0.1.1.0 -> 18.0.1.2.0: 18.0.1.2.0/pre-prices.py, 1.2.0/post-more.py")
    );
}

#[test]
fn an_update_of_base_takes_everything_along() {
    let shop = Shop::new();
    for all in ["base", "all"] {
        assert_eq!(shop.order(&[all], &[]), ["base", "sale", "rent", "rent_pos"], "{all}");
        shop.says(&[all], &[], &[]);
    }
}

#[test]
fn names_that_nobody_knows_are_told() {
    let shop = Shop::new();
    shop.says(&["rnet"], &["wholly_unknown"], &["no module rnet", "no module wholly_unknown"]);
    let (checks, resolved) = shop.plan(&["rnet"], &[]);
    assert!(checks.iter().any(|check| check.remedies == ["Did you mean rent?"]));
    assert!(resolved.modules.is_empty());
    shop.says(&["rent_map"], &[], &["rent_map is not installed in shop: -u does nothing"]);
    let (checks, _) = shop.plan(&[], &["rent"]);
    assert!(detail(&checks, "modules")[0].1.contains("installed in shop already, so that -i loads data"));
}

#[test]
fn what_cannot_be_used_stops_the_upgrade() {
    for (manifest, bad) in [
        ("{'version': '1.3'", "modules: /srv/own/rent/__manifest__.py:1: '{' is never closed"),
        ("{'version': '1.3', 'installable': False, 'depends': ['sale']}", "modules: rent is not installable"),
        ("{'version': '1', 'depends': ['sale']}", "versions: rent: a version is `x.y`"),
        (
            "{'version': '18.0.1.0.9', 'depends': ['sale']}",
            "versions: rent would go back: 18.0.1.1.0 is installed",
        ),
        (
            "{'version': '1.3', 'depends': ['sale', 'gone']}",
            "dependencies: gone is not on the addons path (rent -> gone)",
        ),
        (
            "{'version': '1.3', 'depends': ['rent_pos']}",
            "dependencies: rent -> rent_pos -> rent: Odoo loads none",
        ),
    ] {
        let mut shop = Shop::new();
        shop.own("rent", manifest).says(&["rent"], &[], &[bad]);
    }
    let mut shop = Shop::new();
    shop.0.series = Series::parse("19.0").unwrap();
    shop.at("base", "installed", "19.0.1.3");
    shop.says(
        &["rent_pos"],
        &[],
        &["dependencies: rent cannot be loaded: it is not installable (rent_pos -> rent)"],
    );
    shop.says(&["rent"], &[], &["versions: rent 18.0.1.2.0 is not of 19.0"]);
}

#[test]
fn dependencies_are_followed_to_their_end() {
    let mut shop = Shop::new();
    shop.own("deep", "{'version': '1.0', 'depends': ['gone']}");
    shop.own("rent_map", "{'version': '1.0', 'depends': ['rent', 'deep']}");
    shop.says(&[], &["rent_map"], &["gone is not on the addons path (deep -> gone)"]);
    // One that is installed and has lost its code is loaded by nobody.
    let mut shop = Shop::new();
    shop.0.disk.modules.remove("rent_pos");
    shop.database().modules.get_mut("rent_pos").unwrap().depends = vec!["rent".into()];
    shop.says(&["rent"], &[], &["rent_pos is installed and not on the addons path"]);
    let (checks, _) = shop.plan(&[], &["rent_map"]);
    assert!(
        detail(&checks, "modules")
            .iter()
            .any(|(good, text)| good.is_none() && text.contains("an error: rent_pos"))
    );
}

#[test]
fn what_is_needed_or_waits_is_installed_in_its_round() {
    let mut shop = Shop::new();
    shop.odoo("geo", "{'version': '1.0', 'depends': ['base']}").at("geo", "uninstalled", "");
    shop.own("rent", "{'version': '1.2.0', 'depends': ['sale', 'geo']}");
    shop.own("glue", "{'version': '1.0', 'depends': ['sale', 'geo'], 'auto_install': True}");
    shop.own("glue_of_glue", "{'version': '1.0', 'depends': ['glue'], 'auto_install': ['glue']}");
    shop.own("swiss", "{'version': '1.0', 'depends': ['geo'], 'auto_install': True, 'countries': ['ch']}");
    let (checks, resolved) = shop.plan(&["sale"], &[]);
    assert_eq!(
        resolved.names().collect::<Vec<_>>(),
        ["sale", "geo", "glue", "glue_of_glue", "rent", "rent_pos"]
    );
    assert_eq!(resolved.get("geo").unwrap().because, Because::NeededBy("rent".into()));
    assert_eq!(resolved.get("glue_of_glue").unwrap().because, Because::ByItself);
    let told = detail(&checks, "taken along");
    assert!(told.iter().any(
        |(good, text)| good.is_none() && text.contains("geo (rent needs it), glue (it installs itself)")
    ));
    assert_eq!(shop.order(&[], &["rent_map"]), ["rent_map"]);
}

#[test]
fn what_an_earlier_run_has_left_stops_the_next_one() {
    let mut shop = Shop::new();
    shop.at("rent_map", "to install", "").at("sale", "to upgrade", "18.0.1.2");
    shop.says(
        &["rent"],
        &[],
        &["pending: an earlier change has not come to its end: rent_map (to install), sale (to upgrade)"],
    );
}

#[test]
fn another_series_is_no_upgrade_of_modules() {
    let mut shop = Shop::new();
    shop.at("base", "installed", "17.0.1.3").says(&["sale"], &[], &["series: shop is of another series"]);
    let mut empty = Shop::new();
    empty.database().modules.clear();
    empty.says(&[], &["rent"], &["series: there is no Odoo in shop"]);
    let mut unknown = Shop::new();
    unknown.0.installed = Known::Unknown("database \"shop\" does not exist".into());
    unknown.says(&["rent"], &[], &["the modules of shop are not known: database \"shop\" does not exist"]);
}

#[test]
fn what_is_passed_over_is_told() {
    let mut shop = Shop::new();
    shop.own("rent", "{'version': '1.1.0', 'depends': ['sale']}");
    shop.migrations("rent", &["1.1.0/pre-a.py", "v2/pre-b.py"]);
    let (checks, _) = shop.plan(&["rent"], &[]);
    let told = detail(&checks, "migrations");
    assert_eq!(told[0], (None, "rent: Odoo passes over the folder v2, which is no version"));
    assert_eq!(told[1], (Some(true), "rent stays at 18.0.1.1.0: none of its 2 migration scripts runs"));

    shop.0.disk.hidden.insert("rent".into(), vec!["/srv/second/rent".into()]);
    let folder = AddonsFolder {
        path: "/srv/gone".into(),
        origin: Origin::Own,
        trouble: Some("no such folder".into()),
    };
    shop.0.disk.folders.push(folder);
    let (checks, _) = shop.plan(&["rent"], &[]);
    let told = detail(&checks, "addons path");
    assert_eq!(told[0], (Some(false), "/srv/gone cannot be read: no such folder"));
    assert_eq!(
        told[1],
        (None, "rent is there more than once: Odoo takes /srv/own/rent, not /srv/second/rent")
    );
}

#[test]
fn what_the_machine_lacks_and_what_is_broken_stops_the_upgrade() {
    let mut shop = Shop::new();
    let needs = "{'version': '1.2.0', 'depends': ['sale'], 'external_dependencies': {'python': ['qrcode'], 'bin': ['zbarimg']}}";
    shop.own("rent", needs);
    let environment = Environment {
        interpreter: "/usr/bin/python3".into(),
        packages: [("qrcode".into(), "the Python package qrcode is not installed".into())].into(),
        programs: vec!["zbarimg".into()],
    };
    let broken = FileTrouble {
        module: "rent".into(),
        path: "/srv/own/rent/views/a.xml".into(),
        line: 3,
        message: "unexpected close tag".into(),
    };
    let fitness = Fitness { files: vec![broken], read: 4, python: Known::Known(environment) };
    shop.0.fitness = Some(fitness.clone());
    shop.says(
        &["rent"],
        &[],
        &[
            "externals: rent: the Python package qrcode is not installed",
            "externals: rent: there is no program zbarimg",
            "files: rent: /srv/own/rent/views/a.xml:3: unexpected close tag",
        ],
    );
    let python =
        Known::Known(Environment { interpreter: "/usr/bin/python3".into(), ..Environment::default() });
    shop.0.fitness = Some(Fitness { files: Vec::new(), python, ..fitness.clone() });
    shop.says(&["rent"], &[], &[]);
    shop.0.fitness =
        Some(Fitness { files: Vec::new(), python: Known::Unknown("there is no Python".into()), ..fitness });
    let (checks, _) = shop.plan(&["rent"], &[]);
    assert_eq!(detail(&checks, "externals")[0].0, None);
}

#[test]
fn releases_are_told_and_what_is_not_committed() {
    let mut shop = Shop::new();
    let tree = Tree {
        root: "/srv/own".into(),
        sha: "0123456789abcdef".into(),
        branch: Some("main".into()),
        dirty: Vec::new(),
        dirty_count: 0,
    };
    let dirty = Tree { dirty: vec!["rent/a.py".into()], dirty_count: 3, branch: None, ..tree.clone() };
    let release = |tree| ReleaseSeen { folders: vec!["/srv/own".into()], tree };
    shop.0.releases = vec![
        release(Known::Known(tree)),
        release(Known::Known(dirty)),
        release(Known::Unknown("it lies in no git repository".into())),
    ];
    let (checks, _) = shop.plan(&["rent"], &[]);
    let told = [
        (Some(true), "/srv/own at 0123456789ab, branch main"),
        (None, "/srv/own at 0123456789ab, no branch; not as committed: rent/a.py and 2 more"),
        (None, "/srv/own: it lies in no git repository"),
    ];
    assert_eq!(detail(&checks, "release"), told);
}

#[test]
fn what_differs_is_found_by_versions_and_by_files() {
    let mut shop = Shop::new();
    let now = |text: &str| Known::Known(Digest::of(text));
    shop.0.hashes = [("rent".into(), now("r")), ("rent_pos".into(), now("p2"))].into();
    let first = changed(&shop.0);
    assert_eq!(first.modules, [("rent".to_owned(), Difference::Version)].into());
    assert_eq!(first.unrecorded, ["rent_pos"]);

    shop.database().hashes = Some([("rent_pos".into(), Digest::of("p1"))].into());
    let second = changed(&shop.0);
    let both = [("rent".to_owned(), Difference::Version), ("rent_pos".to_owned(), Difference::Files)];
    assert_eq!(second.modules, both.into());
    assert!(second.unrecorded.is_empty());

    let record = hashes_to_record(&shop.0, &["rent", "sale"]);
    let both = [("rent".to_owned(), Digest::of("r")), ("rent_pos".to_owned(), Digest::of("p1"))];
    assert_eq!(record, both.into());
    shop.0.hashes.insert("rent_pos".into(), Known::Unknown("permission denied".into()));
    assert_eq!(changed(&shop.0).unread.len(), 1);
    assert_eq!(hashes_to_record(&shop.0, &["rent_pos"]).len(), 0);

    // Odoo's own count by their versions.
    shop.odoo("sale", "{'version': '1.3', 'depends': ['base']}");
    assert_eq!(changed(&shop.0).modules.get("sale"), Some(&Difference::Version));
}
