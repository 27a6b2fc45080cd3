//! `${VAR}` and `${VAR:-default}`.

use std::collections::{BTreeMap, BTreeSet};

use super::env::{Env, is_name};
use super::tree::{Node, Value, Wrong};
use crate::base::suggest::nearest;

/// Defaults within defaults deeper than this are not meant seriously.
const DEEPEST: usize = 8;

/// Where variables are looked up: the environment wins over `.env`, as it does for Compose.
pub struct Variables<'a> {
    environment: &'a BTreeMap<String, String>,
    file: Env,
    used: BTreeSet<String>,
}

impl<'a> Variables<'a> {
    /// The variables of a project.
    pub fn new(environment: &'a BTreeMap<String, String>, file: Env) -> Self {
        Self { environment, file, used: BTreeSet::new() }
    }

    /// The value of a variable; remembers that it was asked for.
    pub fn get(&mut self, name: &str) -> Option<String> {
        self.used.insert(name.to_owned());
        self.environment.get(name).or_else(|| self.file.get(name)).cloned()
    }

    /// Those that were asked for, with their values.
    pub fn used(&self) -> BTreeMap<&str, Option<&String>> {
        let value = |name: &String| self.environment.get(name).or_else(|| self.file.get(name));
        self.used.iter().map(|name| (name.as_str(), value(name))).collect()
    }

    /// Replaces the variables in every value of the tree. Keys stay as they are.
    pub fn substitute(&mut self, node: &mut Node, wrong: &mut Vec<Wrong>) {
        match &mut node.value {
            Value::Null | Value::Unknown => {}
            Value::Scalar(text) => match self.expand(text, 0) {
                Ok(expanded) => *text = expanded,
                Err(mistake) => {
                    wrong.push(Wrong { place: node.place, ..mistake });
                    node.value = Value::Unknown;
                }
            },
            Value::List(items) => items.iter_mut().for_each(|item| self.substitute(item, wrong)),
            Value::Map(entries) => entries.iter_mut().for_each(|(_, item)| self.substitute(item, wrong)),
        }
    }

    fn expand(&mut self, text: &str, depth: usize) -> Result<String, Wrong> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            if let Some(after) = after.strip_prefix('$') {
                out.push('$');
                rest = after;
            } else if let Some(after) = after.strip_prefix('{') {
                let Some((inside, after)) = closed(after) else {
                    return Err(mistake("`${` is never closed")
                        .suggest("Close it, or write `$$` for a plain dollar sign."));
                };
                out.push_str(&self.value(inside, depth)?);
                rest = after;
            } else {
                // A lone dollar sign, as in a regular expression or a password, means itself.
                out.push('$');
                rest = after;
            }
        }
        out.push_str(rest);
        Ok(out)
    }

    fn value(&mut self, inside: &str, depth: usize) -> Result<String, Wrong> {
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        if !is_name(name) {
            return Err(mistake(format!("`${{{inside}}}` is not a variable"))
                .suggest("Write ${NAME} or ${NAME:-default}; `$$` is a plain dollar sign."));
        }
        match (self.get(name).filter(|value| default.is_none() || !value.is_empty()), default) {
            (Some(value), _) => Ok(value),
            (None, Some(_)) if depth >= DEEPEST => {
                Err(mistake(format!("defaults are nested deeper than {DEEPEST} levels"))
                    .suggest("Put the value itself here."))
            }
            // A default may hold variables of its own, as for Compose.
            (None, Some(default)) => self.expand(default, depth + 1),
            (None, None) => {
                let known: Vec<&str> = self.file.keys().map(String::as_str).collect();
                Err(mistake(format!("the variable {name} is not defined")).suggest(
                    match nearest(name, known) {
                        Some(near) => format!("Did you mean ${{{near}}}?"),
                        None => format!("Add {name}=... to .env, or write ${{{name}:-default}}."),
                    },
                ))
            }
        }
    }
}

/// What stands before the brace that closes, and what follows it; variables in between have braces of their own.
fn closed(text: &str) -> Option<(&str, &str)> {
    let mut open = 0_usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '{' if text[..at].ends_with('$') => open += 1,
            '}' if open == 0 => return Some((&text[..at], &text[at + 1..])),
            '}' => open -= 1,
            _ => {}
        }
    }
    None
}

fn mistake(message: impl Into<String>) -> Wrong {
    Wrong::new(super::tree::Place::default(), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_means_what_it_says() {
        let environment = BTreeMap::from([("A".to_owned(), "env".to_owned())]);
        let file = Env::from([("A", "file"), ("B", "b"), ("EMPTY", "")].map(|(k, v)| (k.into(), v.into())));
        let mut vars = Variables::new(&environment, file);
        for (text, want) in [
            ("${A}-${B}", "env-b"),
            ("${NONE:-x}y", "xy"),
            ("${EMPTY:-x}", "x"),
            ("${EMPTY}", ""),
            ("${NONE:-}", ""),
            ("$${A} $5 a$", "${A} $5 a$"),
            ("${NONE:-${B}}", "b"),
            ("${NONE:-${NEITHER:-${A}}/x}-${B}", "env/x-b"),
            ("${A:-${NONE}}", "env"),
            ("${NONE:-{x}", "{x"),
            ("%d", "%d"),
        ] {
            assert_eq!(vars.expand(text, 0).unwrap(), want, "{text}");
        }
        let deep = format!("{}x{}", "${N:-".repeat(5000), "}".repeat(5000));
        for (text, message) in [
            ("${NONE}", "not defined"),
            ("${A", "never closed"),
            ("${A:?x}", "not a variable"),
            ("${NONE:-${NEITHER}}", "NEITHER is not defined"),
            (&deep, "nested deeper"),
        ] {
            assert!(vars.expand(text, 0).unwrap_err().message.contains(message), "{text}");
        }
        assert_eq!(vars.used().get("A"), Some(&Some(&"env".to_owned())));
    }
}
