//! What the columns of a `COPY` are, and how its lines become canonical JSON.

use super::line::Key;
use super::text::{Kind, quoted};
use crate::error::{Error, Result};

/// One field of a row, as a column of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The field.
    pub name: String,
    /// What its text means.
    pub kind: Kind,
}

/// The columns of a query: the key first, one or two integers, then the fields.
#[derive(Clone, Debug)]
pub struct Layout {
    model: String,
    keys: usize,
    columns: Vec<Column>,
    /// The beginning of each line, up to its key.
    open: Vec<u8>,
    /// What stands before each value.
    names: Vec<Vec<u8>>,
}

impl Layout {
    /// The rows of `model`, with as many columns of the key, and these fields in this order.
    pub fn new(model: &str, keys: usize, columns: Vec<Column>) -> Self {
        let name = |column: &Column| format!(", {}: ", quoted(&column.name)).into_bytes();
        Self {
            model: model.to_owned(),
            keys,
            open: format!("{{\"_model\": {}, \"id\": ", quoted(model)).into_bytes(),
            names: columns.iter().map(name).collect(),
            columns,
        }
    }

    /// The model.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The key of a line of `COPY`; `None` where it has none.
    pub(super) fn key(&self, line: &[u8]) -> Option<Key> {
        let mut fields = line.strip_suffix(b"\n").unwrap_or(line).split(|byte| *byte == b'\t');
        let mut part = || std::str::from_utf8(fields.next()?).ok()?.parse().ok();
        match self.keys {
            1 => part().map(Key::One),
            _ => part().zip(part()).map(|(first, second)| Key::Two(first, second)),
        }
    }

    /// Adds a line of `COPY`, without its newline, as a line of JSON; fails when it has another number of columns.
    pub fn encode(&self, line: &[u8], out: &mut Vec<u8>) -> Result<()> {
        match self.fits(line, out) {
            true => Ok(()),
            false => Err(Error::internal("a row has not as many columns as its query")),
        }
    }

    fn fits(&self, line: &[u8], out: &mut Vec<u8>) -> bool {
        let mut rest = line;
        let mut next = || {
            let end = memchr::memchr(b'\t', rest);
            let field = &rest[..end.unwrap_or(rest.len())];
            rest = end.map_or(&[][..], |end| &rest[end + 1..]);
            (field, end.is_some())
        };
        out.extend_from_slice(&self.open);
        let mut more;
        if self.keys == 2 {
            let (first, _) = next();
            let (second, further) = next();
            out.push(b'[');
            out.extend_from_slice(first);
            out.extend_from_slice(b", ");
            out.extend_from_slice(second);
            out.push(b']');
            more = further;
        } else {
            let (key, further) = next();
            out.extend_from_slice(key);
            more = further;
        }
        for (name, column) in self.names.iter().zip(&self.columns) {
            if !more {
                return false;
            }
            let (field, further) = next();
            out.extend_from_slice(name);
            column.kind.encode(field, out);
            more = further;
        }
        out.extend_from_slice(b"}\n");
        !more
    }
}
