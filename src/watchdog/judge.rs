//! Judges changes one by one, in little memory: what is expected, what is noise, what they have in common.

use std::collections::{BTreeMap, BTreeSet};

use super::field_tally::{FieldTally, Verdicts, factor};
use super::findings::{Findings, ModelFindings, RuleOutcome, SideTold, Tally};
use super::patterns::patterns;
use crate::facts::{FieldTaken, SectionTaken};
use crate::project::{ChangeKind, Expect};
use crate::rows::{Change, Key, Kind, Origin, Value};

/// How many keys of a model are remembered, for the question who wrote them.
const REMEMBERED: usize = 20_000;

/// How many rows that came or went are named.
const NAMED: usize = 10;

/// Judges changes.
pub struct Judge {
    rules: Vec<Rule>,
    models: BTreeMap<String, ModelTally>,
    /// By model and name.
    fields: BTreeMap<String, BTreeMap<String, FieldTaken>>,
    rows: BTreeMap<String, u64>,
    /// Rows by the rules that all of what is unexpected about them rests on; empty: on none.
    judged: BTreeMap<BTreeSet<usize>, u64>,
    unexpected: u64,
    noise: u64,
}

struct Rule {
    expect: Expect,
    rows: u64,
}

#[derive(Default)]
struct ModelTally {
    kinds: BTreeMap<ChangeKind, Rows>,
    fields: BTreeMap<String, FieldTally>,
    came: Vec<Key>,
    gone: Vec<Key>,
    /// Of rows with something that no rule allows.
    keys: Vec<Key>,
    /// Of rows all of which a rule allows.
    allowed: Vec<Key>,
}

/// Rows, each counted once however many rules what was done to it rests on.
#[derive(Default)]
struct Rows {
    all: u64,
    /// With something that no rule allows.
    unruled: u64,
    /// Those that rules allow whole, by these rules.
    by_rules: BTreeMap<BTreeSet<usize>, u64>,
}

/// What is to be said of one change of one field, or of a row that came or went.
enum Verdict {
    Noise,
    Allowed(usize),
    Unexpected,
}

impl Judge {
    /// A judge with these rules, over the rows of the first side and the fields of both.
    pub fn new(rules: &[Expect], first: &[SectionTaken], second: &[SectionTaken]) -> Self {
        let mut fields: BTreeMap<String, BTreeMap<String, FieldTaken>> = BTreeMap::new();
        for section in second.iter().chain(first) {
            let of_model = fields.entry(section.model.clone()).or_default();
            for field in &section.fields {
                let known = of_model.entry(field.name.clone()).or_insert_with(|| field.clone());
                known.noise |= field.noise;
            }
        }
        Self {
            rules: rules.iter().map(|expect| Rule { expect: expect.clone(), rows: 0 }).collect(),
            models: BTreeMap::new(),
            fields,
            rows: first.iter().map(|section| (section.model.clone(), section.rows)).collect(),
            judged: BTreeMap::new(),
            unexpected: 0,
            noise: 0,
        }
    }

    /// The first side has so many rows, by model.
    pub fn counted(&mut self, rows: BTreeMap<String, u64>) {
        self.rows.extend(rows);
    }

    /// The keys of the rows that are there and have something unexpected, by model, up to a limit.
    pub fn keys(&self) -> BTreeMap<String, Vec<Key>> {
        // Where a rule is not kept, what it speaks of is unexpected too.
        let broken = self.rules.iter().any(|rule| self.outcome(rule).broken.is_some());
        let keys = |tally: &ModelTally| match broken {
            true => tally.keys.iter().chain(&tally.allowed).copied().collect(),
            false => tally.keys.clone(),
        };
        self.models.iter().map(|(model, tally)| (model.clone(), keys(tally))).collect()
    }

