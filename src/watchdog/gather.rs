//! Which of the changes a rollback writes back, one by one.

use std::collections::{BTreeMap, BTreeSet};

use crate::rows::{Change, DIGEST, Origin, Row, Section, Value};

/// Sorts changes into what can be written back and what cannot.
#[derive(Debug, Default)]
pub struct Gather {
    only: Vec<String>,
    writable: BTreeMap<String, BTreeSet<String>>,
    noise: BTreeSet<String>,
    /// How many rows are written back, by model and field.
    pub counts: BTreeMap<String, u64>,
    /// How many rows have a field that differs and is not written, by model and field.
    pub unwritable: BTreeMap<String, u64>,
    /// How many rows came, by model.
    pub came: BTreeMap<String, u64>,
    /// How many rows went, by model.
    pub gone: BTreeMap<String, u64>,
}

impl Gather {
    /// For the database that has these sections; of it only what is named, `model` or `model.field`, or all but noise.
    /// `orm`: Odoo writes, which can reach values that are no columns.
    pub fn new(sections: &[Section], only: &[String], orm: bool) -> Self {
        let mut writable: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for section in sections {
            let fields = section
                .fields
                .iter()
                .filter(|field| field.origin.is_writable() || orm && field.origin == Origin::Property);
            writable.insert(section.model.clone(), fields.map(|field| field.name.clone()).collect());
        }
        let noise = sections.iter().flat_map(|section| {
            let noise = section.fields.iter().filter(|field| field.noise);
            noise.map(|field| format!("{}.{}", section.model, field.name))
        });
        Self { only: only.to_vec(), writable, noise: noise.collect(), ..Self::default() }
    }

    /// The part of a change that is written back.
    pub fn see(&mut self, change: Change) -> Option<Change> {
        let wanted = |name: &str| self.only.is_empty() || self.only.iter().any(|only| only == name);
        let model = change.model.clone();
        let (Some(before), Some(after)) = (&change.before, &change.after) else {
            if wanted(&model) {
                let counts = if change.before.is_none() { &mut self.came } else { &mut self.gone };
                *counts.entry(model).or_default() += 1;
            }
            return None;
        };
        let (mut old, mut new) = (Row::new(), Row::new());
        for (field, seen, now) in change.altered() {
            let name = format!("{model}.{field}");
            if self.noise.contains(&name) && !self.only.contains(&name) || !wanted(&model) && !wanted(&name) {
                continue;
            }
            let digest = |value: &Value| value.as_json().trim_start_matches('"').starts_with(DIGEST);
            let can = self.writable.get(&model).is_some_and(|fields| fields.contains(field));
            if !can || digest(seen) || digest(now) {
                *self.unwritable.entry(name).or_default() += 1;
                continue;
            }
            *self.counts.entry(name).or_default() += 1;
            old.extend(before.get_key_value(field).map(|(name, value)| (name.clone(), value.clone())));
            new.extend(after.get_key_value(field).map(|(name, value)| (name.clone(), value.clone())));
        }
        (!old.is_empty()).then_some(Change { before: Some(old), after: Some(new), ..change })
    }

    /// The names of `only` that nothing that is watched has.
    pub fn unknown(&self, sections: &[Section]) -> Vec<String> {
        let known = |name: &&String| {
            sections.iter().any(|section| {
                let field =
                    |field: &crate::rows::Field| **name == format!("{}.{}", section.model, field.name);
                **name == section.model || section.fields.iter().any(field)
            })
        };
        self.only.iter().filter(|name| !known(name)).cloned().collect()
    }
}
