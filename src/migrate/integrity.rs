//! From what a database says of itself to the questions whether its references lead somewhere.

use std::collections::BTreeSet;

use super::loose;
use super::question::{Note, Question, Questions, Sort, Subject, dangling, dangling_values, gone_companies};
use super::upkeep;
use crate::facts::{FieldSeen, TableSeen, Wiring};

/// What is to be asked of a database; each question answers with at most so many rows. `all`: what PostgreSQL keeps is asked too.
pub fn questions(wiring: &Wiring, limit: Option<u64>, all: bool) -> Questions {
    let kept = wiring.references.iter().filter(|reference| reference.kept);
    let kept = kept.map(|kept| [kept.table.as_str(), kept.column.as_str(), kept.to.as_str()]).collect();
    let mut making = Making { wiring, limit, all, kept, made: Questions::default(), seen: BTreeSet::new() };
    for (model, fields) in &wiring.catalog.fields {
        making.model(model, fields.iter());
    }
    making.made.asked.extend(upkeep::questions(wiring, limit, &mut making.made.notes));
    let mut made = making.made;
    made.loose = loose::loose(wiring, &mut made.notes);
    made.notes.sort();
    made.notes.dedup();
    made
}

struct Making<'a> {
    wiring: &'a Wiring,
    limit: Option<u64>,
    all: bool,
    /// What PostgreSQL keeps: table, column, the table that is referred to.
    kept: BTreeSet<[&'a str; 3]>,
    made: Questions,
    /// Tables, columns and what they refer to: two fields may be one of them.
    seen: BTreeSet<[String; 3]>,
}

/// A field, and where it is.
struct Place<'a> {
    model: &'a str,
    name: &'a str,
    field: &'a FieldSeen,
    table: &'a str,
    seen: &'a TableSeen,
}

impl Making<'_> {
    fn model<'a>(&mut self, model: &'a str, fields: impl Iterator<Item = (&'a String, &'a FieldSeen)>) {
        let Some((table, seen)) = self.wiring.table_of(model) else {
            if fields.into_iter().any(|(_, field)| field.stored && field.ttype == "many2one") {
                self.note(model, None, self.wiring.tableless(model));
            }
            return;
        };
        if !seen.columns.contains_key("id") {
            return self.note(model, None, "its table has no column id");
        }
        for (name, field) in fields {
            let place = Place { model, name, field, table: &table, seen };
            match field.ttype.as_str() {
                "many2one" if field.stored || field.company_dependent => self.many2one(&place),
                "many2many" => self.many2many(&place),
                _ => {}
            }
            let jsonb = seen.columns.get(name).is_some_and(|kind| kind == "jsonb");
            if field.company_dependent && jsonb && self.wiring.catalog.has("res_company", "id") {
                let sql = gone_companies(&table, name, self.limit);
                self.ask(&place, Sort::Company, &table, name, ("res.company", "res_company"), sql);
            }
        }
    }

    fn many2one(&mut self, place: &Place<'_>) {
        let Place { name, field, table, seen, .. } = place;
        let Some(kind) = seen.columns.get(*name) else {
            // Before Odoo 18 what each company has of its own are properties.
            if !field.company_dependent {
                self.note(place.model, Some(name), "its table has no such column");
            }
            return;
        };
        let Some((to, other)) = self.target(place, field.relation.as_deref()) else { return };
        match kind.as_str() {
            "integer" | "bigint" => {
                let sql = dangling(table, name, &["id"], &other, self.limit);
                self.ask(place, Sort::Many2one, table, name, (&to, &other), sql);
            }
            "jsonb" => {
                let sql = dangling_values(table, name, &other, self.limit);
                self.ask(place, Sort::Many2oneByCompany, table, name, (&to, &other), sql);
            }
            kind => self.note(place.model, Some(name), &format!("its column is of the type {kind}")),
        }
    }

    fn many2many(&mut self, place: &Place<'_>) {
        let Some(between) = &place.field.between else {
            if place.field.stored {
                self.note(place.model, Some(place.name), "its table is not recorded");
            }
            return;
        };
        let columns = self.wiring.catalog.tables.get(&between.table).map(|seen| &seen.columns);
        let integer = |column: &String| {
            columns
                .and_then(|columns| columns.get(column))
                .is_some_and(|kind| kind == "integer" || kind == "bigint")
        };
        if !integer(&between.own) || !integer(&between.other) {
            let why = match columns {
                None if !place.field.stored => return,
                None => format!("its table {} is not there", between.table),
                Some(_) => {
                    format!("{} has no columns {} and {} of ids", between.table, between.own, between.other)
                }
            };
            return self.note(place.model, Some(place.name), &why);
        }
        let key = [between.own.as_str(), between.other.as_str()];
        for (column, relation) in
            [(&between.own, Some(place.model)), (&between.other, place.field.relation.as_deref())]
        {
            let Some((to, other)) = self.target(place, relation) else { continue };
            let sql = dangling(&between.table, column, &key, &other, self.limit);
            self.ask(place, Sort::Many2many, &between.table, column, (&to, &other), sql);
        }
    }

    /// The model that is referred to, with its table.
    fn target(&mut self, place: &Place<'_>, relation: Option<&str>) -> Option<(String, String)> {
        let Some(relation) = relation else {
            self.note(place.model, Some(place.name), "what it refers to is not recorded");
            return None;
        };
        match self.wiring.table_of(relation) {
            Some((table, seen)) if seen.columns.contains_key("id") => Some((relation.to_owned(), table)),
            Some(_) => {
                self.note(
                    place.model,
                    Some(place.name),
                    &format!("the table of {relation} has no column id"),
                );
                None
            }
            None => {
                let why = format!("it refers to {relation}: {}", self.wiring.tableless(relation));
                self.note(place.model, Some(place.name), &why);
                None
            }
        }
    }

    fn ask(
        &mut self,
        place: &Place<'_>,
        sort: Sort,
        table: &str,
        column: &str,
        to: (&str, &str),
        sql: String,
    ) {
        // A column of values by company is asked twice: for what they are, and for whose.
        if !self.seen.insert([table.to_owned(), column.to_owned(), format!("{sort:?} {}", to.1)]) {
            return;
        }
        let subject = Subject {
            sort,
            model: place.model.to_owned(),
            field: place.name.to_owned(),
            at: format!("{table}.{column}"),
            to: Some(to.0.to_owned()),
        };
        if !self.all && self.kept.contains(&[table, column, to.1]) {
            return self.made.kept.push(subject);
        }
        let rows = self.wiring.catalog.tables.get(table).and_then(|seen| seen.rows).unwrap_or_default();
        self.made.asked.push(Question {
            subject,
            tables: vec![table.to_owned(), to.1.to_owned()],
            rows,
            sql,
        });
    }

    fn note(&mut self, model: &str, field: Option<&str>, why: &str) {
        self.made.notes.push(Note {
            model: model.to_owned(),
            field: field.map(str::to_owned),
            why: why.to_owned(),
        });
    }
}
