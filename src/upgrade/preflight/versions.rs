//! Versions: whether Odoo takes them, in which direction they go, and which migration scripts run for it.

use super::{Action, Ground, Moved, count, some};
use crate::facts::Origin;
use crate::odoo::{Adapted, Manifest, Script, VersionOrder, is_migration_version};
use crate::plan::Check;

/// Every version is one that Odoo takes, and none goes back.
pub fn versions(ground: &Ground<'_>) -> Vec<Check> {
    let mut found = Vec::new();
    for module in &ground.resolved.modules {
        if let Some(manifest) = ground.graph.manifest(&module.name) {
            found.extend(form(module, manifest, ground));
        }
        found.extend(back(module));
    }
    if found.is_empty() && !ground.resolved.modules.is_empty() {
        let moved = ground.resolved.modules.iter();
        let moved =
            moved.filter(|module| module.action == Action::Update && module.from != module.to).count();
        let all = count(ground.resolved.modules.len(), "module");
        found.push(Check::good("versions", format!("{all}, {moved} of them updated to another version")));
    }
    found
}

fn form(module: &Moved, manifest: &Manifest, ground: &Ground<'_>) -> Option<Check> {
    if !manifest.installable {
        return None;
    }
    let (name, series) = (&module.name, &ground.seen.series);
    match manifest.adapted(series) {
        Adapted::Whole(_) => None,
        Adapted::Wrong(why) => {
            let check = Check::bad("versions", format!("{name}: {why}"));
            Some(check.remedy(format!("Correct the version in its manifest: '{series}.1.0.0'")))
        }
        Adapted::Elsewhere(version) => {
            let detail = format!(
                "{name} {version} is not of {series}: Odoo takes it for one that cannot be installed"
            );
            let check = Check::bad("versions", detail);
            Some(check.remedy(format!("Bring a version for {series} onto the addons path.")))
        }
    }
}

fn back(module: &Moved) -> Option<Check> {
    let (from, to) = (module.from.as_ref()?, module.to.as_ref()?);
    (VersionOrder::of(to) < VersionOrder::of(from)).then(|| {
        let detail = format!("{} would go back: {from} is installed, its manifest says {to}", module.name);
        let check = Check::bad("versions", detail);
        check.remedy("Deploy the release that the database was upgraded with, or a later one.")
    })
}

/// Which migration scripts run; what looks like one and is none.
pub fn scripts(ground: &Ground<'_>) -> Vec<Check> {
    let mut found = Vec::new();
    for module in ground.resolved.modules.iter().filter(|module| !module.scripts.is_empty()) {
        let (from, to) =
            (module.from.as_deref().unwrap_or("nothing"), module.to.as_deref().unwrap_or_default());
        let names: Vec<String> = module.scripts.iter().map(script).collect();
        found.push(Check::good("migrations", format!("{} {from} -> {to}: {}", module.name, some(&names))));
    }
    for module in updated(ground) {
        let unchanged = module.from.is_some() && module.from == module.to;
        let files =
            ground.graph.on_disk(&module.name).map(|disk| disk.migrations.as_slice()).unwrap_or_default();
        let strange: Vec<&str> = files
            .iter()
            .map(|file| file.version.as_str())
            .filter(|version| *version != "tests" && !is_migration_version(version))
            .collect();
        if let Some(folder) = strange.first() {
            let detail =
                format!("{}: Odoo passes over the folder {folder}, which is no version", module.name);
            found.push(Check::open("migrations", detail).remedy("Name it after a version: 1.2.0"));
        }
        if unchanged && !files.is_empty() {
            let detail = format!(
                "{} stays at {}: none of its {} runs",
                module.name,
                module.from.as_deref().unwrap_or_default(),
                count(files.len(), "migration script")
            );
            found.push(Check::good("migrations", detail));
        }
    }
    if found.is_empty() && !ground.resolved.modules.is_empty() {
        found.push(Check::good("migrations", "no migration script runs"));
    }
    found
}

/// The modules of the project that are updated.
fn updated<'a>(ground: &'a Ground<'_>) -> impl Iterator<Item = &'a Moved> {
    let own = |module: &&Moved| module.action == Action::Update && module.origin == Some(Origin::Own);
    ground.resolved.modules.iter().filter(own)
}

fn script(script: &Script) -> String {
    format!("{}/{}", script.version, script.file)
}
