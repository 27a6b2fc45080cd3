//! Reads a tree along a JSON Schema: every mistake is found, and what is right becomes JSON.

use serde_json::{Map, Value as Json};

use super::tree::{Node, Value, Wrong};
use crate::base::suggest::nearest;

/// Reads `node` along `schema`. What is wrong is left out of the result and told in `wrong`.
pub fn check(node: &Node, schema: &Json, wrong: &mut Vec<Wrong>) -> Option<Json> {
    Walk { defs: schema.get("$defs").unwrap_or(&Json::Null), wrong }.node(node, schema, "the file")
}

struct Walk<'a> {
    defs: &'a Json,
    wrong: &'a mut Vec<Wrong>,
}

impl<'a> Walk<'a> {
    fn node(&mut self, node: &Node, schema: &'a Json, name: &str) -> Option<Json> {
        let optional = takes_null(schema);
        let schema = self.resolve(schema);
        match node.value {
            Value::Null if optional => return Some(Json::Null),
            Value::Null if types(schema).contains(&"object") => {
                // A map without an entry: what it needs is told.
                let empty = Node { value: Value::Map(Vec::new()), place: node.place };
                return self.node(&empty, schema, name);
            }
            Value::Null => {
                let wrong = Wrong::new(node.place, format!("{name} has no value here"));
                self.wrong.push(wrong.suggest("Write one, or remove it where it is not needed."));
                return None;
            }
            Value::Unknown => return None,
            _ => {}
        }
        if let Some(words) = words(schema) {
            return self.word(node, &words, name);
        }
        let types = types(schema);
        match &node.value {
            Value::Map(entries) if types.contains(&"object") => {
                let mut object = Map::new();
                let fields = schema.get("properties").and_then(Json::as_object);
                for (key, value) in entries {
                    let field = fields.and_then(|fields| fields.get(&key.name));
                    let any = schema.get("additionalProperties").filter(|s| s.is_object());
                    match field.or(any) {
                        Some(field) => {
                            if let Some(json) = self.node(value, field, &key.name) {
                                object.insert(key.name.clone(), json);
                            }
                        }
                        None => {
                            let known = fields.into_iter().flat_map(Map::keys).map(String::as_str);
                            let known: Vec<&str> = known.collect();
                            self.wrong.push(unknown(key.place, &key.name, name, &known));
                        }
                    }
                }
                self.required(node, schema, entries.iter().map(|(key, _)| key.name.as_str()), name);
                Some(Json::Object(object))
            }
            Value::List(items) if types.contains(&"array") => {
                let inner = schema.get("items").unwrap_or(&Json::Null);
                Some(Json::Array(items.iter().filter_map(|item| self.node(item, inner, name)).collect()))
            }
            Value::Scalar(text) if types.contains(&"string") => Some(Json::String(text.clone())),
            Value::Scalar(text) if types.contains(&"integer") => self.number(node, text, schema, name),
            Value::Scalar(text)
                if types.contains(&"boolean") && ["true", "false"].contains(&text.as_str()) =>
            {
                Some(Json::Bool(text == "true"))
            }
            Value::Scalar(text)
                if types.contains(&"number")
                    && text.parse::<f64>().is_ok_and(|n| n.is_finite() && n >= 0.0) =>
            {
                text.parse::<f64>().ok().map(Json::from)
            }
            _ => {
                let expected = types.first().copied().unwrap_or("something else");
                let message = format!("{name} has to be {}, not {}", article(expected), kind(&node.value));
                self.wrong.push(Wrong::new(node.place, message));
                None
            }
        }
    }

