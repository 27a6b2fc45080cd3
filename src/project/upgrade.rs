//! `upgrade`: what has to be so before modules are upgraded, and what of the log does not matter.

use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;

use super::file::Word;
use super::rules::Rules;
use super::watchdog::seconds;

/// Upgrades of modules.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpgradeFile {
    /// The copy to go back to: `copy` beside the database, `backup` in the fast form. Whichever there is room for unless given.
    pub checkpoint: Option<CheckpointKind>,
    /// How old the newest verified backup may be: 12h, 2d. A day unless given.
    pub backup_age: Option<Word>,
    /// How old the last restore drill may be: 7d. A week unless given.
    pub drill_age: Option<Word>,
    /// How long the services are watched after they are let go: 90s, 15m. A minute unless given.
    pub watch: Option<Word>,
    /// Whether what the watchdog watches is compared before and after: false unless given.
    pub watchdog: Option<bool>,
    /// Errors of the log that do not matter.
    pub allow: Option<Vec<AllowFile>>,
}

/// An error of the log that does not matter.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AllowFile {
    /// A regular expression that is found in what is told of an error: its cause, or its logger and message, as
    /// `odpm upgrade diagnose` tells it.
    pub pattern: String,
    /// Why it does not matter.
    pub because: String,
}

/// The copy to go back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum CheckpointKind {
    /// The database itself, left alone while a copy of it is upgraded.
    Copy,
    /// A backup in the fast form; the database itself is upgraded.
    Backup,
}

/// `upgrade`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// The copy to go back to; `None` for whichever there is room for.
    pub checkpoint: Option<CheckpointKind>,
    /// How many seconds old the newest verified backup may be.
    pub backup_age: u64,
    /// How many seconds old the last restore drill may be.
    pub drill_age: u64,
    /// How many seconds the services are watched after they are let go.
    pub watch: u64,
    /// Whether what the watchdog watches is compared before and after.
    pub watchdog: bool,
    /// Errors of the log that do not matter.
    pub allow: Vec<Allowed>,
}

/// An error of the log that does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// A regular expression that is found in what is told of an error: its cause, or its logger and message, as
    /// `odpm upgrade diagnose` tells it.
    pub pattern: String,
    /// Why it does not matter.
    pub because: String,
}

/// The part of the project; what is wrong goes into `rules`.
pub fn build(file: Option<UpgradeFile>, rules: &mut Rules<'_>) -> Upgrade {
    let file = file.unwrap_or_default();
    let mut length = |name: &str, word: Option<Word>, usual: u64| match word.map(|word| seconds(&word.0)) {
        Some(None) => {
            rules.no_duration(&["upgrade", name]);
            usual
        }
        given => given.flatten().unwrap_or(usual),
    };
    let backup_age = length("backup_age", file.backup_age, 86_400);
    let drill_age = length("drill_age", file.drill_age, 7 * 86_400);
    let watch = length("watch", file.watch, 60);
    let allow = file.allow.unwrap_or_default();
    for wrong in allow.iter().filter_map(|allowed| Regex::new(&allowed.pattern).err()) {
        rules.no_pattern(&["upgrade", "allow"], &wrong.to_string());
    }
    Upgrade {
        checkpoint: file.checkpoint,
        backup_age,
        drill_age,
        watch,
        watchdog: file.watchdog.unwrap_or(false),
        allow: allow.into_iter().map(|AllowFile { pattern, because }| Allowed { pattern, because }).collect(),
    }
}
