//! Every reference of every table, however it is written: one list for what has to come along and for what is rewritten.

use std::collections::{BTreeMap, BTreeSet};

use super::integrity::questions;
use super::loose::{Loose, Written};
use super::question::Sort;
use crate::facts::{SideSeen, Wiring};

/// How a column refers to rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// An id.
    Id,
    /// Ids by company, in JSON.
    Values,
    /// The companies that values are of, which are the keys of JSON.
    Keys,
    /// A row of any model.
    Any(Box<Loose>),
}

/// A reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ref {
    /// The column.
    pub column: String,
    /// The table that it leads to; `None` where each row says which.
    pub to: Option<String>,
    /// How.
    pub way: Way,
    /// Whether PostgreSQL keeps it.
    pub kept: bool,
    /// Whether it has to lead somewhere.
    pub required: bool,
}

/// The table of a many2many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Between {
    /// Its columns with the tables that they lead to.
    pub sides: [(String, String); 2],
}

/// What the tables of a database refer to.
#[derive(Clone, Debug, Default)]
pub(super) struct Refs {
    /// By table.
    pub of: BTreeMap<String, Vec<Ref>>,
    /// The tables of many2many fields, by name.
    pub between: BTreeMap<String, Between>,
}

/// Columns that say who wrote a row.
pub(super) const AUDIT: [&str; 2] = ["create_uid", "write_uid"];

pub(super) fn refs(side: &SideSeen) -> Refs {
    let wiring = &side.wiring;
    let mut found = Refs { between: between(wiring), ..Refs::default() };
    let mut seen = BTreeSet::new();
    let kept: BTreeSet<[&str; 3]> = wiring
        .references
        .iter()
        .filter(|reference| reference.kept)
        .map(|kept| [kept.table.as_str(), kept.column.as_str(), kept.to.as_str()])
        .collect();
    let constrained: BTreeSet<[&str; 2]> = wiring
        .references
        .iter()
        .map(|reference| [reference.table.as_str(), reference.column.as_str()])
        .collect();
    let mut add = |table: &str, column: &str, to: &str, way: Way| {
        if !seen.insert((table.to_owned(), column.to_owned(), format!("{to} {}", way == Way::Keys))) {
            return;
        }
        let required = side.structure.get(table).is_some_and(|seen| seen.required.contains(column));
        let kept = way == Way::Id && kept.contains(&[table, column, to]);
        let (column, to) = (column.to_owned(), Some(to.to_owned()));
        found.of.entry(table.to_owned()).or_default().push(Ref { column, to, way, kept, required });
    };
    for reference in &wiring.references {
        add(&reference.table, &reference.column, &reference.to, Way::Id);
    }
    let all = questions(wiring, None, true);
    for question in &all.asked {
        let way = match question.subject.sort {
            Sort::Many2one | Sort::Many2many => Way::Id,
            Sort::Many2oneByCompany => Way::Values,
            Sort::Company => Way::Keys,
            _ => continue,
        };
        let [table, to] = question.tables.as_slice() else { continue };
        let Some(column) = question.subject.at.strip_prefix(&format!("{table}.")) else { continue };
        // A field may name a parent of the table that PostgreSQL's reference leads to, and the other way round.
        if way != Way::Id || !constrained.contains(&[table.as_str(), column]) {
            add(table, column, to, way);
        }
    }
    for loose in all.loose {
        let Some((table, column)) = loose.subject.at.split_once('.') else { continue };
        // In JSON it is written that there is none.
        let required = !matches!(loose.written, Written::Json(_))
            && side.structure.get(table).is_some_and(|seen| seen.required.contains(column));
        let (table, column) = (table.to_owned(), column.to_owned());
        let way = Way::Any(Box::new(loose));
        found.of.entry(table).or_default().push(Ref { column, to: None, way, kept: false, required });
    }
    found
}

/// The tables between two models. One that is a model's own is a table as any other.
fn between(wiring: &Wiring) -> BTreeMap<String, Between> {
    let mut found = BTreeMap::new();
    for (model, fields) in &wiring.catalog.fields {
        let Some((own, _)) = wiring.table_of(model) else { continue };
        for field in fields.values() {
            let Some(between) = &field.between else { continue };
            let Some((other, _)) = field.relation.as_deref().and_then(|model| wiring.table_of(model)) else {
                continue;
            };
            let Some(seen) = wiring.catalog.tables.get(&between.table) else { continue };
            let has = |column: &String| seen.columns.contains_key(column);
            if seen.columns.contains_key("id") || !has(&between.own) || !has(&between.other) {
                continue;
            }
            let sides = [(between.own.clone(), own.clone()), (between.other.clone(), other)];
            found.entry(between.table.clone()).or_insert(Between { sides });
        }
    }
    found
}
