//! Gathers what upgrades have to know of modules: on disk, in the database, in git.

use std::collections::BTreeMap;
use std::time::Duration;

use super::addons::{self, Cache};
use super::{Loaded, databases, fitness, git};
use crate::base::Digest;
use crate::engine::Engine;
use crate::error::Result;
use crate::facts::{DatabaseModules, Known, ModulesSeen, Origin};
use crate::postgres;
use crate::upgrade::{Resolved, Wanted};

/// How long a login may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// Modules as they are seen, and the cache to look on with.
pub struct ModulesView {
    /// What was seen.
    pub seen: ModulesSeen,
    cache: Cache,
}

/// The modules of a project and of one of its databases. `before`: what is known of the database's already, where it takes no
/// connections.
pub async fn modules(
    loaded: &Loaded,
    engine: &dyn Engine,
    database: &str,
    before: Option<DatabaseModules>,
) -> Result<ModulesView> {
    let project = &loaded.project;
    let series = addons::series(project)?;
    let mut cache = Cache::open(&loaded.state);
    let files = async {
        let disk = addons::disk(loaded, engine, &series, &mut cache).await?;
        let releases = git::releases(&addons::released(&disk, project.odoo.source.as_deref())).await;
        Ok((disk, releases))
    };
    let (files, installed, image) =
        futures_util::join!(files, installed(loaded, database, before), image(loaded, engine));
    let (disk, releases) = files?;
    let seen = ModulesSeen {
        series,
        database: database.to_owned(),
        disk,
        installed,
        releases,
        image,
        hashes: BTreeMap::new(),
        fitness: None,
    };
    Ok(ModulesView { seen, cache })
}

async fn image(loaded: &Loaded, engine: &dyn Engine) -> Option<(String, Known<String>)> {
    let name = &loaded.project.odoo.image;
    let id = match engine.image_id(name).await {
        Ok(id) => Known::Known(id?),
        Err(error) => Known::Unknown(error.to_string()),
    };
    Some((name.clone(), id))
}

async fn installed(
    loaded: &Loaded,
    database: &str,
    before: Option<DatabaseModules>,
) -> Known<DatabaseModules> {
    if let Some(before) = before {
        return Known::Known(before);
    }
    let source = match databases::source(loaded, database) {
        Ok(source) => source,
        Err(error) => return Known::Unknown(error.to_string()),
    };
    match postgres::connect(&source.endpoint, &source.role, &source.secret, database, DEADLINE).await {
        Err(failure) => Known::Unknown(failure.why().to_owned()),
        Ok(session) => match postgres::modules::modules(&session).await {
            Ok(Some(modules)) => Known::Known(modules),
            Ok(None) => Known::Unknown("there is no Odoo in it".to_owned()),
            Err(error) => Known::Unknown(error.to_string()),
        },
    }
}

impl ModulesView {
    /// Takes the digests of the files of the project's own modules of these names.
    pub fn hash<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        for name in names {
            let Some(module) = self.seen.disk.modules.get(name) else { continue };
            if module.origin == Origin::Own && !module.in_image {
                let hash: Result<Digest> = addons::hash(&module.folder, &mut self.cache);
                let hash = hash.map_or_else(|error| Known::Unknown(error.to_string()), Known::Known);
                self.seen.hashes.insert(name.to_owned(), hash);
            }
        }
    }

    /// Takes the digests of all of the project's own modules that are installed.
    pub fn hash_installed(&mut self) {
        let installed = self.seen.installed.get().into_iter().flat_map(|all| &all.modules);
        let names: Vec<String> =
            installed.filter(|(_, module)| module.is_installed()).map(|(name, _)| name.clone()).collect();
        self.hash(names.iter().map(String::as_str));
    }

    /// Looks whether the modules that something will happen to can be used.
    pub async fn look_closer(
        &mut self,
        loaded: &Loaded,
        engine: &dyn Engine,
        wanted: &Wanted,
        resolved: &Resolved,
    ) {
        let named: Vec<&str> = wanted.update.iter().chain(&wanted.install).map(String::as_str).collect();
        let found =
            fitness::fitness(&loaded.project, engine, &self.seen, resolved, &named, &mut self.cache).await;
        self.seen.fitness = Some(found);
    }

    /// What was seen; what was learned for the next time is written down.
    pub fn close(self) -> ModulesSeen {
        self.cache.close();
        self.seen
    }
}
