//! A row that differs, and the writes that undo it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::join::Difference;
use super::line::{Key, parse};
use super::text::quoted;
use crate::error::Result;

/// A value as canonical JSON.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value(Box<str>);

impl Value {
    /// A value that is canonical JSON already.
    pub fn canonical(json: impl Into<Box<str>>) -> Self {
        Self(json.into())
    }

    /// The value as JSON.
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        &*self.0 == "null"
    }

    /// The number that it is.
    pub fn number(&self) -> Option<f64> {
        self.0.starts_with(|c: char| c == '-' || c.is_ascii_digit()).then(|| self.0.parse().ok()).flatten()
    }

    /// The members of an object: the values of a field by company or by language. Nothing has none.
    pub fn members(&self) -> Option<BTreeMap<String, Self>> {
        if self.is_null() {
            return Some(BTreeMap::new());
        }
        let members: BTreeMap<String, &RawValue> = serde_json::from_str(&self.0).ok()?;
        Some(members.into_iter().map(|(name, value)| (name, Self(value.get().into()))).collect())
    }

    /// Nothing.
    pub fn null() -> Self {
        Self::canonical("null")
    }

    /// A value with parts, one for each company or language.
    pub fn object(parts: &BTreeMap<String, Self>) -> Self {
        let parts: Vec<String> =
            parts.iter().map(|(name, value)| format!("{}: {}", quoted(name), value.as_json())).collect();
        Self::canonical(format!("{{{}}}", parts.join(", ")))
    }

    /// The value as PostgreSQL reads it: a string without its quotes, the rest as it is; `None` is NULL.
    pub fn sql_text(&self) -> Option<String> {
        match self.0.as_bytes().first() {
            Some(b'"') => serde_json::from_str(&self.0).ok(),
            _ if self.is_null() => None,
            _ => Some(self.0.to_string()),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self(super::text::canonical_json(raw.get()).into()))
    }
}

/// The fields of a row.
pub type Row = BTreeMap<String, Value>;

/// One row that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Its model.
    #[serde(rename = "_model")]
    pub model: String,
    /// Its key.
    pub id: Key,
    /// The row before; `None`: it is added.
    pub before: Option<Row>,
    /// The row after; `None`: it is removed.
    pub after: Option<Row>,
}

impl Change {
    /// The rows of a difference; `None` where they differ in their writing only.
    pub fn of(difference: &Difference<'_>) -> Result<Option<Self>> {
        let left = difference.left.as_deref().map(parse).transpose()?;
        let right = difference.right.as_deref().map(parse).transpose()?;
        let Some(one) = left.as_ref().or(right.as_ref()) else { return Ok(None) };
        let (model, id) = (one.model.clone(), one.key);
        let change = Self { model, id, before: left.map(|l| l.row), after: right.map(|r| r.row) };
        Ok((change.before != change.after).then_some(change))
    }

    /// Adds the change to `out` as a line of JSON.
    pub fn write_line(&self, out: &mut dyn std::io::Write) -> std::io::Result<()> {
        serde_json::to_writer(&mut *out, self)?;
        out.write_all(b"\n")
    }

    /// The change that takes this one back.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self { before: self.after, after: self.before, ..self }
    }

    /// The change without the fields that are the same.
    pub fn essential(self) -> Self {
        let names: Vec<String> = self.altered().map(|(name, ..)| name.to_owned()).collect();
        let keep = |row: Option<Row>| {
            row.map(|row| row.into_iter().filter(|(name, _)| names.contains(name)).collect())
        };
        match (&self.before, &self.after) {
            (Some(_), Some(_)) => Self { before: keep(self.before), after: keep(self.after), ..self },
            _ => self,
        }
    }

    /// The fields that both rows have and that differ, before and after.
    pub fn altered(&self) -> impl Iterator<Item = (&str, &Value, &Value)> {
        let rows = self.before.as_ref().zip(self.after.as_ref());
        rows.into_iter().flat_map(|(before, after)| {
            before.iter().filter_map(move |(name, value)| {
                let now = after.get(name)?;
                (now != value).then_some((name.as_str(), value, now))
            })
        })
    }
}

/// One field that is put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The field.
    pub field: String,
    /// What it has to be still.
    pub seen: Value,
    /// What it becomes.
    pub value: Value,
}

/// The smallest write that undoes a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// The row that is gone comes back.
    Insert(String, Key, Row),
    /// The row that came goes, where it is still as it was seen.
    Delete(String, Key, Row),
    /// Fields get their values back, each where it is still as it was seen.
    Update(String, Key, Vec<Cell>),
}

/// The write that turns the right side of a change back into its left; `None` where nothing differs.
pub fn patch(change: &Change) -> Option<Write> {
    let model = change.model.clone();
    match (&change.before, &change.after) {
        (None, None) => None,
        (Some(before), None) => Some(Write::Insert(model, change.id, before.clone())),
        (None, Some(after)) => Some(Write::Delete(model, change.id, after.clone())),
        (Some(_), Some(_)) => {
            let cell = |(field, before, after): (&str, &Value, &Value)| Cell {
                field: field.to_owned(),
                seen: after.clone(),
                value: before.clone(),
            };
            let cells: Vec<Cell> = change.altered().map(cell).collect();
            (!cells.is_empty()).then_some(Write::Update(model, change.id, cells))
        }
    }
}
