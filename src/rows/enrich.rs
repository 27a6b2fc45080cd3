//! A row stream to which further fields are added from memory.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};

use super::change::{Row, Value};
use super::join::Lines;
use super::line::{Key, place};
use super::text::quoted;

/// Further fields of rows, by model and id.
pub type Further = BTreeMap<String, HashMap<i64, Row>>;

/// Lines of JSON with further fields at their ends. A row that has none gets `null`s.
pub struct Enriched<R> {
    lines: Lines<R>,
    further: Further,
    /// The names of the fields, by model.
    names: BTreeMap<String, Vec<String>>,
    out: Vec<u8>,
    at: usize,
}

impl<R: Read> Enriched<R> {
    /// The stream, and what is added to it.
    pub fn new(lines: Lines<R>, names: BTreeMap<String, Vec<String>>, further: Further) -> Self {
        Self { lines, further, names, out: Vec::new(), at: 0 }
    }

    fn fill(&mut self) -> crate::error::Result<()> {
        self.out.clear();
        self.at = 0;
        let lines = self.lines.take_lines()?;
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let (model, key) = place(line)?;
            let model = String::from_utf8_lossy(&model);
            let Some(names) = self.names.get(&*model) else {
                self.out.extend_from_slice(line);
                continue;
            };
            let row = match key {
                Key::One(id) => self.further.get(&*model).and_then(|rows| rows.get(&id)),
                Key::Two(..) => None,
            };
            self.out.extend_from_slice(line.strip_suffix(b"}\n").unwrap_or(line));
            for name in names {
                let value = row.and_then(|row| row.get(name)).map_or("null", Value::as_json);
                self.out.extend_from_slice(format!(", {}: {value}", quoted(name)).as_bytes());
            }
            self.out.extend_from_slice(b"}\n");
        }
        Ok(())
    }
}

impl<R: Read> Read for Enriched<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.at == self.out.len() {
            self.fill().map_err(io::Error::other)?;
        }
        let count = to.len().min(self.out.len() - self.at);
        to[..count].copy_from_slice(&self.out[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_added_to_the_rows_of_their_model() {
        let text = "{\"_model\": \"a\", \"id\": 1, \"x\": 1}\n{\"_model\": \"b\", \"id\": 1, \"x\": 1}\n{\"_model\": \"b\", \"id\": 2, \"x\": 1}\n";
        let row = Row::from([("y".to_owned(), Value::canonical("2.5"))]);
        let further = Further::from([("b".to_owned(), HashMap::from([(2, row)]))]);
        let names = BTreeMap::from([("b".to_owned(), vec!["y".to_owned()])]);
        let mut out = String::new();
        let mut rich = Enriched::new(Lines::new(text.as_bytes(), "text"), names, further);
        rich.read_to_string(&mut out).unwrap();
        assert_eq!(
            out,
            "{\"_model\": \"a\", \"id\": 1, \"x\": 1}\n{\"_model\": \"b\", \"id\": 1, \"x\": 1, \"y\": null}\n{\"_model\": \"b\", \"id\": 2, \"x\": 1, \"y\": 2.5}\n"
        );
    }
}
