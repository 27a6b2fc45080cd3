//! [`Literal`]: a value as Python writes it down, read without ever being run.
//!
//! What `ast.literal_eval` takes is taken, in time that grows with the text: names, calls and sums are no values. Strings side by
//! side are one, as in Python.

mod text;

use std::fmt;

/// How deep lists and dictionaries may lie in each other; Python's own parser gives up at 200.
const DEPTH: usize = 100;

/// A value of Python's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// `None`.
    None,
    /// `...`.
    Ellipsis,
    /// `True` and `False`.
    Bool(bool),
    /// A number, as it is written.
    Number(String),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// `[..]`.
    List(Vec<Self>),
    /// `(..,)`.
    Tuple(Vec<Self>),
    /// `{..}` without colons.
    Set(Vec<Self>),
    /// `{..: ..}`, in the order in which it is written.
    Dict(Vec<(Self, Self)>),
}

/// Why a text is no value, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiteralError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub message: String,
}

impl fmt::Display for LiteralError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl Literal {
    /// Reads a text that holds one value, with comments around it.
    pub fn parse(text: &str) -> Result<Self, LiteralError> {
        // Python reads every kind of line end as one.
        let plain = text.contains('\r').then(|| text.replace("\r\n", "\n").replace('\r', "\n"));
        let text = plain.as_deref().unwrap_or(text);
        let mut reader = Reader { text, bytes: text.as_bytes(), at: 0, depth: 0 };
        if let Some(at) = text.find('\0') {
            return Err(reader.wrong_at(at, "a zero byte is no part of Python's source"));
        }
        reader.blank()?;
        let indent = text[..reader.at].rsplit('\n').next().unwrap_or_default();
        if !indent.is_empty() && text[..reader.at].contains('\n') {
            return Err(reader.wrong("unexpected indent"));
        }
        let value = reader.value()?;
        reader.blank()?;
        match reader.peek() {
            None => Ok(value),
            Some(_) => Err(reader.unexpected("something follows the value: ")),
        }
    }

    /// The text, of one that is text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The values in a list, a tuple or a set.
    pub fn items(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) | Self::Tuple(items) | Self::Set(items) => Some(items),
            _ => None,
        }
    }

    /// The value of a key; the last one counts, as in Python.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Dict(pairs) = self else { return None };
        pairs.iter().rev().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
    }

    /// Whether Python takes it for true.
    pub fn is_true(&self) -> bool {
        match self {
            Self::None => false,
            Self::Ellipsis => true,
            Self::Bool(value) => *value,
            Self::Number(text) => is_not_zero(text),
            Self::Text(text) => !text.is_empty(),
            Self::Bytes(bytes) => !bytes.is_empty(),
            Self::List(items) | Self::Tuple(items) | Self::Set(items) => !items.is_empty(),
            Self::Dict(pairs) => !pairs.is_empty(),
        }
    }

    /// What Python calls the kind of value that it is.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Ellipsis => "an ellipsis",
            Self::Bool(_) => "a truth value",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "a list",
            Self::Tuple(_) => "a tuple",
            Self::Set(_) => "a set",
            Self::Dict(_) => "a dictionary",
        }
    }

    /// Whether it may be a key.
    fn is_hashable(&self) -> bool {
        match self {
            Self::List(_) | Self::Set(_) | Self::Dict(_) => false,
            Self::Tuple(items) => items.iter().all(Self::is_hashable),
            _ => true,
        }
    }
}

