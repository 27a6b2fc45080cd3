//! The modules on the addons path, found as Odoo finds them.
//!
//! Of several modules of one name the first one counts: the folder in Odoo's data, those of `addons_path`, Odoo's own at last.
//! Nothing is ever run. What was read before is taken from a cache, which a change of a file makes useless.

mod cache;
mod hash;
mod image;
mod path;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Loaded;
use crate::engine::Engine;
use crate::error::Result;
use crate::facts::{AddonsFolder, DiskModules, Known, ModuleOnDisk, Origin};
use crate::odoo::{MANIFESTS, Manifest, ManifestError, MigrationFile, Series};
use crate::project::EngineKind;

pub(super) use cache::{Cache, Wrong};
pub(super) use hash::hash;
pub(super) use path::series;

use image::ImageModule;
use path::{Place, places, upgrade_folders};

/// What is on the addons path of the project.
pub async fn disk(
    loaded: &Loaded,
    engine: &dyn Engine,
    series: &Series,
    cache: &mut Cache,
) -> Result<DiskModules> {
    let project = &loaded.project;
    let places = places(project, series);
    let scripts = upgrade_folders(project);
    let image = match project.engine {
        EngineKind::Docker => Some(image::modules(project, engine, &places, cache).await),
        EngineKind::Local => None,
    };
    let mut found = DiskModules::default();
    for place in places {
        match place {
            Place::Here { path, origin, optional } => here(path, origin, optional, &mut found, cache),
            Place::Image(path) => of_image(path, image.as_ref(), &mut found),
        }
    }
    for folder in scripts {
        let names = fs::read_dir(&folder).into_iter().flatten().flatten();
        for name in names.filter_map(|entry| entry.file_name().into_string().ok()) {
            if let Some(module) = found.modules.get_mut(&name) {
                module.migrations.extend(migrations(&folder.join(&name)));
            }
        }
    }
    Ok(found)
}

fn here(path: PathBuf, origin: Origin, optional: bool, found: &mut DiskModules, cache: &mut Cache) {
    let names = match fs::read_dir(&path) {
        Ok(listing) => listing.flatten().filter_map(|entry| entry.file_name().into_string().ok()),
        Err(_) if optional => return,
        Err(e) => {
            let trouble = match e.kind() {
                io::ErrorKind::NotFound => "there is no such folder".to_owned(),
                _ => e.to_string(),
            };
            found.folders.push(AddonsFolder { path, origin, trouble: Some(trouble) });
            return;
        }
    };
    let mut names: Vec<String> = names.collect();
    names.sort();
    for name in names {
        let folder = path.join(&name);
        let Some(file) = MANIFESTS.into_iter().find(|file| folder.join(file).is_file()) else { continue };
        if found.modules.contains_key(&name) {
            found.hidden.entry(name).or_default().push(folder);
            continue;
        }
        let manifest = manifest(&folder.join(file), cache);
        let migrations = ["migrations", "upgrades"].map(|inner| migrations(&folder.join(inner))).concat();
        let module =
            ModuleOnDisk { folder, origin, in_image: false, file: file.to_owned(), manifest, migrations };
        found.modules.insert(name, module);
    }
    found.folders.push(AddonsFolder { path, origin, trouble: None });
}

fn of_image(path: String, image: Option<&Known<Vec<ImageModule>>>, found: &mut DiskModules) {
    let trouble = image.and_then(Known::why).map(str::to_owned);
    let modules = image.and_then(Known::get).into_iter().flatten();
    for module in modules.filter(|module| module.folder.parent() == Some(Path::new(&path))) {
        let Some(name) = module.folder.file_name().and_then(|name| name.to_str()) else { continue };
        if found.modules.contains_key(name) {
            found.hidden.entry(name.to_owned()).or_default().push(module.folder.clone());
            continue;
        }
        found.modules.insert(name.to_owned(), module.seen());
    }
    found.folders.push(AddonsFolder { path: path.into(), origin: Origin::Odoo, trouble });
}

fn manifest(path: &Path, cache: &mut Cache) -> Result<Manifest, ManifestError> {
    let unread = |e: &io::Error| ManifestError { line: 0, message: format!("it cannot be read: {e}") };
    let meta = fs::metadata(path).map_err(|e| unread(&e))?;
    cache.manifest(path, &meta, || match fs::read(path) {
        Ok(bytes) => read(&bytes),
        Err(e) => Err(unread(&e)),
    })
}

/// A manifest, of the bytes of its file.
fn read(bytes: &[u8]) -> Result<Manifest, ManifestError> {
    let wrong = |e: std::str::Utf8Error| {
        let line = 1 + bytes[..e.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        ManifestError { line, message: "it is not UTF-8 text".to_owned() }
    };
    Manifest::parse(std::str::from_utf8(bytes).map_err(wrong)?)
}

/// The scripts in the folders of versions below a folder.
fn migrations(folder: &Path) -> Vec<MigrationFile> {
    let Ok(listing) = fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for version in listing.flatten().filter_map(|entry| entry.file_name().into_string().ok()) {
        let Ok(listing) = fs::read_dir(folder.join(&version)) else { continue };
        let files = listing.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        for file in files.filter(|file| file.ends_with(".py") && !file.starts_with('.')) {
            let path = folder.join(&version).join(&file).display().to_string();
            found.push(MigrationFile { version: version.clone(), file, path });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The folders of the project's own modules, and Odoo's source, by the working trees to look for them in.
pub(super) fn released(disk: &DiskModules, source: Option<&Path>) -> Vec<PathBuf> {
    let own = disk.folders.iter().filter(|folder| folder.origin == Origin::Own && folder.trouble.is_none());
    source.map(Path::to_owned).into_iter().chain(own.map(|folder| folder.path.clone())).collect()
}
