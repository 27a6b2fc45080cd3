//! YAML as a tree in which every word knows its place and its own spelling.
//!
//! A scalar stays the text that people wrote (`17.0` never becomes 17), so the reader of a field, not the
//! parser, says what it is.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

/// A place in a file. Lines and columns count from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
    /// How many characters, at least one.
    pub width: usize,
}

/// One value with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Where it stands.
    pub place: Place,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing: an empty value, `~` or `null`.
    Null,
    /// A value that was found wrong already, and is not to be complained about again.
    Unknown,
    /// A word or a text.
    Scalar(String),
    /// A list.
    List(Vec<Node>),
    /// A map in the order of the file.
    Map(Vec<(Key, Node)>),
}

/// The key of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub place: Place,
}

/// What is wrong with the text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Where.
    pub place: Place,
    /// What: one sentence without a full stop.
    pub message: String,
    /// What would be right.
    pub suggestion: Option<String>,
}

impl Wrong {
    /// A mistake.
    pub fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into(), suggestion: None }
    }

    /// With what would be right.
    #[must_use]
    pub fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }
}

impl Node {
    /// The entry of a map.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|(k, _)| k.name == key).map(|(_, node)| node),
            _ => None,
        }
    }

    /// What stands at a path of keys; the nearest thing above it when there is nothing.
    pub fn nearest(&self, path: &[&str]) -> &Self {
        match path.split_first().and_then(|(key, rest)| Some((self.get(key)?, rest))) {
            Some((node, rest)) => node.nearest(rest),
            None => self,
        }
    }
}

/// Nested deeper than this, a project file is not meant seriously.
const DEEPEST: usize = 32;

/// More values than this, aliases included, and neither is it.
const MOST: usize = 20_000;

/// Reads one document; every mistake of its form that can be found, the first syntax error being the last.
pub fn parse(text: &str) -> Result<Node, Vec<Wrong>> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => builder.event(event, span)?,
            Err(e) => {
                let at = e.marker();
                let place = Place { line: at.line(), column: at.col() + 1, width: 1 };
                builder.wrong.push(Wrong::new(place, format!("this is not YAML: {}", e.info())));
                return Err(builder.wrong);
            }
        }
    }
    if !builder.wrong.is_empty() {
        return Err(builder.wrong);
    }
    Ok(builder
        .root
        .unwrap_or(Node { value: Value::Map(Vec::new()), place: Place { line: 1, column: 1, width: 1 } }))
}

/// A list or map that is not finished yet.
struct Open {
    node: Node,
    anchor: usize,
    /// The key whose value comes next.
    key: Option<Key>,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
    anchors: BTreeMap<usize, Node>,
    wrong: Vec<Wrong>,
    nodes: usize,
    documents: usize,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Vec<Wrong>> {
        let place = place(span);
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return self.fatal(Wrong::new(place, "there is a second document in this file"));
                }
            }
            Event::Scalar(text, style, anchor, _) => {
                let plain = style == ScalarStyle::Plain;
                let null = plain && matches!(text.as_ref(), "" | "~" | "null" | "Null" | "NULL");
                let value = if null { Value::Null } else { Value::Scalar(text.into_owned()) };
                self.add(Node { value, place }, anchor)?;
            }
            Event::SequenceStart(anchor, _) => self.begin(Value::List(Vec::new()), place, anchor)?,
            Event::MappingStart(anchor, _) => self.begin(Value::Map(Vec::new()), place, anchor)?,
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    self.add(open.node, open.anchor)?;
                }
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(node) => {
                    self.nodes += size(&node);
                    self.add(Node { place, ..node }, 0)?;
                }
                None => return self.fatal(Wrong::new(place, "this alias stands inside its own anchor")),
            },
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn begin(&mut self, value: Value, place: Place, anchor: usize) -> Result<(), Vec<Wrong>> {
        if self.open.len() >= DEEPEST {
            return self.fatal(Wrong::new(place, format!("this is nested deeper than {DEEPEST} levels")));
        }
        self.open.push(Open { node: Node { value, place }, anchor, key: None });
        Ok(())
    }

    fn add(&mut self, node: Node, anchor: usize) -> Result<(), Vec<Wrong>> {
        self.nodes += 1;
        if self.nodes > MOST {
            return self
                .fatal(Wrong::new(node.place, format!("there are more than {MOST} values in this file")));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.node.value {
            Value::List(items) => items.push(node),
            Value::Map(entries) => match open.key.take() {
                Some(key) => entries.push((key, node)),
                None => {
                    let Value::Scalar(name) = node.value else {
                        return self.fatal(Wrong::new(node.place, "a key has to be a word"));
                    };
                    if let Some((first, _)) = entries.iter().find(|(key, _)| key.name == name) {
                        let line = first.place.line;
                        self.wrong.push(
                            Wrong::new(node.place, format!("`{name}` is in line {line} already"))
                                .suggest("Remove one of the two."),
                        );
                    }
                    open.key = Some(Key { name, place: node.place });
                }
            },
            Value::Null | Value::Unknown | Value::Scalar(_) => {}
        }
        Ok(())
    }

    fn fatal(&mut self, wrong: Wrong) -> Result<(), Vec<Wrong>> {
        self.wrong.push(wrong);
        Err(std::mem::take(&mut self.wrong))
    }
}

/// How many values an alias brings along.
fn size(node: &Node) -> usize {
    match &node.value {
        Value::Null | Value::Unknown | Value::Scalar(_) => 1,
        Value::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Map(entries) => 1 + entries.iter().map(|(_, node)| size(node)).sum::<usize>(),
    }
}

fn place(span: Span) -> Place {
    let width = if span.start.line() == span.end.line() {
        span.end.col().saturating_sub(span.start.col())
    } else {
        1
    };
    Place { line: span.start.line(), column: span.start.col() + 1, width: width.max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_and_places_survive() {
        let root = parse("odoo:\n  version: 17.0\n  port: '80'\n  none:\n").unwrap();
        let version = root.nearest(&["odoo", "version"]);
        assert_eq!(version.value, Value::Scalar("17.0".into()));
        assert_eq!(version.place, Place { line: 2, column: 12, width: 4 });
        assert_eq!(root.nearest(&["odoo", "none"]).value, Value::Null);
        assert_eq!(root.nearest(&["odoo", "absent"]).place, root.nearest(&["odoo"]).place);
    }

    #[test]
    fn what_is_not_meant_seriously_is_refused() {
        let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned()
            + &('b'..='i')
                .map(|c| {
                    let before = char::from(c as u8 - 1);
                    format!("{c}: &{c} [*{before},*{before},*{before},*{before},*{before},*{before},*{before},*{before},*{before}]\n")
                })
                .collect::<String>();
        for (text, message) in [
            ("a: 1\na: 2\n", "`a` is in line 1 already"),
            ("a: [1\n", "this is not YAML"),
            ("a: 1\n---\nb: 2\n", "a second document"),
            ("? [a]\n: b\n", "a key has to be a word"),
            (&"[".repeat(100), "nested deeper than"),
            (&bomb, "more than"),
        ] {
            let wrong = parse(text).unwrap_err();
            assert!(wrong.iter().any(|w| w.message.contains(message)), "{message}: {wrong:?}");
        }
    }
}
