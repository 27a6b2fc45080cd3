//! Which rows of all tables are the same on both sides, one table after the other: rows after those that they belong to.

use std::collections::{BTreeMap, BTreeSet};

use super::analytic;
use super::attached;
use super::company;
use super::inquiry::Inquiry;
use super::kin;
use super::natural;
use super::numbering;
use super::pairing::{Fates, Paired, Table};
use super::refs::{AUDIT, Way};
use super::request::{Conflicts, End, Shared};
use super::selection::{ATTACHED, shared};
use super::xml::counterparts;

impl Inquiry<'_> {
    /// Pairs the rows of all tables that are copied, and decides whose numbering stays.
    pub(super) fn pair(&mut self) {
        let tables = kin::ordered(self.chosen.copied.keys());
        let mut made: BTreeMap<String, Paired> = BTreeMap::new();
        for table in &tables {
            // Keys say whose they are on the source, as long as nobody follows them.
            let staying = attached::staying(self, table);
            self.follow_keys(table);
            self.pair_one(table, true, &mut made);
            self.leave(table, &staying, &mut made);
        }
        // Rows that look alike, ids that they refer to and all, are not where these ids are other rows' on the target.
        let mut doubted = BTreeSet::new();
        while let Some(table) = tables.iter().find(|table| {
            !doubted.contains(*table)
                && made.get(*table).is_some_and(|made| made.looks_alike)
                && self.refers_elsewhere(table)
        }) {
            doubted.insert(table);
            self.pair_one(table, false, &mut made);
        }
        for paired in made.into_values() {
            self.conflicts.extend(paired.conflicts);
            self.xml_conflicts.extend(paired.xml_conflicts);
        }
        numbering::decide(self);
        // What stands in the way of plans is told with their names.
        self.rows.retain(|(_, table), _| table == analytic::PLANS);
    }

    fn pair_one(&mut self, table: &str, by_looks: bool, made: &mut BTreeMap<String, Paired>) {
        let none = BTreeMap::new();
        let [from, to] =
            [End::From, End::To].map(|end| self.rows.get(&(end, table.to_owned())).unwrap_or(&none));
        let kin = self.kin.same(table, &self.fates, &company::same(self));
        let highest = self.count(End::From, table).highest.max(self.count(End::To, table).highest);
        // Nobody knows these by their ids.
        let choice = match ATTACHED.contains(&table) || table == numbering::RANGES {
            true => Conflicts::Renumber,
            false => self.wanted.conflicts,
        };
        let catalog = &self.common;
        let keep = shared(table, self.wanted) == Shared::Keep;
        let partners = kin::staying(self, table);
        let stays = |id: i64| keep || numbering::may_stay(self, table) || partners.contains(&id);
        let both = Table { name: table, catalog, from, to, kin: &kin, highest, by_looks, stays: &stays };
        let mut paired = both.pair((&self.xml.0, &self.xml.1), choice);
        paired.fates.keep = keep;
        let kept = paired.fates.pairs.iter().filter(|(_, other)| partners.contains(other));
        paired.fates.kept = kept.map(|(id, _)| *id).collect();
        let named = self.xml.0.of(table).map(|(id, _)| id);
        let named = named.filter(|id| from.get(id).is_some_and(|row| row.comes)).collect();
        self.with_xml_ids.insert(table.to_owned(), named);
        self.fates.insert(table.to_owned(), paired.fates.clone());
        made.insert(table.to_owned(), paired);
    }

    /// Leaves rows as they are on the target, or behind where it has none like them.
    fn leave(&mut self, table: &str, staying: &BTreeSet<i64>, made: &mut BTreeMap<String, Paired>) {
        let Some(paired) = made.get_mut(table).filter(|_| !staying.is_empty()) else { return };
        attached::leave(staying, paired);
        self.fates.insert(table.to_owned(), paired.fates.clone());
    }

    /// Whether ids that rows of a table refer to are other rows' on the target.
    fn refers_elsewhere(&self, table: &str) -> bool {
        let refs = self.refs.of.get(table).into_iter().flatten();
        let mut refs = refs.filter(|one| one.way == Way::Id && !AUDIT.contains(&one.column.as_str()));
        refs.any(|one| {
            let fates = one.to.as_deref().filter(|to| *to != table).and_then(|to| self.fates.get(to));
            fates.is_some_and(Fates::differ)
        })
    }

    /// Keys of rows that belong to others name those as the target knows them.
    fn follow_keys(&mut self, table: &str) {
        let wiring = &self.from.wiring;
        let renamed = company::renamed(self);
        let xml = (&self.xml.0, &self.xml.1);
        let fates = &self.fates;
        let on_target = |of: &str, id: i64| match fates.get(of) {
            Some(fates) => fates.on_target(id),
            None => Some(counterparts(xml.0, xml.1, of, id).first().copied().unwrap_or(id)),
        };
        for row in
            self.rows.get_mut(&(End::From, table.to_owned())).into_iter().flat_map(BTreeMap::values_mut)
        {
            let Some(key) = row.key.as_deref() else { continue };
            row.key = natural::follow(table, key, wiring, &on_target)
                .map(|key| company::follow(table, key, &renamed));
        }
    }
}