fn is_not_zero(number: &str) -> bool {
    let number = number.trim_start_matches(['+', '-']).to_ascii_lowercase();
    match number.strip_prefix("0x") {
        Some(digits) => digits.bytes().any(|digit| digit != b'0' && digit != b'_'),
        None => {
            number.split('e').next().is_some_and(|digits| digits.bytes().any(|b| matches!(b, b'1'..=b'9')))
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn wrong(&self, message: impl Into<String>) -> LiteralError {
        self.wrong_at(self.at, message)
    }

    fn wrong_at(&self, at: usize, message: impl Into<String>) -> LiteralError {
        let line = 1 + memchr::memchr_iter(b'\n', &self.bytes[..at.min(self.bytes.len())]).count();
        LiteralError { line, message: message.into() }
    }

    fn unexpected(&self, before: &str) -> LiteralError {
        match self.text[self.at..].chars().next() {
            Some(c) => self.wrong(format!("{before}{c:?}")),
            None => self.wrong(format!("{before}the end of the file")),
        }
    }

    /// Passes over what stands between values: white space, comments, line ends that do not count.
    fn blank(&mut self) -> Result<(), LiteralError> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\n' | 0x0c) => self.at += 1,
                Some(b'#') => {
                    let rest = &self.bytes[self.at..];
                    self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                }
                Some(b'\\') if self.bytes.get(self.at + 1) == Some(&b'\n') => self.at += 2,
                Some(b'\\') => return Err(self.wrong("something follows a backslash at a line's end")),
                _ => return Ok(()),
            }
        }
    }

    fn value(&mut self) -> Result<Literal, LiteralError> {
        match self.peek() {
            Some(b'{') => self.nested(Self::braces),
            Some(b'[') => self.nested(|reader| Ok(Literal::List(reader.sequence(b']')?.0))),
            Some(b'(') => self.nested(|reader| {
                // `()` and `(1,)` are tuples, `(1)` is none.
                match reader.sequence(b')')? {
                    (mut items, false) if items.len() == 1 => Ok(items.remove(0)),
                    (items, _) => Ok(Literal::Tuple(items)),
                }
            }),
            Some(b'"' | b'\'') => self.strings(),
            Some(b'+' | b'-') => {
                let sign = self.at;
                self.at += 1;
                self.blank()?;
                let number = self.number()?;
                let sign = if self.bytes[sign] == b'-' { "-" } else { "" };
                Ok(Literal::Number(format!("{sign}{number}")))
            }
            Some(b'.') if self.bytes[self.at..].starts_with(b"...") => {
                self.at += 3;
                Ok(Literal::Ellipsis)
            }
            Some(b'.' | b'0'..=b'9') => Ok(Literal::Number(self.number()?)),
            Some(byte) if byte == b'_' || byte.is_ascii_alphabetic() => self.word(),
            _ => Err(self.unexpected("unexpected ")),
        }
    }

    fn nested(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<Literal, LiteralError>,
    ) -> Result<Literal, LiteralError> {
        if self.depth == DEPTH {
            return Err(self.wrong(format!("values lie in each other more than {DEPTH} deep")));
        }
        self.depth += 1;
        self.at += 1;
        let value = inner(self)?;
        self.depth -= 1;
        Ok(value)
    }

    /// Values up to the closing bracket, and whether there was a comma.
    fn sequence(&mut self, close: u8) -> Result<(Vec<Literal>, bool), LiteralError> {
        let (mut items, mut commas, opened) = (Vec::new(), false, self.at - 1);
        loop {
            self.blank()?;
            if self.closes(close, opened)? {
                return Ok((items, commas));
            }
            items.push(self.value()?);
            self.blank()?;
            commas |= self.comma(close, opened)?;
        }
    }

    fn braces(&mut self) -> Result<Literal, LiteralError> {
        let opened = self.at - 1;
        let (mut pairs, mut items) = (Vec::new(), Vec::new());
        loop {
            self.blank()?;
            if self.closes(b'}', opened)? {
                return Ok(if items.is_empty() { Literal::Dict(pairs) } else { Literal::Set(items) });
            }
            let begun = self.at;
            let first = self.value()?;
            if !first.is_hashable() {
                return Err(self.wrong_at(begun, format!("{} cannot be a key", first.kind())));
            }
            self.blank()?;
            if self.peek() == Some(b':') && items.is_empty() {
                self.at += 1;
                self.blank()?;
                pairs.push((first, self.value()?));
                self.blank()?;
            } else if pairs.is_empty() {
                items.push(first);
            } else {
                return Err(self.unexpected("a colon and a value are missing before "));
            }
            self.comma(b'}', opened)?;
        }
    }

    fn closes(&mut self, close: u8, opened: usize) -> Result<bool, LiteralError> {
        match self.peek() {
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(true)
            }
            None => {
                Err(self.wrong_at(opened, format!("{:?} is never closed", char::from(self.bytes[opened]))))
            }
            _ => Ok(false),
        }
    }

    fn comma(&mut self, close: u8, opened: usize) -> Result<bool, LiteralError> {
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            Some(byte) if byte == close => Ok(false),
            None => self.closes(close, opened),
            _ => Err(self.unexpected("a comma is missing before ")),
        }
    }

    /// A word: a value that has a name, the empty set, or the prefix of a string.
    fn word(&mut self) -> Result<Literal, LiteralError> {
        let begun = self.at;
        let is_part = |byte: &&u8| **byte == b'_' || byte.is_ascii_alphanumeric() || !byte.is_ascii();
        let length = self.bytes[begun..].iter().take_while(is_part).count();
        let word = &self.text[begun..begun + length];
        if matches!(self.bytes.get(begun + length), Some(b'"' | b'\'')) {
            return self.strings();
        }
        self.at += length;
        match word {
            "True" => Ok(Literal::Bool(true)),
            "False" => Ok(Literal::Bool(false)),
            "None" => Ok(Literal::None),
            "set" if self.bytes[self.at..].starts_with(b"()") => {
                self.at += 2;
                Ok(Literal::Set(Vec::new()))
            }
            _ => Err(self.wrong_at(begun, format!("{word} is a name, and no value"))),
        }
    }

    fn number(&mut self) -> Result<String, LiteralError> {
        let begun = self.at;
        let mut before = 0;
        while let Some(byte) = self.peek() {
            let sign = matches!(byte, b'+' | b'-') && matches!(before, b'e' | b'E') && !self.is_hex(begun);
            if !(sign || byte == b'.' || byte == b'_' || byte.is_ascii_alphanumeric()) {
                break;
            }
            before = byte;
            self.at += 1;
        }
        let text = &self.text[begun..self.at];
        match is_number(text) {
            true => Ok(text.to_owned()),
            false if text.is_empty() => Err(self.unexpected("a number is missing before ")),
            false => Err(self.wrong_at(begun, format!("{text} is no number"))),
        }
    }

    fn is_hex(&self, begun: usize) -> bool {
        matches!(self.bytes.get(begun..begun + 2), Some([b'0', b'x' | b'X']))
    }
}

