//! Which migration scripts of a module Odoo runs between two versions, and in which order.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::Series;
use super::version::Order;

/// The version that stands for every change of version.
const ANY: &str = "0.0.0";

/// When a script runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScriptStage {
    /// Before the module is loaded.
    Pre,
    /// After its data.
    Post,
    /// After all modules.
    End,
}

impl ScriptStage {
    /// The stage of a file, by its name.
    fn of(file: &str) -> Option<Self> {
        [("pre-", Self::Pre), ("post-", Self::Post), ("end-", Self::End)]
            .into_iter()
            .find_map(|(prefix, stage)| file.starts_with(prefix).then_some(stage))
    }
}

/// A file in a folder of migrations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationFile {
    /// The folder of its version: `18.0.1.2.0`, `1.2.0`, `0.0.0`.
    pub version: String,
    /// Its name: `pre-prices.py`.
    pub file: String,
    /// Where it is.
    pub path: String,
}

/// A script that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Script {
    /// When.
    pub stage: ScriptStage,
    /// The folder of its version.
    pub version: String,
    /// Its name.
    pub file: String,
    /// Where it is.
    pub path: String,
}

/// Whether Odoo reads a folder of migrations with this name: a version of two or three numbers, with a series before it or not.
pub fn is_version(folder: &str) -> bool {
    let numbers = |text: &str| {
        let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        (2..=3).contains(&text.split('.').count()) && text.split('.').all(number)
    };
    numbers(folder) || after_series(folder).is_some_and(numbers)
}

/// What follows a series at the beginning.
fn after_series(folder: &str) -> Option<&str> {
    let number = |text: &str| text.parse::<u32>().ok().filter(|_| !text.starts_with(['0', '+']));
    if let Some(rest) = folder.strip_prefix("saas~") {
        let (major, rest) = rest.split_once('.')?;
        let (minor, rest) = rest.split_once('.')?;
        let known = number(major)? >= 11 && minor.len() == 1 && number(minor).is_some();
        return known.then_some(rest);
    }
    let (major, rest) = folder.split_once('.')?;
    let (minor, rest) = rest.split_once('.')?;
    let major = number(major)?;
    let saas = (7..=10).contains(&major) && minor.strip_prefix("saas~").and_then(number).is_some();
    let whole = major >= 6 && minor == "0" || major == 6 && minor == "1";
    (saas || whole).then_some(rest)
}

/// The scripts that run when a module goes from the installed version to that of its manifest, in their order.
pub fn scripts(files: &[MigrationFile], installed: &str, manifest: &str, series: &Series) -> Vec<Script> {
    let (from, to) = (Order::of(installed), Order::of(&whole(manifest, series)));
    let runs = |version: &str| {
        if version == ANY && from < to {
            return true;
        }
        let full = whole(version, series);
        let at = Order::of(&full);
        match full == version {
            true => from < at && at <= to,
            // A script without a series does not run again in the next one.
            false => {
                let at = at.without_series();
                from.without_series() < at && at <= to.without_series()
            }
        }
    };
    let wanted = |file: &&MigrationFile| {
        file.file.ends_with(".py") && is_version(&file.version) && runs(&file.version)
    };
    let mut found: Vec<Script> = files
        .iter()
        .filter(wanted)
        .filter_map(|MigrationFile { version, file, path }| {
            let stage = ScriptStage::of(file)?;
            Some(Script { stage, version: version.clone(), file: file.clone(), path: path.clone() })
        })
        .collect();
    found.sort_by(|a, b| {
        let versions = order_in(a.stage, &a.version, &b.version, series);
        // Of two folders for one version Odoo takes whichever comes first.
        let folders = || a.version.cmp(&b.version);
        a.stage.cmp(&b.stage).then(versions).then_with(folders).then_with(|| a.file.cmp(&b.file))
    });
    found
}

/// Scripts for every change come first before a module is loaded, and last afterwards.
fn order_in(stage: ScriptStage, a: &str, b: &str, series: &Series) -> Ordering {
    let rank = |version: &str| u8::from((version == ANY) != (stage == ScriptStage::Pre));
    let place = |version: &str| Order::of(&whole(version, series));
    rank(a).cmp(&rank(b)).then_with(|| place(a).cmp(&place(b)))
}

