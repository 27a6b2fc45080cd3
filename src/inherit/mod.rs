//! Projects of other tools, read into an `odpm.yaml`: those of odpm 4, and Compose files.
//!
//! Pure: texts in, a [`Draft`] out. What cannot be carried over is said in it, never dropped silently.

mod compose;
mod odpm4;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

pub use compose::{compose_name, from_compose};
pub use odpm4::{Legacy, from_odpm};

use crate::base::template::fill;

/// An `odpm.yaml` in the making, and what of the old project is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// The values by their paths: `postgres.port`.
    pub values: BTreeMap<String, Value>,
    /// What could not be carried over: one sentence each.
    pub left_out: Vec<String>,
    /// The paths of values in which `${VARIABLE}` is one.
    as_written: BTreeSet<String>,
}

impl Draft {
    fn set(&mut self, path: &str, value: impl Into<Value>) {
        self.values.insert(path.to_owned(), value.into());
    }

    /// Sets a value with variables in it.
    fn set_as_written(&mut self, path: &str, value: impl Into<Value>) {
        self.set(path, value);
        self.as_written.insert(path.to_owned());
    }

    fn left_out(&mut self, what: impl Into<String>) {
        self.left_out.push(what.into());
    }

    /// The text of `odpm.yaml`. Its form is JSON inside YAML: every word is quoted, so none is misread.
    pub fn yaml(&self) -> String {
        let mut root = Map::from_iter([("version".to_owned(), Value::from(1))]);
        for (path, value) in &self.values {
            let value = if self.as_written.contains(path) { value.clone() } else { literal(value) };
            insert(&mut root, path, value);
        }
        let mut text = String::from(HEADER);
        for line in &self.left_out {
            text.push_str(&fill("# Not carried over: {{what}}\n", &[("what", line)]));
        }
        let order = ["version", "name", "scenario", "engine", "odoo", "postgres", "backup", "checks"];
        for key in order {
            if let Some(value) = root.get(key) {
                write(&mut text, key, value, 0);
            }
        }
        text
    }
}

const HEADER: &str = "# Taken over from an earlier project; `odpm plan` shows what it would change.\n";

fn insert(map: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => drop(map.insert(path.to_owned(), value)),
        Some((key, rest)) => {
            let inner = map.entry(key).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                // An option's own name may hold a dot; only the first levels are ours.
                if key == "conf" || key == "settings" {
                    inner.insert(rest.to_owned(), value);
                } else {
                    insert(inner, rest, value);
                }
            }
        }
    }
}

fn write(text: &mut String, key: &str, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(inner) => {
            text.push_str(&format!("{indent}{key}:\n"));
            inner.iter().for_each(|(key, value)| write(text, key, value, depth + 1));
        }
        other => text.push_str(&format!("{indent}{key}: {other}\n")),
    }
}

/// A value in which a dollar sign is not taken for a variable's.
fn literal(value: &Value) -> Value {
    match value {
        Value::String(text) => text.replace("${", "$${").into(),
        Value::Array(items) => items.iter().map(literal).collect(),
        other => other.clone(),
    }
}

/// A value as one word.
fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(if *yes { "True" } else { "False" }.to_owned()),
        _ => None,
    }
}