    fn resolve(&self, schema: &'a Json) -> &'a Json {
        let mut schema = schema;
        // An optional type is written as the choice between the type and null.
        if let Some(choice) = schema.get("anyOf").and_then(Json::as_array) {
            schema = choice.iter().find(|s| s.get("type") != Some(&Json::from("null"))).unwrap_or(schema);
        }
        let name = schema.get("$ref").and_then(Json::as_str).and_then(|r| r.strip_prefix("#/$defs/"));
        name.and_then(|name| self.defs.get(name)).unwrap_or(schema)
    }

    fn word(&mut self, node: &Node, words: &[&str], name: &str) -> Option<Json> {
        let text = match &node.value {
            Value::Scalar(text) if words.contains(&text.as_str()) => return Some(Json::String(text.clone())),
            Value::Scalar(text) => format!("`{text}`"),
            other => kind(other).to_owned(),
        };
        let near = nearest(text.trim_matches('`'), words.iter().copied());
        let suggestion = near.map_or_else(
            || format!("It is one of: {}.", words.join(", ")),
            |near| format!("Did you mean `{near}`?"),
        );
        self.wrong.push(Wrong::new(node.place, format!("{name} cannot be {text}")).suggest(suggestion));
        None
    }

    fn number(&mut self, node: &Node, text: &str, schema: &Json, name: &str) -> Option<Json> {
        let bound = |key: &str| schema.get(key).and_then(Json::as_i64);
        let (least, most) = (bound("minimum").unwrap_or(0), bound("maximum").unwrap_or(i64::from(u32::MAX)));
        match text.parse::<i64>() {
            Ok(number) if (least..=most).contains(&number) => Some(Json::from(number)),
            Ok(_) if least == most => {
                self.wrong.push(Wrong::new(node.place, format!("{name} has to be {least}, not {text}")));
                None
            }
            Ok(_) => {
                let message = format!("{name} has to be between {least} and {most}, not {text}");
                self.wrong.push(Wrong::new(node.place, message));
                None
            }
            Err(_) => {
                let message = format!("{name} has to be a whole number, not `{text}`");
                self.wrong.push(Wrong::new(node.place, message));
                None
            }
        }
    }

    fn required<'n>(
        &mut self,
        node: &Node,
        schema: &Json,
        present: impl Iterator<Item = &'n str>,
        name: &str,
    ) {
        let present: Vec<&str> = present.collect();
        let needed = schema.get("required").and_then(Json::as_array);
        for key in needed.into_iter().flatten().filter_map(Json::as_str).filter(|key| !present.contains(key))
        {
            self.wrong.push(
                Wrong::new(node.place, format!("{name} needs `{key}`")).suggest(format!("Add `{key}: ...`.")),
            );
        }
    }
}

fn unknown(place: super::tree::Place, key: &str, name: &str, known: &[&str]) -> Wrong {
    let wrong = Wrong::new(place, format!("{name} has no `{key}`"));
    match nearest(key, known.iter().copied()) {
        Some(near) => wrong.suggest(format!("Did you mean `{near}`?")),
        None => wrong.suggest(format!("It may have: {}.", known.join(", "))),
    }
}

/// The words of an enumeration, however the schema spells it.
fn words(schema: &Json) -> Option<Vec<&str>> {
    if let Some(list) = schema.get("enum").and_then(Json::as_array) {
        return Some(list.iter().filter_map(Json::as_str).collect());
    }
    let choices = schema.get("oneOf").and_then(Json::as_array)?;
    Some(choices.iter().filter_map(|c| c.get("const").and_then(Json::as_str)).collect())
}

/// Whether nothing at all is right, too: what may be left out may be left empty.
fn takes_null(schema: &Json) -> bool {
    let choices = schema.get("anyOf").and_then(Json::as_array);
    let mut all = choices.into_iter().flatten().chain([schema]);
    all.any(|schema| types(schema).contains(&"null"))
}

fn types(schema: &Json) -> Vec<&str> {
    match schema.get("type") {
        Some(Json::String(one)) => vec![one],
        Some(Json::Array(many)) => many.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

fn article(kind: &str) -> &str {
    match kind {
        "object" => "a map",
        "array" => "a list",
        "integer" => "a whole number",
        "number" => "a number that is not negative",
        "boolean" => "true or false",
        "string" => "a word or a text",
        other => other,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null | Value::Unknown => "nothing",
        Value::Scalar(_) => "a single value",
        Value::List(_) => "a list",
        Value::Map(_) => "a map",
    }
}
