//! Which row of the target is the same as one of the source.

use std::collections::{BTreeMap, BTreeSet};

use super::decision::{Conflict, XmlConflict};
use super::earlier::says_so;
use super::natural::natural;
use super::request::Conflicts;
use super::xml::{Named, counterparts};
use crate::facts::Catalog;

/// A row, as far as it has to be known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    /// Its natural key.
    pub key: Option<String>,
    /// A digest of it, where it has no natural key.
    pub digest: Option<String>,
    /// When it was made.
    pub made: Option<String>,
    /// Whether it is one of those that come.
    pub comes: bool,
}

impl Row {
    /// Whether two rows of the same id are one record: by what names them, or because they were made in the same microsecond, which
    /// rows of two databases are only where one is a copy of the other.
    pub fn is_like(&self, other: &Self) -> bool {
        let same = |a: &Option<String>, b: &Option<String>| a.is_some() && a == b;
        let made =
            same(&self.made, &other.made) && self.made.as_deref().is_some_and(|made| made.contains('.'));
        same(&self.key, &other.key) || same(&self.digest, &other.digest) || made
    }
}

/// What becomes of the rows of a table that is copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fates {
    /// Rows that both have: the source's id, the target's.
    pub pairs: BTreeMap<i64, i64>,
    /// Rows that get another id.
    pub renumbered: BTreeMap<i64, i64>,
    /// Rows that stay behind, as references to them do.
    pub behind: BTreeSet<i64>,
    /// Whether rows that both have stay as they are on the target.
    pub keep: bool,
    /// Rows that both have and that stay as they are on the target, because those do that they belong to: the source's ids.
    pub kept: BTreeSet<i64>,
}

impl Fates {
    /// Ids that are others on the target.
    pub fn changes(&self) -> BTreeMap<i64, Option<i64>> {
        let paired = self.pairs.iter().chain(&self.renumbered).filter(|(old, new)| old != new);
        let behind = self.behind.iter().map(|id| (*id, None));
        paired.map(|(old, new)| (*old, Some(*new))).chain(behind).collect()
    }

    /// Whether any id is another one on the target.
    pub fn differ(&self) -> bool {
        self.pairs.iter().chain(&self.renumbered).any(|(old, new)| old != new) || !self.behind.is_empty()
    }

    /// Rows that are not written.
    pub fn stay(&self) -> BTreeSet<i64> {
        self.left().chain(&self.behind).copied().collect()
    }

    /// Rows that both have and that stay as they are on the target.
    pub fn left(&self) -> impl Iterator<Item = &i64> {
        self.pairs.keys().filter(|id| self.keep || self.kept.contains(id))
    }

    /// Whether a row is not written.
    pub fn stays(&self, id: i64) -> bool {
        let both = self.pairs.contains_key(&id);
        self.behind.contains(&id) || both && (self.keep || self.kept.contains(&id))
    }

    /// Leaves rows as they are on the target, or behind where it has none like them.
    pub fn leave(&mut self, rows: &BTreeSet<i64>) {
        for id in rows {
            if self.pairs.contains_key(id) {
                self.kept.insert(*id);
            } else {
                self.renumbered.remove(id);
                self.behind.insert(*id);
            }
        }
    }

    /// The id of a row on the target.
    pub fn on_target(&self, id: i64) -> Option<i64> {
        if self.behind.contains(&id) {
            return None;
        }
        Some(self.pairs.get(&id).or_else(|| self.renumbered.get(&id)).copied().unwrap_or(id))
    }
}

/// A table that is copied, as both sides have it.
pub(super) struct Table<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its columns and those of all others.
    pub catalog: &'a Catalog,
    /// Rows of the source: all of whose ids the target has, too, and all with xml ids.
    pub from: &'a BTreeMap<i64, Row>,
    /// Rows of the target.
    pub to: &'a BTreeMap<i64, Row>,
    /// Rows that are the same because those are that they belong to.
    pub kin: &'a BTreeMap<i64, i64>,
    /// The highest id on either side.
    pub highest: i64,
    /// Whether rows of one id that have no name are the same when they look the same.
    pub by_looks: bool,
    /// Whether a row of the target stays as it is, whichever row of the source is the same.
    pub stays: &'a dyn Fn(i64) -> bool,
}

