//! A line of a row stream in JSON: `{"_model": "product.template", "id": 1, ...}`.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::change::{Row, Value};
use super::text::canonical_json;
use crate::error::{Error, Result};

/// The key of a row: its id, or the two ids of a row of a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// One integer.
    One(i64),
    /// Two.
    Two(i64, i64),
}

impl Key {
    /// Its numbers.
    pub fn parts(self) -> impl Iterator<Item = i64> + Clone {
        let (first, second) = match self {
            Self::One(id) => (id, None),
            Self::Two(first, second) => (first, Some(second)),
        };
        std::iter::once(first).chain(second)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(id) => write!(f, "{id}"),
            Self::Two(first, second) => write!(f, "[{first}, {second}]"),
        }
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(id) => id.serialize(serializer),
            Self::Two(first, second) => [first, second].serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Form {
            One(i64),
            Two([i64; 2]),
        }
        Ok(match Form::deserialize(deserializer)? {
            Form::One(id) => Self::One(id),
            Form::Two([first, second]) => Self::Two(first, second),
        })
    }
}

/// A line, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// Its model.
    pub model: String,
    /// Its key.
    pub key: Key,
    /// Its fields.
    pub row: Row,
}

/// Reads a line, whatever its white space; the values become canonical.
pub fn parse(line: &[u8]) -> Result<Parsed> {
    let wrong = |why: String| {
        let shown: String = String::from_utf8_lossy(line).trim_end().chars().take(120).collect();
        Error::input("a line is no row").because(why).because(format!("the line is: {shown}"))
    };
    let text = std::str::from_utf8(line).map_err(|e| wrong(format!("it is not UTF-8: {e}")))?;
    let Members(members) = serde_json::from_str(text).map_err(|e| wrong(e.to_string()))?;
    let (mut model, mut key, mut row) = (None, None, Row::new());
    for (name, value) in members {
        let before = match name.as_str() {
            "_model" => {
                let name: String =
                    serde_json::from_str(value.get()).map_err(|_| wrong("`_model` is no text".to_owned()))?;
                model.replace(name).is_some()
            }
            "id" => {
                let id: Key = serde_json::from_str(value.get())
                    .map_err(|_| wrong("`id` is neither a number nor two".to_owned()))?;
                key.replace(id).is_some()
            }
            _ => row.insert(name.clone(), Value::canonical(canonical_json(value.get()))).is_some(),
        };
        if before {
            return Err(wrong(format!("`{name}` stands twice")));
        }
    }
    match (model, key) {
        (Some(model), Some(key)) => Ok(Parsed { model, key, row }),
        _ => Err(wrong("it has no `_model` or no `id`".to_owned())),
    }
}

/// The members of an object in their order.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// The model and the key of a line, as quickly as its usual form allows.
pub(super) fn place(line: &[u8]) -> Result<(std::borrow::Cow<'_, [u8]>, Key)> {
    if let Some(found) = usual(line) {
        return Ok(found);
    }
    let parsed = parse(line)?;
    Ok((parsed.model.into_bytes().into(), parsed.key))
}

fn usual(line: &[u8]) -> Option<(std::borrow::Cow<'_, [u8]>, Key)> {
    let rest = line.strip_prefix(b"{\"_model\": \"")?;
    let end = memchr::memchr2(b'"', b'\\', rest)?;
    let (model, rest) = rest.split_at(end);
    let digits = rest.strip_prefix(b"\", \"id\": ")?;
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    let key = std::str::from_utf8(&digits[..end]).ok()?.parse().ok()?;
    matches!(digits[end], b',' | b'}').then_some((model.into(), Key::One(key)))
}
