//! What a comparison has found, as values: counted, grouped, judged.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::base::size::{count, thousands};
use crate::error::Error;
use crate::rows::{Key, Value};

/// What differs between two sides.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Findings {
    /// What was compared, first and second.
    pub sides: [SideTold; 2],
    /// What else there is to be said of the two.
    pub notes: Vec<String>,
    /// Rows with an unexpected change.
    pub unexpected: u64,
    /// Rows all of whose changes are expected, noise aside.
    pub expected: u64,
    /// Rows where nothing but noise changed.
    pub noise: u64,
    /// What stands out by itself.
    pub patterns: Vec<Pattern>,
    /// The models with changes, in their order.
    pub models: Vec<ModelFindings>,
    /// The rules, and whether they were kept.
    pub rules: Vec<RuleOutcome>,
}

/// One side of a comparison, for people.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SideTold {
    /// A snapshot's file, or `live`.
    pub name: String,
    /// The database.
    pub database: String,
    /// When, in UTC.
    pub at: String,
}

/// What stands out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pattern {
    /// Its kind.
    pub kind: PatternKind,
    /// The model.
    pub model: String,
    /// The field.
    pub field: Option<String>,
    /// How many rows.
    pub rows: u64,
    /// A sentence.
    pub what: String,
}

/// The kinds of what stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PatternKind {
    /// Numbers that moved by one factor.
    OneFactor,
    /// A large part of all rows has one field changed.
    LargeShare,
    /// Many rows got the same value.
    OneValue,
    /// A model or field that nothing that is expected speaks of.
    NotMeant,
}

/// A model with changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ModelFindings {
    /// The model.
    pub model: String,
    /// How many rows the first side has; 0 where that is not known.
    pub rows: u64,
    /// Rows that are on the second side only.
    pub added: Tally,
    /// Rows that are on the first side only.
    pub removed: Tally,
    /// Rows with altered fields.
    pub altered: Tally,
    /// The first of those that were added or removed.
    pub came: Vec<Key>,
    /// The first of those that were removed.
    pub gone: Vec<Key>,
    /// The fields that were altered, the most first.
    pub fields: Vec<FieldFindings>,
    /// Who wrote the rows that changed, and when, as far as the database still knows.
    pub writers: Vec<Writer>,
}

/// How many, and how many of them nobody expected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// All of them.
    pub rows: u64,
    /// Those that nothing expects.
    pub unexpected: u64,
}

/// A field that was altered.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FieldFindings {
    /// Its name; with the company or the language behind an `@`, where it has a value for each.
    pub field: String,
    /// In how many rows.
    pub rows: u64,
    /// In how many of them nothing expects it.
    pub unexpected: u64,
    /// Whether it is noise.
    pub noise: bool,
    /// Which part of all rows, from 0 to 1; `None` where their number is not known.
    pub share: Option<f64>,
    /// How its numbers moved.
    pub shift: Option<Shift>,
    /// The commonest values before and after.
    pub pairs: Vec<Pair>,
    /// Some of the rows.
    pub samples: Vec<Sample>,
    /// What marks it as noise, in `odpm.yaml`, where it is a moment that many rows share: that is often a schedule's doing.
    pub hint: Option<String>,
}

/// How numbers moved, as factors: 0.88 is 12 percent less.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shift {
    /// How many rows have a factor: a number other than 0 before, and a number after.
    pub rows: u64,
    /// The one in the middle.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The greatest.
    pub greatest: f64,
    /// The commonest, and how many rows have it.
    pub commonest: (f64, u64),
    /// How many rows are within half a percent of the median.
    pub near: u64,
    /// How many rows have which factor: from, up to, count.
    pub histogram: Vec<(f64, f64, u64)>,
}

/// A value before and after, and in how many rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// Before.
    pub before: Value,
    /// After.
    pub after: Value,
    /// In how many rows.
    pub rows: u64,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sample {
    /// Its key.
    pub id: Key,
    /// The value before.
    pub before: Value,
    /// The value after.
    pub after: Value,
}

/// Who wrote rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Writer {
    /// The user's login; empty: the rows tell of no write since the first side.
    pub login: String,
    /// The user's id.
    pub uid: Option<i64>,
    /// How many of the rows that changed.
    pub rows: u64,
    /// How many in which minute, in UTC.
    pub minutes: BTreeMap<String, u64>,
}

/// A rule, and whether it was kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleOutcome {
    /// What it allows, for people.
    pub rule: String,
    /// How many rows it speaks of.
    pub rows: u64,
    /// Why it was not kept.
    pub broken: Option<String>,
}

impl Pattern {
    /// What it is about: `product.template.list_price`.
    pub fn place(&self) -> String {
        self.field.as_ref().map_or_else(|| self.model.clone(), |field| format!("{}.{field}", self.model))
    }
}

impl ModelFindings {
    /// What of it nobody expected, in phrases.
    fn unexpected(&self) -> Vec<String> {
        let rows = |word: &str, tally: Tally| {
            let rows = count(tally.unexpected, "row");
            (tally.unexpected > 0).then(|| format!("{}: {rows} {word}", self.model))
        };
        let fields = self.fields.iter().filter(|field| field.unexpected > 0);
        let fields = fields.map(|field| {
            format!("{}.{}: {} altered", self.model, field.field, count(field.unexpected, "row"))
        });
        let whole = [rows("added", self.added), rows("removed", self.removed)];
        whole.into_iter().flatten().chain(fields).collect()
    }
}

/// How much of what is unexpected is told in an error.
const STAND_OUT: usize = 3;

impl Findings {
    /// Whether anything is unexpected.
    pub fn gates(&self) -> bool {
        self.unexpected > 0
    }

    /// In a line.
    pub fn in_brief(&self) -> String {
        format!(
            "{} unexpected, {} expected, {} noise",
            count(self.unexpected, "row"),
            thousands(self.expected),
            thousands(self.noise)
        )
    }

    /// That something changed that nobody expected, with what stands out; where nothing does, with what it is.
    pub fn refusal(&self) -> Error {
        let error = Error::refused(format!("{} changed that nobody expected", count(self.unexpected, "row")));
        if self.patterns.is_empty() {
            let places = self.models.iter().flat_map(ModelFindings::unexpected);
            return places.take(STAND_OUT).fold(error, Error::because);
        }
        let patterns = self.patterns.iter().take(STAND_OUT);
        patterns.fold(error, |error, pattern| error.because(format!("{}: {}", pattern.place(), pattern.what)))
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.models.is_empty()
    }
}
