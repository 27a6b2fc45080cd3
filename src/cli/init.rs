use std::fs;
use std::path::{Path, PathBuf};

use crate::base::template::fill;
use crate::engine::local;
use crate::error::{Error, Result};
use crate::observe;
use crate::report::Ui;
use crate::state;

const FILE: &str = include_str!("../../templates/odpm.yaml");
const ENV: &str = include_str!("../../templates/env.example");

/// What a project keeps out of version control.
const IGNORED: [&str; 5] = [".odpm/", ".env", "odoo.conf", "data/", "backups/"];

/// Write a commented odpm.yaml, .env.example and .gitignore entries
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  odpm init\n  odpm init --from-odpm ../old-shop\n  odpm init --from-compose docker-compose.yml"
)]
pub struct Args {
    /// The project's name; the folder's unless given
    #[arg(long, conflicts_with = "from_compose")]
    name: Option<String>,
    /// Take over the stack of a Compose file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["engine", "from_odpm"])]
    from_compose: Option<PathBuf>,
    /// Take over a project of odpm 4; DIR is the one with .odpm in it
    #[arg(long, value_name = "DIR", conflicts_with = "engine")]
    from_odpm: Option<PathBuf>,
    /// What runs the services; `local` where this machine has PostgreSQL
    #[arg(long, value_parser = ["docker", "local"])]
    engine: Option<String>,
}

pub fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let cannot =
        |what: &str, e: &std::io::Error| Error::environment(format!("cannot write {what}")).caused_by(e);
    let root = fs::canonicalize(start)
        .map_err(|e| Error::input(format!("cannot enter {}", start.display())).caused_by(&e))?;
    let file = root.join("odpm.yaml");
    if file.exists() {
        return Err(Error::refused(format!("there is a project already: {}", file.display()))
            .hint("See what it describes: odpm validate"));
    }
    let folder = root.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let name = name_from(args.name.as_deref().unwrap_or(&folder));
    let draft = match (&args.from_compose, &args.from_odpm) {
        (Some(file), _) => Some(observe::compose_project(file)?),
        (None, Some(folder)) => Some(observe::odpm_project(folder, &name)?),
        (None, None) => None,
    };
    let text = match &draft {
        Some(draft) => draft.yaml(),
        None => fresh(&name, args.engine.as_deref()),
    };
    state::replace(&file, text.as_bytes(), 0o644).map_err(|e| cannot("odpm.yaml", &e))?;
    ui.answer("odpm.yaml      written; every key is explained in it");
    let example = root.join(".env.example");
    if !example.exists() {
        state::replace(&example, ENV.as_bytes(), 0o644).map_err(|e| cannot(".env.example", &e))?;
        ui.answer(".env.example   written; copy it to .env and fill it in");
    }
    if ignore(&root).map_err(|e| cannot(".gitignore", &e))? {
        ui.answer(".gitignore     keeps state, data and secrets out of version control");
    }
    for line in draft.iter().flat_map(|draft| &draft.left_out) {
        ui.answer(&format!("not carried over: {line}"));
    }
    ui.answer("\nNext: odpm plan");
    Ok(0)
}

/// A commented file for a new project on what this machine has.
fn fresh(name: &str, engine: Option<&str>) -> String {
    let majors = local::majors();
    let engine = engine.unwrap_or(if majors.is_empty() { "docker" } else { "local" });
    let newest = majors.last().filter(|_| engine == "local").map_or("16".to_owned(), ToString::to_string);
    let values = [
        ("name", name),
        ("engine", engine),
        ("postgres_version", &newest),
        ("data", "./data/postgres"),
        ("port", "5432"),
    ];
    fill(FILE, &values)
}

/// A project name made of any name.
fn name_from(text: &str) -> String {
    let letter = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
    let name: String = text.to_lowercase().chars().map(letter).take(40).collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "shop".to_owned() } else { name.to_owned() }
}

/// Adds what is missing to `.gitignore`; tells whether anything was.
fn ignore(root: &Path) -> std::io::Result<bool> {
    let path = root.join(".gitignore");
    let mut text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(e) => return Err(e),
    };
    let missing: Vec<&str> =
        IGNORED.into_iter().filter(|entry| !text.lines().any(|line| line.trim() == *entry)).collect();
    if missing.is_empty() {
        return Ok(false);
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(&(missing.join("\n") + "\n"));
    state::replace(&path, text.as_bytes(), 0o644)?;
    Ok(true)
}
