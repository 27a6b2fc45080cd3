//! Which rows a row names.

use std::collections::BTreeMap;

use crate::facts::Reference;
use crate::rows::{Change, Key, Row, Value};

/// How tables refer to each other.
#[derive(Clone, Debug, Default)]
pub struct Links {
    /// The references.
    pub references: Vec<Reference>,
    /// The columns of the keys, by table: those of a relation refer to others.
    pub keys: BTreeMap<String, Vec<String>>,
}

impl Links {
    /// The number in a column of a changed row, which is one of the two that are given with the change.
    pub fn named(&self, change: &Change, row: &Row, column: &str) -> Option<i64> {
        let keys = self.keys.get(&change.model).map_or(&[][..], Vec::as_slice);
        match (keys.iter().position(|key| key == column), change.id) {
            (Some(0), Key::One(id) | Key::Two(id, _)) | (Some(1), Key::Two(_, id)) => Some(id),
            _ => row.get(column).and_then(Value::sql_text)?.parse().ok(),
        }
    }
}
