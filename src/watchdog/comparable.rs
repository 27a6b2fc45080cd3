//! What of two snapshots can be compared, and what has to be said about the rest.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::Digest;
use crate::facts::{SectionTaken, SnapshotDatabase};
use crate::rows::{Change, Row};

/// One side of a comparison.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Which database it is of.
    pub database: &'a SnapshotDatabase,
    /// What was read.
    pub sections: &'a [SectionTaken],
    /// What was wanted; `None` where that is the other side's.
    pub spec: Option<&'a Digest>,
}

/// What can be compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparable {
    /// The fields that both sides have, by model.
    pub fields: BTreeMap<String, BTreeSet<String>>,
    /// What else there is to be said.
    pub notes: Vec<String>,
    /// Tables and fields that one side has and the other has not.
    pub apart: Vec<Apart>,
}

/// Something that one side has and the other has not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Apart {
    /// The model, or the model and its field: `sale.order.state`.
    pub what: String,
    /// Whether the first side has it.
    pub first: bool,
}

impl Apart {
    /// A sentence about two snapshots.
    pub fn told(&self) -> String {
        let side = if self.first { "first" } else { "second" };
        format!("{} is in the {side} only, and not compared.", self.what)
    }
}

/// How many modules are named.
const NAMED: usize = 8;

impl Comparable {
    /// What two sides have in common.
    pub fn of(left: &View<'_>, right: &View<'_>) -> Self {
        let mut notes: Vec<String> = identity(left.database, right.database).into_iter().collect();
        notes.extend(modules(&left.database.modules, &right.database.modules));
        if left.spec.zip(right.spec).is_some_and(|(one, two)| one != two) {
            notes
                .push("The two snapshots were taken of other fields; what both have is compared.".to_owned());
        }
        let there = |view: &View<'_>| -> BTreeMap<String, SectionTaken> {
            view.sections.iter().map(|section| (section.model.clone(), section.clone())).collect()
        };
        let (before, after) = (there(left), there(right));
        let (mut fields, mut apart) = (BTreeMap::new(), Vec::new());
        for model in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
            match (before.get(model), after.get(model)) {
                (Some(before), Some(after)) => {
                    let both = common(before, after, &mut notes, &mut apart);
                    fields.insert(model.clone(), both);
                }
                (before, _) => apart.push(Apart { what: model.clone(), first: before.is_some() }),
            }
        }
        Self { fields, notes, apart }
    }

    /// Everything that is to be said about two snapshots.
    pub fn sentences(&self) -> Vec<String> {
        self.notes.iter().cloned().chain(self.apart.iter().map(Apart::told)).collect()
    }

    /// The change as far as it is of what can be compared; `None` where nothing of it is.
    pub fn narrow(&self, mut change: Change) -> Option<Change> {
        let fields = self.fields.get(&change.model)?;
        let keep = |row: &mut Option<Row>| {
            if let Some(row) = row {
                row.retain(|name, _| fields.contains(name));
            }
        };
        keep(&mut change.before);
        keep(&mut change.after);
        (change.before != change.after).then_some(change)
    }
}

fn identity(before: &SnapshotDatabase, after: &SnapshotDatabase) -> Option<String> {
    let same = "the same id can be another row";
    if before.system_identifier != after.system_identifier {
        Some(format!("The second is of another cluster than the first: {same}."))
    } else if before.name != after.name && before.oid != after.oid {
        Some(format!("The first is of {}, the second of {}: {same}.", before.name, after.name))
    } else if before.oid != after.oid {
        Some(format!("{} was restored or made anew in between: {same}.", after.name))
    } else {
        None
    }
}

fn modules(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Option<String> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changed: Vec<String> = names
        .into_iter()
        .filter_map(|name| match (before.get(name), after.get(name)) {
            (Some(one), Some(two)) if one == two => None,
            (Some(one), Some(two)) => Some(format!("{name} {one} -> {two}")),
            (Some(_), None) => Some(format!("{name} is gone")),
            (None, _) => Some(format!("{name} is new")),
        })
        .collect();
    let more = changed.len().saturating_sub(NAMED);
    let named = changed.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match more {
        _ if changed.is_empty() => None,
        0 => Some(format!("Modules changed: {named}.")),
        more => Some(format!("Modules changed: {named} and {more} more.")),
    }
}

/// The fields that both have and that mean the same; what is to be said of the others goes where it belongs.
fn common(
    before: &SectionTaken,
    after: &SectionTaken,
    notes: &mut Vec<String>,
    apart: &mut Vec<Apart>,
) -> BTreeSet<String> {
    let mut both = BTreeSet::new();
    let named = |field: &str| format!("{}.{field}", before.model);
    for field in &before.fields {
        match after.fields.iter().find(|other| other.name == field.name) {
            Some(other) if other.kind == field.kind => drop(both.insert(field.name.clone())),
            Some(_) => {
                notes.push(format!("{} has another type now, and is not compared.", named(&field.name)))
            }
            None => apart.push(Apart { what: named(&field.name), first: true }),
        }
    }
    let fresh =
        after.fields.iter().filter(|field| before.fields.iter().all(|other| other.name != field.name));
    apart.extend(fresh.map(|field| Apart { what: named(&field.name), first: false }));
    both
}
