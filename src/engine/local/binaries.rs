//! Finds PostgreSQL's programs. Where the folder tells the major, no program is run for it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::base::PgMajor;
use crate::facts::{Binaries, Known};

/// Where packages put the programs of one major: `{}` stands for it.
const LAYOUTS: [&str; 5] = [
    "/usr/lib/postgresql/{}/bin",
    "/usr/pgsql-{}/bin",
    "/opt/homebrew/opt/postgresql@{}/bin",
    "/usr/local/opt/postgresql@{}/bin",
    "/Applications/Postgres.app/Contents/Versions/{}/bin",
];

/// The majors that packages may have put there.
const MAJORS: std::ops::RangeInclusive<u32> = 10..=30;

/// Without these there is nothing to be done.
const NEEDED: [&str; 2] = ["initdb", "postgres"];

fn complete(dir: &Path) -> bool {
    NEEDED.iter().all(|program| dir.join(program).exists())
}

/// The folder where packages put the programs of a major.
pub fn programs(major: PgMajor) -> Option<PathBuf> {
    packaged(major.0)
}

fn packaged(major: u32) -> Option<PathBuf> {
    LAYOUTS
        .iter()
        .map(|layout| PathBuf::from(layout.replace("{}", &major.to_string())))
        .find(|dir| complete(dir))
}

/// Every major that this machine has, oldest first.
pub fn majors() -> Vec<PgMajor> {
    MAJORS.filter(|major| packaged(*major).is_some()).map(PgMajor).collect()
}

/// The programs of the wanted major: in the folder given, else where packages put them, else on PATH.
pub fn find(wanted: PgMajor, given: Option<&Path>) -> Known<Binaries> {
    if let Some(dir) = given {
        return match ask(dir) {
            Ok(found) if found.major == wanted => Known::Known(found),
            Ok(found) => {
                Known::Unknown(format!("{} has PostgreSQL {}, not {wanted}", dir.display(), found.version))
            }
            Err(why) => Known::Unknown(why),
        };
    }
    if let Some(dir) = packaged(wanted.0) {
        return Known::Known(Binaries { dir, major: wanted, version: wanted.to_string() });
    }
    on_path().and_then(|dir| ask(&dir).ok()).filter(|found| found.major == wanted).map_or_else(
        || Known::Unknown(format!("this machine has no programs of PostgreSQL {wanted}")),
        Known::Known,
    )
}

/// The folder on PATH that has the programs.
fn on_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let dir = std::env::split_paths(&path).find(|dir| complete(dir))?;
    // A link in /usr/bin points at the real folder, beside which are the other programs.
    fs::canonicalize(dir.join("postgres")).ok()?.parent().map(Path::to_owned)
}

/// Asks the programs of a folder for their version.
fn ask(dir: &Path) -> Result<Binaries, String> {
    if !complete(dir) {
        return Err(format!("{} has no {}", dir.display(), NEEDED.join(" and ")));
    }
    let program = dir.join("postgres");
    let output = std::process::Command::new(&program)
        .arg("--version")
        .output()
        .map_err(|e| format!("{} cannot be run: {e}", program.display()))?;
    let line = String::from_utf8_lossy(&output.stdout);
    match (PgMajor::from_version_line(&line), parse_version(&line)) {
        (Some(major), Some(version)) => Ok(Binaries { dir: dir.to_owned(), major, version }),
        _ => Err(format!("{} does not tell its version", program.display())),
    }
}

/// The version in `postgres (PostgreSQL) 15.18 (Debian ...)`.
fn parse_version(line: &str) -> Option<String> {
    let (_, after) = line.split_once("(PostgreSQL)")?;
    after.split_whitespace().next().map(str::to_owned)
}
