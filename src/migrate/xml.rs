//! Xml ids of both sides: which row of the target is the same as one of the source.

use std::collections::BTreeMap;

use crate::facts::{SideSeen, XmlIdCopy};

/// The xml ids of a database, by what they name.
#[derive(Debug, Default)]
pub(super) struct Named<'a> {
    /// By table and row. Rows of tables that inherit are rows of the other one, too.
    pub rows: BTreeMap<String, BTreeMap<i64, Vec<&'a XmlIdCopy>>>,
    /// By module and name.
    names: BTreeMap<(&'a str, &'a str), &'a XmlIdCopy>,
    /// The tables of models.
    tables: BTreeMap<&'a str, Option<String>>,
}

impl<'a> Named<'a> {
    pub fn new(side: &'a SideSeen) -> Self {
        let mut named = Self::default();
        let mut parents: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
        for (parent, seen) in &side.structure {
            for child in &seen.children {
                parents.entry(child).or_default().push(parent);
            }
        }
        for xml_id in &side.xml_ids {
            named.names.insert((&xml_id.module, &xml_id.name), xml_id);
            let known = named.tables.entry(&xml_id.model);
            let table = known.or_insert_with(|| side.wiring.table_of(&xml_id.model).map(|(table, _)| table));
            let Some(table) = table.clone() else { continue };
            let parents = parents.get(table.as_str()).into_iter().flatten();
            for table in parents.copied().cloned().chain([table.clone()]) {
                named.rows.entry(table).or_default().entry(xml_id.res_id).or_default().push(xml_id);
            }
        }
        named
    }

    /// The table of a model that an xml id names.
    pub fn table(&self, model: &str) -> Option<&str> {
        self.tables.get(model)?.as_deref()
    }

    /// What has this xml id.
    pub fn get(&self, module: &str, name: &str) -> Option<&'a XmlIdCopy> {
        self.names.get(&(module, name)).copied()
    }

    /// The xml ids of a row.
    pub fn of_row(&self, table: &str, id: i64) -> &[&'a XmlIdCopy] {
        self.rows.get(table).and_then(|rows| rows.get(&id)).map_or(&[], Vec::as_slice)
    }

    /// The rows of a table with xml ids.
    pub fn of(&self, table: &str) -> impl Iterator<Item = (i64, &[&'a XmlIdCopy])> {
        self.rows.get(table).into_iter().flatten().map(|(id, named)| (*id, named.as_slice()))
    }
}

/// The rows of the target that have the xml ids of a row of the source, the first one first.
pub(super) fn counterparts(from: &Named<'_>, to: &Named<'_>, table: &str, id: i64) -> Vec<i64> {
    let mut found = Vec::new();
    for xml_id in from.of_row(table, id) {
        let Some(other) = to.get(&xml_id.module, &xml_id.name).filter(|other| other.model == xml_id.model)
        else {
            continue;
        };
        if !found.contains(&other.res_id) {
            found.push(other.res_id);
        }
    }
    found
}
