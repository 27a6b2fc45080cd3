//! Whether the modules at hand can be used: their data files and Python files can be read, and what they need is there.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::addons::{Cache, Wrong};
use super::data_file;
use crate::engine::local::interpreter;
use crate::engine::{Engine, PythonTask};
use crate::error::{Error, Result};
use crate::facts::{Environment, FileTrouble, Fitness, Known, ModulesSeen, Origin};
use crate::project::Project;
use crate::upgrade::Resolved;

/// Asks one Python for everything: packages as Odoo asks for them, programs, and the syntax of files. It imports nothing that is asked
/// about.
const SCRIPT: &str = include_str!("../../templates/read_environment.py");

#[derive(Debug, Default, Serialize)]
struct Ask {
    packages: Vec<String>,
    programs: Vec<String>,
    files: Vec<PathBuf>,
    scripts: Vec<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
struct Answer {
    interpreter: String,
    packages: BTreeMap<String, String>,
    programs: Vec<String>,
    files: BTreeMap<PathBuf, (usize, String)>,
}

/// A file, its module, and what it is read as.
struct Source {
    module: String,
    path: PathBuf,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Data,
    Python,
    Script,
}

/// Looks at the modules that something will happen to. What Odoo itself brings is taken as it is, unless it is named. A file that has
/// not changed since it was read by the same reader is not read again.
pub async fn fitness(
    project: &Project,
    engine: &dyn Engine,
    seen: &ModulesSeen,
    resolved: &Resolved,
    named: &[&str],
    cache: &mut Cache,
) -> Fitness {
    let all = files(seen, resolved, named);
    let python = identity(project, engine).await;
    let reader = |kind: Kind| match kind {
        Kind::Data => "data 1".to_owned(),
        Kind::Python => format!("python 1 {python}"),
        Kind::Script => format!("script 1 {python}"),
    };
    let read = all.len();
    let mut found = Vec::new();
    // Their stamps are taken before they are read.
    let mut unread: Vec<(Source, Option<Metadata>)> = Vec::new();
    for source in all {
        let meta = fs::metadata(&source.path).ok();
        match meta.as_ref().and_then(|meta| cache.checked(&source.path, meta, &reader(source.kind))) {
            Some(wrong) => found.extend(wrong.map(|wrong| trouble(&source, wrong))),
            None => unread.push((source, meta)),
        }
    }
    let ask = ask(seen, resolved, &unread);
    let data: Vec<PathBuf> = unread
        .iter()
        .filter(|(source, _)| source.kind == Kind::Data)
        .map(|(source, _)| source.path.clone())
        .collect();
    let data = crate::process::blocking(move || {
        Ok(data
            .into_iter()
            .map(|path| (data_file::trouble(&path), path))
            .map(|(wrong, path)| (path, wrong))
            .collect())
    });
    let (data, answer) = futures_util::join!(data, environment(project, engine, &ask));
    let data: BTreeMap<PathBuf, Option<Wrong>> = data.unwrap_or_default();
    for (source, meta) in unread {
        let wrong = match (source.kind, answer.get()) {
            (Kind::Data, _) => data.get(&source.path).cloned().flatten(),
            (Kind::Python | Kind::Script, Some(answer)) => answer.files.get(&source.path).cloned(),
            (Kind::Python | Kind::Script, None) => continue,
        };
        found.extend(wrong.clone().map(|wrong| trouble(&source, wrong)));
        if let Some(meta) = meta {
            let reader = reader(source.kind);
            cache.keep_checked(source.path, &meta, &reader, wrong);
        }
    }
    found.sort();
    let python = answer.map(|Answer { interpreter, packages, programs, .. }| Environment {
        interpreter,
        packages,
        programs,
    });
    Fitness { files: found, read, python }
}

fn trouble(source: &Source, (line, message): Wrong) -> FileTrouble {
    FileTrouble { module: source.module.clone(), path: source.path.clone(), line, message }
}

/// The files of the modules at hand: those that their manifests name, their Python, and the scripts that run.
fn files(seen: &ModulesSeen, resolved: &Resolved, named: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    for moved in &resolved.modules {
        let name = &moved.name;
        let Some(module) = seen.disk.modules.get(name) else { continue };
        let mut add = |path: PathBuf, kind: Kind| found.push(Source { module: name.clone(), path, kind });
        // Those of the upgrade path are on this machine, whatever the module is in.
        let here = |path: &PathBuf| !(module.in_image && path.starts_with(&module.folder));
        let scripts = moved.scripts.iter().map(|script| PathBuf::from(&script.path));
        scripts.filter(here).for_each(|path| add(path, Kind::Script));
        if module.in_image || (module.origin == Origin::Odoo && !named.contains(&name.as_str())) {
            continue;
        }
        let data = module.manifest.iter().flat_map(|manifest| &manifest.data);
        data.for_each(|file| add(module.folder.join(file), Kind::Data));
        let mut python = Vec::new();
        sources(&module.folder, true, &mut python);
        python.into_iter().for_each(|path| add(path, Kind::Python));
    }
    found
}

/// What tells the Python that runs Odoo from another one.
async fn identity(project: &Project, engine: &dyn Engine) -> String {
    if let Ok(Some(image)) = engine.image_id(&project.odoo.image).await {
        return image;
    }
    let program = interpreter(project);
    let program = program.get().and_then(|program| fs::canonicalize(program).ok());
    let written = program.as_ref().and_then(|program| fs::metadata(program).ok()?.modified().ok());
    format!("{program:?} {written:?}")
}

fn ask(seen: &ModulesSeen, resolved: &Resolved, unread: &[(Source, Option<Metadata>)]) -> Ask {
    let mut ask = Ask::default();
    let moved = resolved.names().filter_map(|name| seen.disk.modules.get(name)?.manifest.as_ref().ok());
    for manifest in moved {
        ask.packages.extend(manifest.python.iter().cloned());
        ask.programs.extend(manifest.programs.iter().cloned());
    }
    for list in [&mut ask.packages, &mut ask.programs] {
        list.sort();
        list.dedup();
    }
    for (Source { path, kind, .. }, _) in unread {
        match kind {
            Kind::Data => {}
            Kind::Python => ask.files.push(path.clone()),
            Kind::Script => ask.scripts.push(path.clone()),
        }
    }
    ask
}

/// The Python files that Odoo loads with a module; scripts and tests are none of them.
fn sources(folder: &Path, top: bool, found: &mut Vec<PathBuf>) {
    let listing = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = listing.map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let apart =
            ["migrations", "upgrades", "tests", "static", "i18n", "data", "views"].contains(&name) && top;
        if path.is_dir() && !path.is_symlink() && !apart && name != "__pycache__" {
            sources(&path, false, found);
        } else if name.ends_with(".py") && path.is_file() {
            found.push(path);
        }
    }
}

/// What the Python that runs Odoo has, and which files it cannot read.
async fn environment(project: &Project, engine: &dyn Engine, ask: &Ask) -> Known<Answer> {
    match asked(project, engine, ask).await {
        Ok(answer) => Known::Known(answer),
        Err(error) => Known::Unknown(error.to_string()),
    }
}

async fn asked(project: &Project, engine: &dyn Engine, ask: &Ask) -> Result<Answer> {
    if ask.packages.is_empty() && ask.programs.is_empty() && ask.files.is_empty() && ask.scripts.is_empty() {
        return Ok(Answer::default());
    }
    let input = serde_json::to_string(ask).map_err(|e| Error::internal("cannot write JSON").caused_by(&e))?;
    let mut folders: Vec<&Path> =
        ask.files.iter().chain(&ask.scripts).filter_map(|path| path.parent()).collect();
    folders.sort();
    // A folder brings those below it along.
    folders.dedup_by(|below, above| below.starts_with(above));
    let task = PythonTask { project, script: SCRIPT, input: &input, folders };
    let answer = engine.python(&task).await?;
    serde_json::from_str(answer.trim())
        .map_err(|e| Error::environment("Odoo's Python gave no answer that can be read").caused_by(&e))
}
