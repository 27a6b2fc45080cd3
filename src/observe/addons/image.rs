//! The modules in Odoo's image: read once for each image, and kept.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::cache::Cache;
use super::path::{IN_IMAGE, Place};
use crate::engine::{Engine, PythonTask};
use crate::error::{Error, Result};
use crate::facts::{Known, ModuleOnDisk, Origin};
use crate::odoo::{Manifest, ManifestError, MigrationFile};
use crate::project::Project;

/// Prints the manifests and the names of the migration scripts in the folders that it is given, and in Odoo's own.
const SCRIPT: &str = r#"
import importlib.util, json, os, sys
folders = {folder: folder for folder in json.load(sys.stdin)}
own = ['/usr/lib/python3/dist-packages/odoo/addons', '/opt/odoo/odoo/addons', '/opt/odoo/addons', '/odoo/addons']
try:
    own = [os.path.join(place, 'addons') for place in importlib.util.find_spec('odoo').submodule_search_locations] + own
except Exception:
    pass
found = []
def look(folder, told):
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        place = os.path.join(folder, name)
        for file in ('__manifest__.py', '__openerp__.py'):
            path = os.path.join(place, file)
            if not os.path.isfile(path):
                continue
            scripts = []
            for inner in ('migrations', 'upgrades'):
                for root, _, files in os.walk(os.path.join(place, inner)):
                    scripts += [os.path.join(root, script) for script in files if script.endswith('.py')]
            with open(path, 'rb') as stream:
                text = stream.read().decode('utf-8', 'replace')
            found.append({'folder': told + '/' + name, 'file': file, 'text': text, 'scripts': sorted(scripts)})
            break
for folder in folders:
    look(folder, folder)
for folder in own:
    look(folder, 'odoo/addons')
print(json.dumps(found))
"#;

/// A module as the script tells it.
#[derive(Debug, Deserialize)]
struct Told {
    folder: PathBuf,
    file: String,
    text: String,
    scripts: Vec<String>,
}

/// A module of an image.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImageModule {
    /// Its folder in the image.
    pub folder: PathBuf,
    file: String,
    manifest: Result<Manifest, ManifestError>,
    migrations: Vec<MigrationFile>,
}

impl ImageModule {
    /// The module as one of the addons path.
    pub fn seen(&self) -> ModuleOnDisk {
        ModuleOnDisk {
            folder: self.folder.clone(),
            origin: Origin::Odoo,
            in_image: true,
            file: self.file.clone(),
            manifest: self.manifest.clone(),
            migrations: self.migrations.clone(),
        }
    }
}

impl From<Told> for ImageModule {
    fn from(Told { folder, file, text, scripts }: Told) -> Self {
        let migration = |path: String| {
            let mut parts = path.rsplit('/');
            let (file, version) = (parts.next()?.to_owned(), parts.next()?.to_owned());
            Some(MigrationFile { version, file, path })
        };
        let migrations = scripts.into_iter().filter_map(migration).collect();
        Self { folder, file, manifest: Manifest::parse(&text), migrations }
    }
}

/// The modules of the project's image, from the cache where it is the image of then.
pub async fn modules(
    project: &Project,
    engine: &dyn Engine,
    places: &[Place],
    cache: &mut Cache,
) -> Known<Vec<ImageModule>> {
    match asked(project, engine, places, cache).await {
        Ok(modules) => Known::Known(modules),
        Err(error) => Known::Unknown(error.to_string()),
    }
}

async fn asked(
    project: &Project,
    engine: &dyn Engine,
    places: &[Place],
    cache: &mut Cache,
) -> Result<Vec<ImageModule>> {
    let folders: Vec<&str> = places
        .iter()
        .filter_map(|place| match place {
            Place::Image(path) if path != IN_IMAGE => Some(path.as_str()),
            Place::Image(_) | Place::Here { .. } => None,
        })
        .collect();
    let input = serde_json::to_string(&folders).unwrap_or_default();
    let id = engine.image_id(&project.odoo.image).await?;
    // The same image is asked for other folders where odoo.conf names others.
    let key = id.map(|id| format!("{id} {input}"));
    if let Some(known) = key.as_ref().and_then(|key| cache.image(key)) {
        return Ok(known);
    }
    let task = PythonTask { project, script: SCRIPT, input: &input, folders: Vec::new() };
    let answer = engine.python(&task).await?;
    let told: Vec<Told> = serde_json::from_str(answer.trim())
        .map_err(|e| Error::environment("the image did not tell its modules").caused_by(&e))?;
    let modules: Vec<ImageModule> = told.into_iter().map(ImageModule::from).collect();
    if let Some(key) = key {
        cache.keep_image(key, modules.clone());
    }
    Ok(modules)
}
