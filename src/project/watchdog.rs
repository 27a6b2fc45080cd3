//! `watchdog`: what is watched before and after a change, and what may change.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::file::Word;
use super::rules::Rules;

/// What is watched, and what may change.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WatchdogFile {
    /// Whether the models and fields that matter to most shops are watched too; true unless given.
    pub defaults: Option<bool>,
    /// How long `watchdog run` waits before its second snapshot: 90s, 35m, 2h. Not at all unless given.
    pub settle: Option<Word>,
    /// How many snapshots `watchdog prune` keeps; 20 unless given.
    pub keep: Option<u32>,
    /// Models and their fields.
    pub models: Option<BTreeMap<String, BTreeMap<String, Option<FieldFile>>>>,
    /// Values without a column, by model and name: queries that return an id and a value.
    pub derive: Option<BTreeMap<String, BTreeMap<String, String>>>,
    /// What may change.
    pub expect: Option<Vec<ExpectFile>>,
}

/// A field that is watched.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldFile {
    /// Whether it changes all the time: counted, and never a reason to stop.
    pub noise: Option<bool>,
}

/// A change that is meant.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectFile {
    /// The model.
    pub model: String,
    /// The fields; every one unless given.
    pub fields: Option<Vec<String>>,
    /// What happens to a row; `altered` unless given.
    pub changes: Option<Vec<ChangeKind>>,
    /// Values that the row has, by field.
    pub filter: Option<BTreeMap<String, Word>>,
    /// At most so many rows.
    pub rows: Option<u32>,
    /// At most so many percent of the model's rows.
    pub percent: Option<f64>,
    /// No number moves by more than so many percent.
    pub shift: Option<f64>,
}

/// What happens to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It is there afterwards only.
    Added,
    /// It was there before only.
    Removed,
    /// Its fields are not the same.
    Altered,
}

/// What is watched, and what may change.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Watchdog {
    /// Whether the default models and fields are watched too.
    pub defaults: bool,
    /// How many seconds `watchdog run` waits before its second snapshot.
    #[serde(skip)]
    pub settle: u64,
    /// How many snapshots are kept.
    #[serde(skip)]
    pub keep: usize,
    /// Fields by model, with whether they are noise.
    pub models: BTreeMap<String, BTreeMap<String, bool>>,
    /// Queries for values without a column, by model and name.
    pub derive: BTreeMap<String, BTreeMap<String, String>>,
    /// What may change.
    #[serde(skip)]
    pub expect: Vec<Expect>,
}

/// A change that is meant; every limit holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Expect {
    /// The model.
    pub model: String,
    /// The fields; every one when empty.
    pub fields: Vec<String>,
    /// What happens to a row.
    pub changes: Vec<ChangeKind>,
    /// Values that the row has, by field, as they are written.
    pub filter: BTreeMap<String, String>,
    /// At most so many rows.
    pub rows: Option<u64>,
    /// At most so many percent of the model's rows.
    pub percent: Option<f64>,
    /// No number moves by more than so many percent.
    pub shift: Option<f64>,
}

/// Its limits are numbers that somebody wrote.
impl Eq for Expect {}

/// The part of the project; what is wrong goes into `rules`.
pub fn build(file: Option<WatchdogFile>, rules: &mut Rules<'_>) -> Watchdog {
    let file = file.unwrap_or_default();
    let settle = file.settle.map_or(Some(0), |word| seconds(&word.0));
    if settle.is_none() {
        rules.no_duration(&["watchdog", "settle"]);
    }
    let fields = |fields: BTreeMap<String, Option<FieldFile>>| {
        let noise = |file: Option<FieldFile>| file.and_then(|file| file.noise).unwrap_or(false);
        fields.into_iter().map(|(name, file)| (name, noise(file))).collect()
    };
    let models = file.models.unwrap_or_default();
    Watchdog {
        defaults: file.defaults.unwrap_or(true),
        settle: settle.unwrap_or(0),
        keep: file.keep.map_or(20, |keep| keep as usize),
        models: models.into_iter().map(|(name, given)| (model(&name), fields(given))).collect(),
        derive: file
            .derive
            .unwrap_or_default()
            .into_iter()
            .map(|(name, queries)| (model(&name), queries))
            .collect(),
        expect: file.expect.unwrap_or_default().into_iter().map(expect).collect(),
    }
}

fn expect(file: ExpectFile) -> Expect {
    Expect {
        model: model(&file.model),
        fields: file.fields.unwrap_or_default(),
        changes: file.changes.unwrap_or_else(|| vec![ChangeKind::Altered]),
        filter: super::build::words(file.filter),
        rows: file.rows.map(u64::from),
        percent: file.percent,
        shift: file.shift,
    }
}

/// A model by the name of its table is meant too.
fn model(name: &str) -> String {
    if name.contains('.') { name.to_owned() } else { name.replace('_', ".") }
}

/// `90`, `90s`, `35m`, `2h` or `7d` in seconds.
pub fn seconds(text: &str) -> Option<u64> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let count: u64 = text.strip_suffix(unit)?.parse().ok()?;
    let factor = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    count.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        let table = [
            ("35m", Some(2100)),
            ("90", Some(90)),
            ("2h", Some(7200)),
            ("m", None),
            ("7d", Some(604_800)),
            ("1w", None),
            ("", None),
        ];
        for (text, wanted) in table {
            assert_eq!(seconds(text), wanted, "{text}");
        }
    }
}
