//! Who wrote the rows that differ.

use std::collections::BTreeMap;

use crate::rows::{Change, Row, Value};

/// Rows by the minute in which they were written.
pub type Minutes = BTreeMap<String, u64>;

/// Who wrote the rows that differ, as they are met.
#[derive(Clone, Debug, Default)]
pub struct Writers {
    /// By table and user; nobody is known where the row does not tell of the write.
    pub by_table: BTreeMap<String, BTreeMap<Option<i64>, Minutes>>,
}

impl Writers {
    /// One change. A row that is gone tells nothing; one whose `write_date` is as it was then was written by SQL, or computed.
    pub fn see(&mut self, change: &Change) {
        let Some(after) = &change.after else { return };
        let date = |row: &Row| row.get("write_date").and_then(Value::sql_text);
        if !after.contains_key("write_date") {
            return;
        }
        let told = change.before.as_ref().is_none_or(|before| date(before) != date(after));
        let uid = after.get("write_uid").and_then(Value::sql_text).and_then(|uid| uid.parse().ok());
        let (uid, minute) = match told {
            true => {
                (uid, date(after).unwrap_or_default().chars().take(16).collect::<String>().replace('T', " "))
            }
            false => (None, String::new()),
        };
        let minutes = self.by_table.entry(change.model.clone()).or_default().entry(uid).or_default();
        *minutes.entry(minute).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Key;

    #[test]
    fn a_row_tells_its_writer_where_it_tells_of_the_write() {
        let row = |date: &str, uid: &str| -> Option<Row> {
            Some(
                [
                    ("write_date".to_owned(), Value::canonical(date)),
                    ("write_uid".to_owned(), Value::canonical(uid)),
                ]
                .into(),
            )
        };
        let change = |before, after| Change { model: "t".into(), id: Key::One(1), before, after };
        let mut writers = Writers::default();
        writers.see(&change(row("\"2026-11-21T10:00:00Z\"", "2"), row("\"2026-11-21T11:05:09Z\"", "3")));
        writers.see(&change(None, row("\"2026-11-21T11:05:10Z\"", "3")));
        writers.see(&change(row("\"2026-11-21T10:00:00Z\"", "2"), row("\"2026-11-21T10:00:00Z\"", "2")));
        writers.see(&change(row("\"2026-11-21T10:00:00Z\"", "2"), None));
        let told = &writers.by_table["t"];
        assert_eq!(told[&Some(3)], Minutes::from([("2026-11-21 11:05".to_owned(), 2)]));
        assert_eq!(told[&None], Minutes::from([(String::new(), 1)]));
        assert_eq!(told.len(), 2);
    }
}
