//! The addons path: which folders Odoo looks into, and in which order.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::facts::Origin;
use crate::odoo::Series;
use crate::odoo_conf::{ConfValue, OdooConf, desired};
use crate::project::{EngineKind, Project};

/// Where Odoo's image keeps its own modules; the script that reads them knows of others.
pub const IN_IMAGE: &str = "odoo/addons";

/// One folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On this machine.
    Here {
        /// Where.
        path: PathBuf,
        /// Whose modules lie there.
        origin: Origin,
        /// Whether Odoo does without it silently.
        optional: bool,
    },
    /// In the image.
    Image(String),
}

/// The series that the project runs.
pub fn series(project: &Project) -> Result<Series> {
    Series::parse(&project.odoo.version).ok_or_else(|| {
        let error = Error::input(format!("odoo.version {:?} names no series", project.odoo.version));
        error.hint("Write it as Odoo does: \"18.0\"")
    })
}

/// An option of `odoo.conf` as it is, else as the project wants it.
fn option(project: &Project, name: &str) -> Option<String> {
    let conf = std::fs::read_to_string(project.odoo_conf()).ok();
    let conf = conf.and_then(|text| OdooConf::parse(&text).ok());
    let of_file = conf.as_ref().and_then(|conf| conf.get(name)).map(str::to_owned);
    of_file.or_else(|| {
        let wanted = desired(project).into_iter().find(|edit| edit.option == name)?;
        match wanted.value {
            ConfValue::Text(text) => Some(text),
            ConfValue::Secret(_) => None,
        }
    })
}

fn listed(project: &Project, name: &str) -> Vec<String> {
    let text = option(project, name).unwrap_or_default();
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty() && *part != "None")
        .map(str::to_owned)
        .collect()
}

/// The folders in Odoo's order.
pub fn places(project: &Project, series: &Series) -> Vec<Place> {
    let data = project.odoo.data_dir.join("addons").join(series.as_str());
    let mut found = vec![Place::Here { path: data, origin: Origin::Own, optional: true }];
    let listed = listed(project, "addons_path");
    match project.engine {
        EngineKind::Local => {
            let own: Vec<PathBuf> = project.odoo.source.iter().flat_map(|source| odoos(source)).collect();
            let listed = listed.iter().map(|path| project.root.join(path));
            for path in listed.chain(own.iter().take(1).cloned()) {
                let origin = if own.contains(&path) { Origin::Odoo } else { Origin::Own };
                found.push(Place::Here { path, origin, optional: false });
            }
        }
        EngineKind::Docker => {
            for path in listed {
                found.push(match mounted(project, &path) {
                    Some(here) => Place::Here { path: here, origin: Origin::Own, optional: false },
                    None => Place::Image(path),
                });
            }
            found.push(Place::Image(IN_IMAGE.to_owned()));
        }
    }
    let mut seen = Vec::new();
    found.retain(|place| {
        let new = !seen.contains(place);
        seen.push(place.clone());
        new
    });
    found
}

/// The folders of a source tree: that of `base`, and that of all others.
fn odoos(source: &Path) -> [PathBuf; 2] {
    [source.join("odoo/addons"), source.join("addons")]
}

/// The folder of this machine that a container sees at a path.
fn mounted(project: &Project, path: &str) -> Option<PathBuf> {
    let number: usize = path.strip_prefix("/mnt/addons-")?.parse().ok()?;
    project.odoo.addons.get(number).cloned()
}

/// The folders of migration scripts beside the modules: `upgrade_path`, else the one that Odoo has always had.
pub fn upgrade_folders(project: &Project) -> Vec<PathBuf> {
    let listed = listed(project, "upgrade_path");
    match (listed.is_empty(), project.engine) {
        (true, _) => {
            let source = project.odoo.source.iter();
            source.map(|source| source.join("odoo/addons/base/maintenance/migrations")).collect()
        }
        (false, EngineKind::Local) => listed.iter().map(|path| project.root.join(path)).collect(),
        (false, EngineKind::Docker) => {
            listed.iter().filter_map(|path| below_mounted(project, path)).collect()
        }
    }
}

/// The same for a folder below one that a container sees.
fn below_mounted(project: &Project, path: &str) -> Option<PathBuf> {
    let end = path.get("/mnt/".len()..)?.find('/').map_or(path.len(), |at| at + "/mnt/".len());
    let (mount, below) = path.split_at_checked(end)?;
    Some(mounted(project, mount)?.join(below.trim_start_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::samples::project;

    /// The folders in order, those of the image in brackets.
    fn told(text: &str) -> Vec<String> {
        let project = project(text, &[]);
        let told = |place: &Place| match place {
            Place::Here { path, .. } => path.display().to_string(),
            Place::Image(path) => format!("[{path}]"),
        };
        places(&project, &Series::parse("18.0").unwrap()).iter().map(told).collect()
    }

    #[test]
    fn folders_stand_in_the_order_of_odoo() {
        let local = "version: 1\nname: shop\nengine: local\nodoo:\n  version: \"18.0\"\n  source: /srv/odoo\n  \
             addons: [own]\npostgres:\n  version: \"16\"\n";
        let order = ["data/odoo/addons/18.0", "/srv/odoo/odoo/addons", "/srv/odoo/addons", "own"];
        let order = order.map(|path| Path::new("/srv/shop").join(path).display().to_string());
        assert_eq!(told(local), order);
        let docker = local.replace("local", "docker").replace("  source: /srv/odoo\n", "");
        assert_eq!(told(&docker), ["/srv/shop/data/odoo/addons/18.0", "/srv/shop/own", "[odoo/addons]"]);
    }

    #[test]
    fn a_folder_below_a_mounted_one_is_found() {
        let text = "version: 1\nname: shop\nengine: docker\nodoo:\n  version: \"18.0\"\n  addons: [own]\n  \
             conf: {upgrade_path: \"/mnt/addons-0/upgrades, /opt/elsewhere\"}\npostgres:\n  version: \"16\"\n";
        assert_eq!(upgrade_folders(&project(text, &[])), [Path::new("/srv/shop/own/upgrades")]);
    }
}