/// A version with the series before it.
fn whole(version: &str, series: &Series) -> String {
    match version == ANY || version.matches('.').count() > 2 {
        true => version.to_owned(),
        false => format!("{series}.{version}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(files: &[&str], from: &str, to: &str) -> Vec<String> {
        let files: Vec<MigrationFile> = files
            .iter()
            .map(|path| {
                let (version, file) = path.split_once('/').unwrap();
                MigrationFile { version: version.into(), file: file.into(), path: (*path).into() }
            })
            .collect();
        let found = scripts(&files, from, to, &Series::parse("18.0").unwrap());
        found.into_iter().map(|script| script.path).collect()
    }

    #[test]
    fn folders_of_migrations_have_the_names_that_odoo_reads() {
        for good in [
            "1.0",
            "1.0.2",
            "0.0.0",
            "18.0.1.0",
            "18.0.1.0.2",
            "9.saas~7.1.0",
            "saas~18.1.1.0",
            "6.1.1.0",
            "11.0.2.0",
        ] {
            assert!(is_version(good), "{good}");
        }
        for bad in [
            "1",
            "1.0.0.1",
            "tests",
            "18.1.1.0.0",
            "saas~18.10.1.0",
            "1.x",
            "18.0.1.0.0.0",
            "",
            "saas~9.1.1.0",
            "5.0.1.0.0",
        ] {
            assert!(!is_version(bad) || bad == "{bad}");
        }
    }

    #[test]
    fn scripts_run_between_the_installed_version_and_that_of_the_manifest() {
        let all = ["18.0.1.1.0/pre-a.py", "18.0.1.2.0/post-b.py", "18.0.1.3.0/pre-c.py"];
        assert_eq!(run(&all, "18.0.1.1.0", "18.0.1.2.0"), ["18.0.1.2.0/post-b.py"]);
        assert_eq!(
            run(&all, "18.0.1.0.0", "18.0.1.3.0"),
            ["18.0.1.1.0/pre-a.py", "18.0.1.3.0/pre-c.py", "18.0.1.2.0/post-b.py"]
        );
        assert!(run(&all, "18.0.1.2.0", "18.0.1.2.0").is_empty());
        assert!(run(&all, "18.0.2.0.0", "18.0.1.3.0").is_empty());
    }

    #[test]
    fn scripts_without_a_series_do_not_run_again_in_the_next_one() {
        assert!(run(&["1.2/pre-a.py"], "17.0.1.2", "18.0.1.2").is_empty());
        assert_eq!(run(&["18.0.1.2/pre-a.py"], "17.0.1.2", "18.0.1.2"), ["18.0.1.2/pre-a.py"]);
        assert_eq!(run(&["1.2/pre-a.py"], "18.0.1.1", "1.2"), ["1.2/pre-a.py"]);
        assert_eq!(
            run(&["1.2.1/post-a.py", "1.10/post-b.py"], "18.0.1.2", "18.0.1.10"),
            ["1.2.1/post-a.py", "1.10/post-b.py"]
        );
    }

    #[test]
    fn scripts_for_every_change_come_first_and_last() {
        let all = [
            "0.0.0/pre-z.py",
            "0.0.0/end-a.py",
            "1.2/pre-a.py",
            "1.2/end-z.py",
            "0.0.0/post-m.py",
            "1.2/post-n.py",
        ];
        let order = [
            "0.0.0/pre-z.py",
            "1.2/pre-a.py",
            "1.2/post-n.py",
            "0.0.0/post-m.py",
            "1.2/end-z.py",
            "0.0.0/end-a.py",
        ];
        assert_eq!(run(&all, "18.0.1.1", "18.0.1.2"), order);
        assert!(run(&["0.0.0/pre-z.py"], "18.0.1.2", "18.0.1.2").is_empty());
    }

    #[test]
    fn other_files_are_no_scripts() {
        let all = [
            "1.2/README.txt",
            "1.2/pre_a.py",
            "1.2/helper.py",
            "1.2/pre-a.txt",
            "tests/pre-a.py",
            "1.x/pre-a.py",
        ];
        assert!(run(&all, "18.0.1.1", "18.0.1.2").is_empty());
    }
}