    /// Judges one change.
    pub fn see(&mut self, change: &Change) {
        let mut tally = self.models.remove(&change.model).unwrap_or_default();
        let mut verdicts = Vec::new();
        let kind = match (&change.before, &change.after) {
            (None, _) => ChangeKind::Added,
            (_, None) => ChangeKind::Removed,
            _ => ChangeKind::Altered,
        };
        if kind == ChangeKind::Altered {
            for (name, before, after) in change.altered() {
                for (part, before, after) in self.parts(&change.model, name, before, after) {
                    let verdict = self.verdict(change, kind, Some((name, &before, &after)));
                    let field = tally.fields.entry(part).or_default();
                    field.add(change.id, &before, &after);
                    field.verdicts.note(&verdict);
                    verdicts.push(verdict);
                }
            }
        } else {
            let named = if kind == ChangeKind::Added { &mut tally.came } else { &mut tally.gone };
            if named.len() < NAMED {
                named.push(change.id);
            }
            verdicts.push(self.verdict(change, kind, None));
        }
        let rules: BTreeSet<usize> = verdicts.iter().filter_map(Verdict::rule).collect();
        for rule in &rules {
            self.rules[*rule].rows += 1;
        }
        let unexpected = verdicts.iter().any(|verdict| matches!(verdict, Verdict::Unexpected));
        let keys = if unexpected { &mut tally.keys } else { &mut tally.allowed };
        if change.after.is_some() && (unexpected || !rules.is_empty()) && keys.len() < REMEMBERED {
            keys.push(change.id);
        }
        let whole = tally.kinds.entry(kind).or_default();
        whole.all += 1;
        if unexpected {
            self.unexpected += 1;
            whole.unruled += 1;
        } else if rules.is_empty() {
            self.noise += 1;
        } else {
            *whole.by_rules.entry(rules.clone()).or_default() += 1;
            *self.judged.entry(rules).or_default() += 1;
        }
        self.models.insert(change.model.clone(), tally);
    }

    fn field(&self, model: &str, name: &str) -> Option<&FieldTaken> {
        self.fields.get(model)?.get(name)
    }

    /// A value as what is told of it: whole, or by company or language.
    fn parts(&self, model: &str, name: &str, before: &Value, after: &Value) -> Vec<(String, Value, Value)> {
        let whole = || vec![(name.to_owned(), before.clone(), after.clone())];
        let parts = |field: &FieldTaken| {
            let query = field.origin == Origin::Query && field.kind == Kind::Json;
            field.origin.has_parts() || query
        };
        if !self.field(model, name).is_some_and(parts) {
            return whole();
        }
        let (Some(old), Some(new)) = (before.members(), after.members()) else { return whole() };
        let null = || Value::canonical("null");
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let part = |part: &String| {
            let (before, after) = (old.get(part).cloned(), new.get(part).cloned());
            (format!("{name}@{part}"), before.unwrap_or_else(null), after.unwrap_or_else(null))
        };
        let parts: Vec<_> =
            names.into_iter().map(part).filter(|(_, before, after)| before != after).collect();
        if parts.is_empty() { whole() } else { parts }
    }

    fn verdict(&self, change: &Change, kind: ChangeKind, cell: Option<(&str, &Value, &Value)>) -> Verdict {
        let noise = |name: &str| self.field(&change.model, name).is_some_and(|field| field.noise);
        if cell.is_some_and(|(name, ..)| noise(name)) {
            return Verdict::Noise;
        }
        let allows = |rule: &&Rule| {
            let Expect { model, fields, changes, filter, shift, .. } = &rule.expect;
            let row = change.before.as_ref().or(change.after.as_ref());
            let fits = |(name, wanted): (&String, &String)| {
                let value = row.and_then(|row| row.get(name)).and_then(Value::sql_text);
                value.as_deref().unwrap_or("null") == wanted
            };
            let within = |(_, before, after): (&str, &Value, &Value)| match shift {
                None => true,
                Some(most) => factor(before, after).is_some_and(|f| (f - 1.0).abs() * 100.0 <= most + 1e-9),
            };
            *model == change.model
                && changes.contains(&kind)
                && cell.is_none_or(|(name, ..)| fields.is_empty() || fields.iter().any(|field| field == name))
                && filter.iter().all(fits)
                && cell.is_none_or(within)
        };
        let allowed = self.rules.iter().position(|rule| allows(&rule));
        allowed.map_or(Verdict::Unexpected, Verdict::Allowed)
    }

