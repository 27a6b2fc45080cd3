//! In which order rows are put back: what is referred to before what refers to it.

use std::collections::{BTreeMap, BTreeSet};

use super::links::Links;
use crate::facts::Reference;
use crate::rows::{Change, Key};

/// A table, and those of its columns that are filled in behind.
pub type Ordered = (String, Vec<String>);

/// The tables, those that others refer to first. Where they refer to each other in a circle, and where a table refers to
/// itself, columns that may be empty are filled in behind; fails with the column where none of them may.
pub fn order(tables: &BTreeSet<String>, references: &[Reference]) -> Result<Vec<Ordered>, String> {
    let inside = |reference: &&Reference| tables.contains(&reference.table) && tables.contains(&reference.to);
    let references: Vec<&Reference> = references.iter().filter(inside).collect();
    let mut late: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    // Rows of one statement may refer to each other; those of several may not.
    for reference in
        references.iter().filter(|reference| reference.table == reference.to && reference.nullable)
    {
        late.entry(&reference.table).or_default().insert(&reference.column);
    }
    let mut left: BTreeSet<&str> = tables.iter().map(String::as_str).collect();
    let mut ordered = Vec::new();
    while !left.is_empty() {
        let waits = |table: &str, late: &BTreeMap<&str, BTreeSet<&str>>| -> Vec<&Reference> {
            let open = references.iter().filter(|reference| {
                reference.table == table
                    && reference.to != table
                    && left.contains(reference.to.as_str())
                    && !late.get(table).is_some_and(|columns| columns.contains(reference.column.as_str()))
            });
            open.copied().collect()
        };
        if let Some(table) = left.iter().copied().find(|table| waits(table, &late).is_empty()) {
            left.remove(table);
            ordered.push(table);
            continue;
        }
        // The one that the fewest columns keep from going first, if they may be empty.
        let freed = left.iter().copied().filter_map(|table| {
            let open = waits(table, &late);
            open.iter().all(|reference| reference.nullable).then_some((open.len(), table, open))
        });
        let Some((_, table, open)) = freed.min_by_key(|(count, table, _)| (*count, *table)) else {
            let table = left.first().copied().unwrap_or_default();
            let column = waits(table, &late).first().map_or_else(String::new, |open| open.column.clone());
            return Err(format!("{table}.{column}"));
        };
        late.entry(table).or_default().extend(open.iter().map(|reference| reference.column.as_str()));
    }
    let columns = |table: &str| {
        late.get(table).map_or_else(Vec::new, |columns| columns.iter().map(|c| (*c).to_owned()).collect())
    };
    Ok(ordered.into_iter().map(|table| (table.to_owned(), columns(table))).collect())
}

/// The rows that the changes' taking back will refer to and that do not come back with it: by table.
pub fn referred(changes: &[Change], links: &Links) -> BTreeMap<String, BTreeSet<i64>> {
    let coming = coming(changes);
    let mut wanted: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
    for (_, _, to, id) in uses(changes, links) {
        if !coming.get(to).is_some_and(|ids| ids.contains(&id)) {
            wanted.entry(to.to_owned()).or_default().insert(id);
        }
    }
    wanted
}

/// A change that cannot be taken back: its place among the changes, and what it refers to that is gone.
pub type Dangling = (usize, String);

/// Which changes would refer to rows that are `missing`, or to rows that cannot come back for that.
pub fn dangling(
    changes: &[Change],
    links: &Links,
    mut missing: BTreeMap<String, BTreeSet<i64>>,
) -> Vec<Dangling> {
    let mut found: BTreeMap<usize, String> = BTreeMap::new();
    loop {
        let before = found.len();
        for (at, column, to, id) in uses(changes, links) {
            if found.contains_key(&at) || !missing.get(to).is_some_and(|ids| ids.contains(&id)) {
                continue;
            }
            found.insert(at, format!("{column} refers to {to} {id}, which is gone"));
            let change = &changes[at];
            if let (Key::One(id), Some(_), None) = (change.id, &change.before, &change.after) {
                missing.entry(change.model.clone()).or_default().insert(id);
            }
        }
        if found.len() == before {
            return found.into_iter().collect();
        }
    }
}