/// What came of pairing.
#[derive(Debug, Default)]
pub(super) struct Paired {
    /// Whether rows were taken for the same because they look so.
    pub looks_alike: bool,
    /// What becomes of the rows.
    pub fates: Fates,
    /// Ids that are another row's on the target.
    pub conflicts: Vec<Conflict>,
    /// Xml ids that do not go together.
    pub xml_conflicts: Vec<XmlConflict>,
}

impl Table<'_> {
    /// Finds the rows that are the same on both sides. `choice`: what becomes of those whose id is another row's.
    pub fn pair(&self, xml: (&Named<'_>, &Named<'_>), choice: Conflicts) -> Paired {
        let mut made = Paired::default();
        let mut taken: BTreeMap<i64, i64> = BTreeMap::new();
        let coming = || self.from.iter().filter(|(_, row)| row.comes);
        for (id, row) in coming() {
            let found = counterparts(xml.0, xml.1, self.name, *id);
            // What odpm has named is that row as long as it was made at the same moment: either may be another one by now.
            let named_by_odpm = xml.0.of_row(self.name, *id).iter().all(|xml_id| says_so(xml_id));
            let mut found = found.into_iter().filter(|other| {
                let theirs = self.to.get(other);
                theirs.is_some_and(|theirs| !named_by_odpm || row.made.is_some() && row.made == theirs.made)
            });
            let Some(other) = found.next() else { continue };
            if let Some(second) = found.next() {
                let why = format!("its xml ids name two rows of the target, {other} and {second}");
                made.xml_conflicts.push(XmlConflict { name: format!("{} {id}", self.name), why });
            }
            match taken.get(&other) {
                Some(first) => {
                    let why =
                        format!("rows {first} and {id} of the source are both row {other} of the target");
                    made.xml_conflicts.push(XmlConflict { name: format!("{} {id}", self.name), why });
                }
                None => {
                    taken.insert(other, *id);
                    made.fates.pairs.insert(*id, other);
                }
            }
        }
        if natural(self.name, self.catalog).is_some_and(|natural| natural.strong) {
            let theirs = by_key(self.to.iter());
            for (key, ids) in by_key(coming()) {
                let (&[id], Some(&[other])) = (ids.as_slice(), theirs.get(key).map(Vec::as_slice)) else {
                    continue;
                };
                if !made.fates.pairs.contains_key(&id) && !taken.contains_key(&other) {
                    taken.insert(other, id);
                    made.fates.pairs.insert(id, other);
                }
            }
        }
        for (id, other) in self.kin {
            let both = self.from.get(id).is_some_and(|row| row.comes) && self.to.contains_key(other);
            if both && !made.fates.pairs.contains_key(id) && !taken.contains_key(other) {
                taken.insert(*other, *id);
                made.fates.pairs.insert(*id, *other);
            }
        }
        let mut next = self.highest;
        for (id, row) in coming() {
            let Some(theirs) = self.to.get(id).filter(|_| !made.fates.pairs.contains_key(id)) else {
                continue;
            };
            let looks = row.digest.is_some() && row.digest == theirs.digest && row.made != theirs.made;
            if !taken.contains_key(id) && row.is_like(theirs) && (self.by_looks || !looks) {
                made.looks_alike |= looks;
                made.fates.pairs.insert(*id, *id);
                continue;
            }
            // A row that is the same as another one of the source cannot be this one, too. One that stays as it is would not become this
            // one, and whatever refers to this one would lead to a stranger.
            let choice = match choice {
                Conflicts::Take if taken.contains_key(id) || (self.stays)(*id) => Conflicts::Renumber,
                choice => choice,
            };
            let (from, to) = (row.key.clone(), theirs.key.clone());
            made.conflicts.push(Conflict { table: self.name.to_owned(), id: *id, from, to, choice });
            match choice {
                Conflicts::Take => {
                    made.fates.pairs.insert(*id, *id);
                }
                Conflicts::Keep => {
                    made.fates.behind.insert(*id);
                }
                Conflicts::Renumber | Conflicts::Stop => {
                    next = next.saturating_add(1);
                    made.fates.renumbered.insert(*id, next);
                }
            }
        }
        made
    }
}

/// Rows by their natural keys.
pub(super) fn by_key<'a>(rows: impl Iterator<Item = (&'a i64, &'a Row)>) -> BTreeMap<&'a str, Vec<i64>> {
    let mut found: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for (id, row) in rows {
        if let Some(key) = &row.key {
            found.entry(key).or_default().push(*id);
        }
    }
    found
}