/// Whether Python reads a number in it.
fn is_number(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let digits = |text: &str, is: fn(&u8) -> bool| {
        !text.is_empty()
            && !text.starts_with('_')
            && !text.ends_with('_')
            && !text.contains("__")
            && text.bytes().all(|byte| byte == b'_' || is(&byte))
    };
    let decimal = |text: &str| digits(text, u8::is_ascii_digit);
    // After the prefix of a base one underscore may stand.
    let based = |text: &str, is: fn(&u8) -> bool| digits(text.strip_prefix('_').unwrap_or(text), is);
    if let Some((prefix, rest)) = lower.split_at_checked(2) {
        match prefix {
            "0x" => return based(rest, u8::is_ascii_hexdigit),
            "0o" => return based(rest, |byte| matches!(byte, b'0'..=b'7')),
            "0b" => return based(rest, |byte| matches!(byte, b'0' | b'1')),
            _ => {}
        }
    }
    let (lower, imaginary) = match lower.strip_suffix('j') {
        Some(rest) => (rest, true),
        None => (lower.as_str(), false),
    };
    let (mantissa, exponent) = match lower.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (lower, None),
    };
    if exponent.is_some_and(|e| !decimal(e.strip_prefix(['+', '-']).unwrap_or(e))) {
        return false;
    }
    match mantissa.split_once('.') {
        Some(("", "")) => false,
        Some((whole, part)) => (whole.is_empty() || decimal(whole)) && (part.is_empty() || decimal(part)),
        None if exponent.is_some() || imaginary => decimal(mantissa),
        // A whole number does not begin with a zero, unless it is one.
        None => decimal(mantissa) && (!mantissa.starts_with('0') || !is_not_zero(mantissa)),
    }
}

#[cfg(test)]
mod tests;