    /// What was found.
    pub fn findings(self, sides: [SideTold; 2], notes: Vec<String>) -> Findings {
        let outcomes: Vec<RuleOutcome> = self.rules.iter().map(|rule| self.outcome(rule)).collect();
        let broken = |rule: &usize| outcomes.get(*rule).is_some_and(|outcome| outcome.broken.is_some());
        let late = |tally: &Verdicts| {
            tally.unruled
                + tally.by_rule.iter().filter(|(rule, _)| broken(rule)).map(|(_, rows)| rows).sum::<u64>()
        };
        let late_rows = |rows: &Rows| {
            let late = rows.by_rules.iter().filter(|(rules, _)| rules.iter().any(broken));
            rows.unruled + late.map(|(_, rows)| rows).sum::<u64>()
        };
        let (mut unexpected, mut expected) = (self.unexpected, 0);
        for (rules, rows) in &self.judged {
            match rules.iter().any(broken) {
                true => unexpected += rows,
                false => expected += rows,
            }
        }
        let mut models = Vec::new();
        let mut standing = Vec::new();
        for (model, tally) in &self.models {
            let of = self.rows.get(model).copied().unwrap_or_default();
            let count = |kind| {
                tally
                    .kinds
                    .get(&kind)
                    .map_or_else(Tally::default, |t| Tally { rows: t.all, unexpected: late_rows(t) })
            };
            let mut fields = Vec::new();
            for (name, field) in &tally.fields {
                let plain = name.split('@').next().unwrap_or(name);
                let known = self.field(model, plain);
                let (kind, noise) = known.map_or((Kind::Text, false), |known| (known.kind, known.noise));
                let mut found = field.findings(name, noise, of, late(&field.verdicts));
                if kind == Kind::Timestamp && !noise && field.verdicts.rows > 1 {
                    found.hint =
                        Some(format!("watchdog: {{models: {{{model}: {{{plain}: {{noise: true}}}}}}}}"));
                }
                standing.extend(patterns(model, &found, field, &self.expects()));
                fields.push(found);
            }
            fields.sort_by(|a, b| b.unexpected.cmp(&a.unexpected).then(b.rows.cmp(&a.rows)));
            models.push(ModelFindings {
                model: model.clone(),
                rows: of,
                added: count(ChangeKind::Added),
                removed: count(ChangeKind::Removed),
                altered: count(ChangeKind::Altered),
                came: tally.came.clone(),
                gone: tally.gone.clone(),
                fields,
                writers: Vec::new(),
            });
        }
        standing.sort_by(|a, b| a.kind.cmp(&b.kind).then(b.rows.cmp(&a.rows)));
        Findings {
            sides,
            notes,
            unexpected,
            expected,
            noise: self.noise,
            patterns: standing,
            models,
            rules: outcomes,
        }
    }

    fn expects(&self) -> Vec<&Expect> {
        self.rules.iter().map(|rule| &rule.expect).collect()
    }

    fn outcome(&self, rule: &Rule) -> RuleOutcome {
        let Expect { model, fields, rows, percent, .. } = &rule.expect;
        let of = self.rows.get(model).copied().unwrap_or_default();
        let share = rule.rows as f64 * 100.0 / of.max(1) as f64;
        let broken = match (rows, percent) {
            (Some(most), _) if rule.rows > *most => {
                Some(format!("{} rows, at most {most} are expected", rule.rows))
            }
            (_, Some(most)) if of == 0 && rule.rows > 0 => {
                Some(format!("at most {most} % are expected, of a number of rows that is not known"))
            }
            (_, Some(most)) if share > *most => {
                Some(format!("{share:.1} % of the rows, at most {most} % are expected"))
            }
            _ => None,
        };
        let what = if fields.is_empty() { "any field".to_owned() } else { fields.join(", ") };
        let watched = self
            .fields
            .get(model)
            .is_some_and(|known| fields.is_empty() || fields.iter().any(|field| known.contains_key(field)));
        let unknown = if watched { "" } else { " (nothing that is watched is called so)" };
        RuleOutcome { rule: format!("{model}: {what}{unknown}"), rows: rule.rows, broken }
    }
}

impl Verdict {
    fn rule(&self) -> Option<usize> {
        match self {
            Self::Allowed(rule) => Some(*rule),
            Self::Noise | Self::Unexpected => None,
        }
    }
}

impl Verdicts {
    fn note(&mut self, verdict: &Verdict) {
        self.rows += 1;
        match verdict {
            Verdict::Noise => {}
            Verdict::Allowed(rule) => *self.by_rule.entry(*rule).or_default() += 1,
            Verdict::Unexpected => self.unruled += 1,
        }
    }
}
