//! What a lost row took with it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::links::Links;
use crate::rows::{Change, Key};

/// How many lost rows of a table are remembered.
const REMEMBERED: usize = 100_000;

/// Lost rows, as they are met.
#[derive(Clone, Debug, Default)]
pub struct Lost {
    /// By table and key: the values of the columns that refer to others.
    rows: BTreeMap<String, BTreeMap<i64, Vec<(String, i64)>>>,
}

/// Rows that are lost, and refer to lost rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Consequence {
    /// Their table.
    pub table: String,
    /// The column by which they refer.
    pub column: String,
    /// The table that they refer to.
    pub of: String,
    /// How many.
    pub rows: u64,
    /// Whether PostgreSQL takes them along by itself.
    pub cascaded: bool,
}

impl Lost {
    /// Whether more rows of a table are lost than are remembered: the counts are the least that can be said.
    pub fn is_cut(&self) -> bool {
        self.rows.values().any(|rows| rows.len() >= REMEMBERED)
    }

    /// One change; only a row that is gone counts.
    pub fn see(&mut self, change: &Change, links: &Links) {
        let (Some(before), None) = (&change.before, &change.after) else { return };
        let rows = self.rows.entry(change.model.clone()).or_default();
        if rows.len() >= REMEMBERED {
            return;
        }
        let columns = links.references.iter().filter(|reference| reference.table == change.model);
        let named = |column: &str| Some((column.to_owned(), links.named(change, before, column)?));
        let values = columns.filter_map(|reference| named(&reference.column)).collect();
        let key = match change.id {
            Key::One(id) => id,
            // Nobody refers to a row of a relation: any number will do.
            Key::Two(..) => rows.len() as i64,
        };
        rows.insert(key, values);
    }
}

/// Which lost rows refer to lost rows, most first.
pub fn consequences(lost: &Lost, links: &Links) -> Vec<Consequence> {
    let mut found = Vec::new();
    for reference in &links.references {
        let (Some(children), Some(parents)) = (lost.rows.get(&reference.table), lost.rows.get(&reference.to))
        else {
            continue;
        };
        let refers = |values: &&Vec<(String, i64)>| {
            values.iter().any(|(column, id)| *column == reference.column && parents.contains_key(id))
        };
        let rows = children.values().filter(refers).count() as u64;
        if rows > 0 {
            found.push(Consequence {
                table: reference.table.clone(),
                column: reference.column.clone(),
                of: reference.to.clone(),
                rows,
                cascaded: reference.cascades,
            });
        }
    }
    found.sort_by(|a, b| b.cascaded.cmp(&a.cascaded).then(b.rows.cmp(&a.rows)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Reference;
    use crate::rows::{Row, Value};

    #[test]
    fn children_are_counted_where_their_parent_is_lost_too() {
        let reference = |table: &str, column: &str, to: &str, cascades| Reference {
            table: table.into(),
            column: column.into(),
            to: to.into(),
            cascades,
            nullable: true,
            kept: true,
        };
        let references = vec![
            reference("order", "partner_id", "partner", false),
            reference("line", "order_id", "order", true),
            reference("line", "product_id", "product", false),
            reference("tag_rel", "order_id", "order", true),
        ];
        let row = |fields: &[(&str, &str)]| -> Row {
            fields.iter().map(|(name, value)| ((*name).to_owned(), Value::canonical(*value))).collect()
        };
        let gone = |table: &str, id, before| Change {
            model: table.into(),
            id: Key::One(id),
            before: Some(before),
            after: None,
        };
        let keys = [("tag_rel".to_owned(), vec!["order_id".to_owned(), "tag_id".to_owned()])].into();
        let links = Links { references, keys };
        let mut lost = Lost::default();
        for change in [
            gone("partner", 1, row(&[])),
            gone("order", 7, row(&[("partner_id", "1")])),
            gone("order", 8, row(&[("partner_id", "2")])),
            gone("line", 70, row(&[("order_id", "7"), ("product_id", "5")])),
            gone("line", 71, row(&[("order_id", "8"), ("product_id", "null")])),
        ] {
            lost.see(&change, &links);
        }
        let tag = |order, tag| Change {
            model: "tag_rel".into(),
            id: Key::Two(order, tag),
            before: Some(row(&[])),
            after: None,
        };
        [tag(7, 1), tag(7, 2), tag(9, 1)].iter().for_each(|change| lost.see(change, &links));
        let told: Vec<(String, u64, bool)> =
            consequences(&lost, &links).into_iter().map(|c| (c.table, c.rows, c.cascaded)).collect();
        let wanted = [("line", 2, true), ("tag_rel", 2, true), ("order", 1, false)];
        assert_eq!(told, wanted.map(|(table, rows, cascaded)| (table.to_owned(), rows, cascaded)));
    }
}