/// The rows that come back.
fn coming(changes: &[Change]) -> BTreeMap<&str, BTreeSet<i64>> {
    let mut coming: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
    for change in changes.iter().filter(|change| change.before.is_some() && change.after.is_none()) {
        if let Key::One(id) = change.id {
            coming.entry(&change.model).or_default().insert(id);
        }
    }
    coming
}

/// Which change's taking back names which row of which table, and in which column.
fn uses<'a>(changes: &'a [Change], links: &'a Links) -> impl Iterator<Item = (usize, &'a str, &'a str, i64)> {
    let mut of_table: BTreeMap<&str, Vec<&Reference>> = BTreeMap::new();
    for reference in &links.references {
        of_table.entry(&reference.table).or_default().push(reference);
    }
    changes.iter().enumerate().flat_map(move |(at, change)| {
        let own = of_table.get(change.model.as_str()).cloned().unwrap_or_default();
        let row = change.before.as_ref();
        own.into_iter().filter_map(move |reference| {
            let id = links.named(change, row?, &reference.column)?;
            Some((at, reference.column.as_str(), reference.to.as_str(), id))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{Row, Value};

    fn reference(table: &str, column: &str, to: &str, nullable: bool) -> Reference {
        Reference {
            table: table.into(),
            column: column.into(),
            to: to.into(),
            cascades: false,
            nullable,
            kept: true,
        }
    }

    fn ordered(references: &[Reference]) -> Result<String, String> {
        let tables = references.iter().flat_map(|r| [r.table.clone(), r.to.clone()]).collect();
        let told = |(table, late): &Ordered| match late.is_empty() {
            true => table.clone(),
            false => format!("{table}({})", late.join(" ")),
        };
        Ok(order(&tables, references)?.iter().map(told).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn what_is_referred_to_comes_first_and_circles_are_cut_where_nothing_has_to_stand() {
        let line = reference("line", "order_id", "order", false);
        let order = reference("order", "partner_id", "partner", false);
        assert_eq!(ordered(&[line.clone(), order.clone()]).unwrap(), "partner order line");
        let parent = reference("partner", "parent_id", "partner", true);
        let company = reference("partner", "company_id", "company", true);
        let own = reference("company", "partner_id", "partner", false);
        assert_eq!(
            ordered(&[line, order, parent, company, own.clone()]).unwrap(),
            "partner(company_id parent_id) company order line"
        );
        let back = reference("partner", "company_id", "company", false);
        assert_eq!(ordered(&[own, back]), Err("company.partner_id".to_owned()));
    }

    #[test]
    fn what_refers_to_something_gone_stays_away_with_all_that_refers_to_it() {
        let links = Links {
            references: vec![
                reference("line", "order_id", "order", false),
                reference("order", "partner_id", "partner", false),
                reference("tag_rel", "order_id", "order", false),
            ],
            keys: [("tag_rel".to_owned(), vec!["order_id".to_owned(), "tag_id".to_owned()])].into(),
        };
        let lost = |model: &str, id, column: &str, to: &str| Change {
            model: model.into(),
            id,
            before: Some(Row::from([(column.to_owned(), Value::canonical(to))])),
            after: None,
        };
        let changes = [
            lost("line", Key::One(70), "order_id", "7"),
            lost("order", Key::One(7), "partner_id", "1"),
            lost("order", Key::One(8), "partner_id", "2"),
            lost("tag_rel", Key::Two(7, 3), "x", "0"),
            lost("partner", Key::One(2), "x", "0"),
        ];
        assert_eq!(referred(&changes, &links), [("partner".to_owned(), [1].into())].into());
        let found = dangling(&changes, &links, [("partner".to_owned(), [1].into())].into());
        let places: Vec<usize> = found.iter().map(|(at, _)| *at).collect();
        assert_eq!(places, [0, 1, 3]);
        assert_eq!(found[1].1, "partner_id refers to partner 1, which is gone");
    }
}
