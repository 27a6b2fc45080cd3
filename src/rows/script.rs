//! Changes as statements of SQL, for people: what was written, and what takes it back.

use super::change::{Change, Row, Value};
use super::section::Section;
use crate::base::quote::{ident, literal};

/// A script that makes the changes, in one transaction: rows that come in the order of these tables, rows that go the other way
/// round. Rows of tables that refer to each other in a circle need their references taken out by hand first.
pub fn script(changes: &[Change], tables: &[&Section]) -> String {
    let of = |section: &Section, kind: fn(&Change) -> bool| {
        let own = changes.iter().filter(move |change| change.model == section.model && kind(change));
        own.map(|change| statement(change, section)).collect::<String>()
    };
    let comes = |change: &Change| change.before.is_none();
    let stays = |change: &Change| change.before.is_some() && change.after.is_some();
    let goes = |change: &Change| change.after.is_none();
    let mut out =
        "-- It asks nobody whether the rows were written since: odpm undo does.\nBEGIN;\n".to_owned();
    tables.iter().for_each(|section| out.push_str(&of(section, comes)));
    tables.iter().for_each(|section| out.push_str(&of(section, stays)));
    tables.iter().rev().for_each(|section| out.push_str(&of(section, goes)));
    out.push_str("COMMIT;\n");
    out
}

fn statement(change: &Change, section: &Section) -> String {
    let table = ident(&section.table);
    let keys = section.keys.iter().zip(change.id.parts());
    let is_it = || {
        let parts: Vec<String> = keys.clone().map(|(key, id)| format!("{} = {id}", ident(key))).collect();
        parts.join(" AND ")
    };
    match (&change.before, &change.after) {
        (None, Some(after)) => {
            let names = keys.clone().map(|(key, _)| ident(key)).chain(after.keys().map(|name| ident(name)));
            let values = keys.clone().map(|(_, id)| id.to_string()).chain(after.values().map(told));
            let (names, values): (Vec<String>, Vec<String>) = (names.collect(), values.collect());
            let (names, values) = (names.join(", "), values.join(", "));
            format!("INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE VALUES ({values});\n")
        }
        (Some(_), None) => format!("DELETE FROM ONLY {table} WHERE {};\n", is_it()),
        (Some(_), Some(after)) => format!("UPDATE ONLY {table} SET {} WHERE {};\n", sets(after), is_it()),
        (None, None) => String::new(),
    }
}

fn sets(row: &Row) -> String {
    let sets: Vec<String> =
        row.iter().map(|(name, value)| format!("{} = {}", ident(name), told(value))).collect();
    sets.join(", ")
}

fn told(value: &Value) -> String {
    value.sql_text().map_or_else(|| "NULL".to_owned(), |text| literal(&text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Key;

    #[test]
    fn what_comes_is_there_before_what_refers_to_it() {
        let section = |table: &str, keys: &[&str]| Section {
            model: table.into(),
            table: table.into(),
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            fields: Vec::new(),
            joins: Vec::new(),
        };
        let row = |value: &str| Some(Row::from([("name".to_owned(), Value::canonical(value))]));
        let change = |model: &str, id, before, after| Change { model: model.into(), id, before, after };
        let changes = [
            change("line", Key::One(7), None, row("\"O'Neill\"")),
            change("tag_rel", Key::Two(1, 2), row("1"), None),
            change("order", Key::One(1), None, row("null")),
            change("order", Key::One(2), row("1"), row("{\"en\": 1}")),
        ];
        let (order, line, rel) =
            (section("order", &["id"]), section("line", &["id"]), section("tag_rel", &["o", "t"]));
        assert_eq!(
            script(&changes, &[&order, &line, &rel]),
            "-- It asks nobody whether the rows were written since: odpm undo does.\nBEGIN;\n\
             INSERT INTO \"order\" (\"id\", \"name\") OVERRIDING SYSTEM VALUE VALUES (1, NULL);\n\
             INSERT INTO \"line\" (\"id\", \"name\") OVERRIDING SYSTEM VALUE VALUES (7, 'O''Neill');\n\
             UPDATE ONLY \"order\" SET \"name\" = '{\"en\": 1}' WHERE \"id\" = 2;\n\
             DELETE FROM ONLY \"tag_rel\" WHERE \"o\" = 1 AND \"t\" = 2;\n\
             COMMIT;\n"
        );
    }
}
