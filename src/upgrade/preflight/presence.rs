//! Whether the modules that are named are there, and whether Odoo will do anything for them.

use super::graph::installed;
use super::resolve::{is_all, known};
use super::{Ground, count, some};
use crate::base::suggest::nearest;
use crate::facts::AddonsFolder;
use crate::plan::Check;

/// The addons path can be read, and no module of the upgrade is on it twice.
pub fn folders(ground: &Ground<'_>) -> Vec<Check> {
    let disk = &ground.seen.disk;
    let mut found: Vec<Check> = disk.folders.iter().filter_map(trouble).collect();
    for name in ground.resolved.names() {
        let Some(hidden) = disk.hidden.get(name) else { continue };
        let taken =
            disk.modules.get(name).map(|module| module.folder.display().to_string()).unwrap_or_default();
        let hidden: Vec<String> = hidden.iter().map(|folder| folder.display().to_string()).collect();
        let detail = format!("{name} is there more than once: Odoo takes {taken}, not {}", some(&hidden));
        found.push(Check::open("addons path", detail).remedy("Remove the one that is not meant."));
    }
    if found.is_empty() {
        let (modules, folders) = (disk.modules.len(), disk.folders.len());
        let detail = format!("{} in {}", count(modules, "module"), count(folders, "folder"));
        found.push(Check::good("addons path", detail));
    }
    found
}

fn trouble(folder: &AddonsFolder) -> Option<Check> {
    let why = folder.trouble.as_ref()?;
    let check = Check::bad("addons path", format!("{} cannot be read: {why}", folder.path.display()));
    Some(check.remedy("Correct odoo.addons in odpm.yaml, or the folder's permissions."))
}

/// The modules that are named are there; those to update are installed, those to install are not.
pub fn named(ground: &Ground<'_>) -> Vec<Check> {
    let Ground { wanted, seen, .. } = ground;
    let mut found = Vec::new();
    for name in wanted.update.iter().filter(|name| *name != "all") {
        found.extend(update(name, ground));
    }
    for name in wanted.install.iter().filter(|name| ground.graph.on_disk(name).is_none()) {
        found.push(stranger(name, ground));
    }
    let again: Vec<&String> = wanted.install.iter().filter(|name| ground.graph.is_installed(name)).collect();
    if !again.is_empty() {
        let detail = format!(
            "installed in {} already, so that -i loads data as at an installation and runs no migration script: {}",
            seen.database,
            some(&again)
        );
        found.push(Check::open("modules", detail).remedy("Update what is installed: -u MODULE"));
    }
    // What is there and cannot be used, of all that something is to happen to.
    for module in &ground.resolved.modules {
        found.extend(unusable(&module.name, ground));
    }
    if wanted.update.is_empty() && wanted.install.is_empty() && !wanted.changed {
        let check = Check::open("modules", "no module is named: there is nothing to upgrade");
        found.push(check.remedy("Name some: -u MODULE,MODULE; or those that differ: --changed"));
    }
    if found.is_empty() {
        let of_database =
            installed(seen).map_or(0, |all| all.modules.values().filter(|m| m.is_installed()).count());
        let all = wanted.update.iter().any(|name| is_all(name));
        let what = if all { "all of them".to_owned() } else { "those that are named are there".to_owned() };
        found.push(Check::good("modules", format!("{} installed in {}, {what}", of_database, seen.database)));
    }
    // Those that are part of the upgrade were spoken of.
    let lost = |name: &&str| ground.graph.on_disk(name).is_none() && ground.resolved.get(name).is_none();
    let lost: Vec<&str> = ground.graph.installed().filter(lost).collect();
    if !lost.is_empty() {
        let detail =
            format!("installed and not on the addons path, which Odoo logs as an error: {}", some(&lost));
        found.push(Check::open("modules", detail).remedy("Bring their code back, or uninstall them."));
    }
    found
}

fn update(name: &str, ground: &Ground<'_>) -> Option<Check> {
    let database = &ground.seen.database;
    if ground.graph.is_installed(name) {
        return None;
    }
    if ground.graph.on_disk(name).is_none() {
        return Some(stranger(name, ground));
    }
    let check =
        Check::bad("modules", format!("{name} is not installed in {database}: -u does nothing for it"));
    Some(check.remedy(format!("Install it: -i {name}")))
}

fn stranger(name: &str, ground: &Ground<'_>) -> Check {
    let check =
        Check::bad("modules", format!("there is no module {name} on the addons path: Odoo passes over it"));
    match nearest(name, known(ground.seen)) {
        Some(near) => check.remedy(format!("Did you mean {near}?")),
        None => check.remedy("Add its folder to odoo.addons in odpm.yaml."),
    }
}

fn unusable(name: &str, ground: &Ground<'_>) -> Option<Check> {
    let Some(disk) = ground.graph.on_disk(name) else {
        let check = Check::bad(
            "modules",
            format!("{name} is installed and not on the addons path: Odoo cannot load it"),
        );
        return Some(check.remedy("Bring its code back, or uninstall it first."));
    };
    match &disk.manifest {
        Err(error) => {
            let file = disk.folder.join(&disk.file);
            let place = match error.line {
                0 => file.display().to_string(),
                line => format!("{}:{line}", file.display()),
            };
            Some(Check::bad("modules", format!("{place}: {}", error.message)).remedy("Correct the manifest."))
        }
        Ok(manifest) if !manifest.installable => {
            let check = Check::bad("modules", format!("{name} is not installable: Odoo passes over it"));
            Some(check.remedy(format!("Port it to {}, and set 'installable' to True.", ground.seen.series)))
        }
        Ok(_) => None,
    }
}

/// The database is of the series that runs on it. Odoo's upgrades do not lead from one to the next.
pub fn series(ground: &Ground<'_>) -> Vec<Check> {
    let base = ground.graph.in_database("base").and_then(|base| base.version.as_deref());
    let (series, database) = (&ground.seen.series, &ground.seen.database);
    match base {
        Some(version) if !series.has(version) => {
            let detail =
                format!("{database} is of another series: its base is {version}, odoo.version is {series}");
            let check = Check::bad("series", detail);
            vec![
                check.remedy(
                    "-u does not lead from one series to the next: use upgrade.odoo.com or OpenUpgrade.",
                ),
            ]
        }
        Some(_) => Vec::new(),
        None => {
            let check = Check::bad("series", format!("there is no Odoo in {database}"));
            vec![check.remedy("Name another database: -d DB")]
        }
    }
}
