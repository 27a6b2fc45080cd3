//! What of a change can be put back in a row as it is now.

use serde::{Deserialize, Serialize};

use super::change::{Cell, Change, Row, Value, Write, patch};
use super::line::Key;

/// A field that somebody has written since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The model.
    #[serde(rename = "_model")]
    pub model: String,
    /// The row.
    pub id: Key,
    /// The field; with the company or the language behind an `@`, where it has a value for each.
    pub field: String,
    /// What it was when the change was seen.
    pub seen: Value,
    /// What it is now; `None`: the row is gone.
    pub now: Option<Value>,
    /// What it was before the change.
    pub before: Value,
}

/// What is to be done to one row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// The fields that are written, with what they are now and what they become.
    pub cells: Vec<Cell>,
    /// How many fields are as they were before already.
    pub already: u64,
    /// Whether the row, which is gone, comes back.
    pub insert: bool,
    /// Whether the row, which came, goes.
    pub delete: bool,
    /// The fields that somebody has written since.
    pub conflicts: Vec<Conflict>,
}

/// Columns by which Odoo keeps books: a later write of them alone is no reason to leave a row.
pub const BOOKS: [&str; 2] = ["write_date", "write_uid"];

/// The field of a conflict that is about the row as such.
pub const ROW: &str = "*";

/// What of a change can be taken back where the row is `now`. `has_parts`: whether a field has a value for each company
/// or language; of such a one only the values that changed are put back.
pub fn decide(change: &Change, now: Option<&Row>, has_parts: &dyn Fn(&str) -> bool) -> Decision {
    let mut decision = Decision::default();
    let (model, id, cells) = match patch(change) {
        None => return decision,
        Some(Write::Update(model, id, cells)) => (model, id, cells),
        Some(Write::Insert(_, _, before)) => return whole(change, now, Some(&before)),
        Some(Write::Delete(..)) => return whole(change, now, None),
    };
    for cell in cells {
        let conflict = |field: String, cell: &Cell, now: Option<&Value>| Conflict {
            model: model.clone(),
            id,
            field,
            seen: cell.seen.clone(),
            now: now.cloned(),
            before: cell.value.clone(),
        };
        let Some(current) = now.and_then(|row| row.get(&cell.field)) else {
            decision.conflicts.push(conflict(cell.field.clone(), &cell, None));
            continue;
        };
        let parts =
            has_parts(&cell.field).then(|| (cell.seen.members(), cell.value.members(), current.members()));
        let Some((Some(seen), Some(before), Some(current_parts))) = parts else {
            match current {
                value if *value == cell.value => decision.already += 1,
                value if *value == cell.seen => decision.cells.push(cell),
                value => decision.conflicts.push(conflict(cell.field.clone(), &cell, Some(value))),
            }
            continue;
        };
        let mut mended = current_parts.clone();
        for name in seen.keys().chain(before.keys().filter(|name| !seen.contains_key(*name))) {
            let (was, saw, is) = (before.get(name), seen.get(name), current_parts.get(name));
            match is {
                _ if was == saw => {}
                is if is == was => decision.already += 1,
                is if is == saw => match was {
                    Some(was) => drop(mended.insert(name.clone(), was.clone())),
                    None => drop(mended.remove(name)),
                },
                is => {
                    let part = Cell {
                        field: cell.field.clone(),
                        seen: saw.cloned().unwrap_or_else(Value::null),
                        value: was.cloned().unwrap_or_else(Value::null),
                    };
                    decision.conflicts.push(conflict(format!("{}@{name}", cell.field), &part, is));
                }
            }
        }
        if mended != current_parts {
            // An empty object and nothing mean the same; what was before decides which of them it is.
            let value = if mended == before { cell.value.clone() } else { Value::object(&mended) };
            decision.cells.push(Cell { field: cell.field.clone(), seen: current.clone(), value });
        }
    }
    decision
}

/// A row that went, or came, as a whole.
fn whole(change: &Change, now: Option<&Row>, before: Option<&Row>) -> Decision {
    let same = |wanted: &Row, now: &Row| wanted.iter().all(|(name, value)| now.get(name) == Some(value));
    let agree = |wanted: Option<&Row>| match (wanted, now) {
        (None, None) => true,
        (Some(wanted), Some(now)) => same(wanted, now),
        _ => false,
    };
    if agree(before) {
        return Decision { already: 1, ..Decision::default() };
    }
    if agree(change.after.as_ref()) {
        return Decision { insert: before.is_some(), delete: before.is_none(), ..Decision::default() };
    }
    let value = |row: Option<&Row>| row.map_or_else(Value::null, Value::object);
    let conflict = Conflict {
        model: change.model.clone(),
        id: change.id,
        field: ROW.to_owned(),
        seen: value(change.after.as_ref()),
        now: now.map(Value::object),
        before: value(before),
    };
    Decision { conflicts: vec![conflict], ..Decision::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(price: &str) -> Row {
        Row::from([("price".to_owned(), Value::canonical(price))])
    }

    fn change(before: &str, after: &str) -> Change {
        Change { model: "m".into(), id: Key::One(1), before: Some(row(before)), after: Some(row(after)) }
    }

    #[test]
    fn only_what_is_still_as_it_was_seen_is_written() {
        let change = change("10", "8");
        let decided = |now: Option<&str>| decide(&change, now.map(row).as_ref(), &|_| false);
        assert_eq!(decided(Some("8")).cells[0].value.as_json(), "10");
        assert_eq!(decided(Some("10")), Decision { already: 1, ..Decision::default() });
        let conflicts = decided(Some("9")).conflicts;
        assert_eq!(conflicts[0].now.as_ref().map(Value::as_json), Some("9"));
        assert_eq!(decided(None).conflicts[0].now, None);
    }

    #[test]
    fn rows_come_and_go_as_a_whole_where_nobody_touched_them() {
        let lost = Change { after: None, ..change("10", "10") };
        let rogue = Change { before: None, ..change("10", "10") };
        let decided = |change: &Change, now: Option<&str>| decide(change, now.map(row).as_ref(), &|_| false);
        assert!(decided(&lost, None).insert && decided(&rogue, Some("10")).delete);
        assert_eq!(decided(&lost, Some("10")).already, 1);
        assert_eq!(decided(&rogue, None).already, 1);
        // The id was given to another row since; the rogue row was worked on.
        assert_eq!(decided(&lost, Some("11")).conflicts[0].field, ROW);
        assert_eq!(decided(&rogue, Some("11")).conflicts[0].field, ROW);
    }

    #[test]
    fn each_company_has_a_value_of_its_own() {
        let change = change(r#"{"1": 10, "2": 20}"#, r#"{"1": 8, "2": 20, "3": 5}"#);
        let decided = |now: &str| decide(&change, Some(&row(now)), &|_| true);
        // Company 2's value was written since; it was no part of the change and stays. What came with the change goes.
        assert_eq!(decided(r#"{"1": 8, "2": 21, "3": 5}"#).cells[0].value.as_json(), r#"{"1": 10, "2": 21}"#);
        let mixed = decided(r#"{"1": 9, "2": 20, "3": 5}"#);
        assert_eq!(mixed.conflicts[0].field, "price@1");
        assert_eq!(mixed.cells[0].value.as_json(), r#"{"1": 9, "2": 20}"#);
    }
}
