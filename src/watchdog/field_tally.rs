//! What the changes of one field have in common, counted in little memory as they come.

use std::collections::{BTreeMap, HashMap};

use super::findings::{FieldFindings, Pair, Sample, Shift};
use crate::rows::{Key, Value};

/// How many different pairs and values are counted.
const COUNTED: usize = 2048;

/// How many samples and pairs are told.
const TOLD: usize = 5;

/// How many bars the histogram has at most.
const BARS: usize = 24;

/// How many rows changed in one way, and what the rules say of them.
#[derive(Default)]
pub struct Verdicts {
    /// How many rows.
    pub rows: u64,
    /// How many of them each rule allows.
    pub by_rule: BTreeMap<usize, u64>,
    /// How many of them no rule allows.
    pub unruled: u64,
}

/// The changes of one field.
#[derive(Default)]
pub struct FieldTally {
    /// In how many rows, and what the rules say of them.
    pub verdicts: Verdicts,
    factors: BTreeMap<i64, u64>,
    least: f64,
    greatest: f64,
    pairs: HashMap<(Value, Value), u64>,
    afters: HashMap<Value, u64>,
    samples: Vec<Sample>,
}

/// How far from the median a factor may be, in ten-thousandths: cents are rounded.
const NEAR: i64 = 50;

/// Factors are counted as whole ten-thousandths.
const GRAIN: f64 = 10_000.0;

impl FieldTally {
    /// One more row.
    pub fn add(&mut self, id: Key, before: &Value, after: &Value) {
        if let Some(factor) = factor(before, after) {
            (self.least, self.greatest) = match self.factors.is_empty() {
                true => (factor, factor),
                false => (self.least.min(factor), self.greatest.max(factor)),
            };
            let grain = (factor * GRAIN).round() as i64;
            if self.factors.len() < 16 * COUNTED || self.factors.contains_key(&grain) {
                *self.factors.entry(grain).or_default() += 1;
            }
        }
        let pair = (before.clone(), after.clone());
        if self.pairs.len() < COUNTED || self.pairs.contains_key(&pair) {
            *self.pairs.entry(pair).or_default() += 1;
        }
        if self.afters.len() < COUNTED || self.afters.contains_key(after) {
            *self.afters.entry(after.clone()).or_default() += 1;
        }
        if self.samples.len() < TOLD {
            self.samples.push(Sample { id, before: before.clone(), after: after.clone() });
        }
    }

    /// The value that most rows got, and how many did.
    pub fn commonest_after(&self) -> Option<(&Value, u64)> {
        let greatest = self.afters.iter().max_by(|a, b| a.1.cmp(b.1).then_with(|| b.0.cmp(a.0)));
        greatest.map(|(value, rows)| (value, *rows))
    }

    /// The findings, but for what others have to decide.
    pub fn findings(&self, field: &str, noise: bool, of: u64, unexpected: u64) -> FieldFindings {
        let mut pairs: Vec<_> = self.pairs.iter().filter(|(_, rows)| **rows > 1).collect();
        pairs.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        let pair = |((before, after), rows): (&(Value, Value), &u64)| Pair {
            before: before.clone(),
            after: after.clone(),
            rows: *rows,
        };
        FieldFindings {
            field: field.to_owned(),
            rows: self.verdicts.rows,
            unexpected,
            noise,
            share: (of > 0).then(|| self.verdicts.rows as f64 / of as f64),
            shift: self.shift(),
            pairs: pairs.into_iter().take(TOLD).map(pair).collect(),
            samples: self.samples.clone(),
            hint: None,
        }
    }

    fn shift(&self) -> Option<Shift> {
        let rows: u64 = self.factors.values().sum();
        let (commonest, most) = self.factors.iter().max_by(|a, b| a.1.cmp(b.1).then_with(|| b.0.cmp(a.0)))?;
        let mut seen = 0;
        let middle = self.factors.iter().find(|(_, count)| {
            seen += **count;
            seen * 2 >= rows
        });
        let middle = *middle?.0;
        let near = self.factors.range(middle - NEAR..=middle + NEAR).map(|(_, count)| count).sum();
        Some(Shift {
            rows,
            median: middle as f64 / GRAIN,
            near,
            least: self.least,
            greatest: self.greatest,
            commonest: (*commonest as f64 / GRAIN, *most),
            histogram: self.histogram(),
        })
    }

    fn histogram(&self) -> Vec<(f64, f64, u64)> {
        let (Some(first), Some(last)) = (self.factors.keys().next(), self.factors.keys().next_back()) else {
            return Vec::new();
        };
        let width = ((last.abs_diff(*first) as usize / BARS) + 1) as i64;
        let mut bars: BTreeMap<i64, u64> = BTreeMap::new();
        for (grain, count) in &self.factors {
            *bars.entry((grain - first) / width).or_default() += count;
        }
        let edge = |at: i64| (first + at * width) as f64 / GRAIN;
        bars.into_iter().map(|(at, count)| (edge(at), edge(at + 1), count)).collect()
    }
}

/// By which factor a number moved.
pub fn factor(before: &Value, after: &Value) -> Option<f64> {
    let (before, after) = (before.number()?, after.number()?);
    let factor = after / before;
    (before != 0.0 && factor.is_finite() && factor.abs() < 1e12).then_some(factor)
}
