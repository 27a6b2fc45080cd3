//! Takes a SQL script apart: statements, the data of `COPY ... FROM stdin`, and psql's own commands, which are never run.
//!
//! Bytes go in as they come, pieces come out; nothing is kept but an unfinished statement. Lexical rules are PostgreSQL's,
//! with `standard_conforming_strings` on, as every dump sets it.

use crate::error::{Error, Result};
use crate::script::{Part, PartKind};

/// A piece of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A statement, without its semicolon.
    Statement(String),
    /// A `COPY ... FROM stdin`; its data follows.
    Copy(String),
    /// Some of the data.
    Data(Vec<u8>),
    /// The data has ended.
    End,
    /// A line that begins with a backslash: psql's own command, without the backslash.
    Meta(String),
}

/// The longest statement that is taken: a row of an INSERT may hold a large value.
const LONGEST: usize = 256 << 20;

/// The parts of a whole script, each with its place, up to the first `COPY` that wants data.
pub fn parts(text: &str) -> Result<Vec<Part>> {
    let (mut splitter, mut pieces, mut found) = (Splitter::default(), Vec::new(), Vec::new());
    let mut begun = None;
    let mut note = |pieces: &mut Vec<Piece>, begun: Option<usize>| {
        for piece in pieces.drain(..) {
            let (kind, said) = match piece {
                Piece::Statement(said) => (PartKind::Statement, said),
                Piece::Copy(said) => (PartKind::Copy, said),
                Piece::Meta(said) => (PartKind::Meta, said),
                Piece::Data(_) | Piece::End => continue,
            };
            // A byte that may be half of a pair is looked at with the one after it.
            let mut around = begun.into_iter().flat_map(|at: usize| [Some(at), at.checked_sub(1)]).flatten();
            let lead = usize::from(kind == PartKind::Meta);
            let is_it = |at: &usize| text.get(at + lead..).is_some_and(|rest| rest.starts_with(said.trim()));
            let at = around.find(is_it).or_else(|| text.rfind(said.trim())).unwrap_or_default();
            found.push(Part { kind, at, text: said.trim().to_owned() });
        }
    };
    for (at, byte) in text.bytes().enumerate() {
        let before = splitter.begun;
        splitter.push(&[byte], &mut pieces)?;
        if !pieces.is_empty() {
            let data = pieces.iter().any(|piece| matches!(piece, Piece::Copy(_)));
            note(&mut pieces, begun.take());
            if data {
                // What follows is for whoever takes data.
                return Ok(found);
            }
        }
        if splitter.begun && (!before || begun.is_none()) {
            begun = Some(at);
        }
    }
    splitter.end(&mut pieces)?;
    note(&mut pieces, begun);
    Ok(found)
}

/// Takes a script apart.
#[derive(Debug)]
pub struct Splitter {
    state: State,
    text: Vec<u8>,
    /// Where in `text` reading goes on.
    at: usize,
    /// Whether the statement at hand has anything but space and comments.
    begun: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Plain,
    /// In a string; with backslash escapes or without.
    Quoted(bool),
    Identifier,
    /// In a string between such tags.
    Dollar(Vec<u8>),
    LineComment,
    BlockComment(u32),
    Meta,
    Data,
}

impl Default for Splitter {
    fn default() -> Self {
        Self { state: State::Plain, text: Vec::new(), at: 0, begun: false }
    }
}

impl Splitter {
    /// Takes more of the script and tells the pieces that are whole now.
    pub fn push(&mut self, bytes: &[u8], tell: &mut Vec<Piece>) -> Result<()> {
        self.text.extend_from_slice(bytes);
        while self.step(tell)? {}
        if self.state != State::Data && self.text.len() > LONGEST {
            return Err(Error::input("a statement of the script is longer than 256 MiB"));
        }
        Ok(())
    }

    /// The script has ended; fails when something is unfinished.
    pub fn end(mut self, tell: &mut Vec<Piece>) -> Result<()> {
        // A last line without its end.
        self.push(b"\n", tell)?;
        match self.state {
            State::Plain if !self.begun => Ok(()),
            State::Plain if self.at <= self.text.len() => {
                let statement = self.take(self.text.len())?;
                if !statement.trim().is_empty() {
                    tell.push(Piece::Statement(statement));
                }
                Ok(())
            }
            State::LineComment => Ok(()),
            State::Data => Err(Error::input("the script ends in the middle of a table's data")),
            _ => Err(Error::input("the script ends in the middle of a statement")),
        }
    }

    /// Everything up to `end`, removed from the front.
    fn take(&mut self, end: usize) -> Result<String> {
        let rest = self.text.split_off(end);
        let statement = std::mem::replace(&mut self.text, rest);
        self.at = 0;
        self.begun = false;
        String::from_utf8(statement).map_err(|_| {
            Error::input("the script is not UTF-8 text").hint("Convert it first: iconv -f LATIN1 -t UTF-8")
        })
    }

    /// Reads one byte, or one stretch of bytes; `false` when more of the script is needed.
    fn step(&mut self, tell: &mut Vec<Piece>) -> Result<bool> {
        if self.state == State::Data {
            return Ok(self.data(tell));
        }
        let Some(&byte) = self.text.get(self.at) else { return Ok(false) };
        let next = self.text.get(self.at + 1).copied();
        // A pair may be split between two pushes.
        let pair = matches!(byte, b'-' | b'/' | b'*' | b'\'' | b'\\');
        if next.is_none() && pair && self.state != State::Meta {
            return Ok(false);
        }
        match (&mut self.state, byte) {
            (State::Plain, _) => return self.plain(byte, next, tell),
            (State::Quoted(true), b'\\') => self.at += 2,
            (State::Quoted(_), b'\'') if next == Some(b'\'') => self.at += 2,
            (State::Quoted(_), b'\'') | (State::Identifier, b'"') => {
                self.state = State::Plain;
                self.at += 1;
            }
            (State::LineComment, b'\n') => {
                self.at += 1;
                self.state = State::Plain;
                self.forget_comment();
            }
            (State::BlockComment(depth), b'*') if next == Some(b'/') => {
                *depth -= 1;
                self.at += 2;
                if *depth == 0 {
                    self.state = State::Plain;
                    self.forget_comment();
                }
            }
            (State::BlockComment(depth), b'/') if next == Some(b'*') => {
                *depth += 1;
                self.at += 2;
            }
            (State::Dollar(tag), b'$') => {
                let rest = self.text.get(self.at..).unwrap_or_default();
                if rest.len() < tag.len() {
                    return Ok(false);
                }
                if rest.starts_with(tag) {
                    self.at += tag.len();
                    self.state = State::Plain;
                } else {
                    self.at += 1;
                }
            }
            (State::Meta, b'\n') => {
                let line = self.take(self.at + 1)?;
                tell.push(Piece::Meta(line.trim().trim_start_matches('\\').to_owned()));
                self.state = State::Plain;
            }
            _ => self.at += 1,
        }
        Ok(true)
    }

    /// What stands before a statement and is none is not kept.
    fn forget_comment(&mut self) {
        if !self.begun {
            self.text.drain(..self.at);
            self.at = 0;
        }
    }

    fn plain(&mut self, byte: u8, next: Option<u8>, tell: &mut Vec<Piece>) -> Result<bool> {
        match byte {
            b';' => {
                let mut statement = self.take(self.at + 1)?;
                statement.pop();
                let statement = statement.trim();
                if is_copy(statement) {
                    self.state = State::Data;
                    tell.push(Piece::Copy(statement.to_owned()));
                } else if !statement.is_empty() {
                    tell.push(Piece::Statement(statement.to_owned()));
                }
                return Ok(true);
            }
            b'\\' if !self.begun => self.state = State::Meta,
            b'-' if next == Some(b'-') => self.state = State::LineComment,
            b'/' if next == Some(b'*') => {
                self.state = State::BlockComment(1);
                self.at += 1;
            }
            b'\'' => {
                let before =
                    |back: usize| self.at.checked_sub(back).and_then(|at| self.text.get(at)).copied();
                let escapes = matches!(before(1), Some(b'e' | b'E')) && !before(2).is_some_and(is_word);
                self.state = State::Quoted(escapes);
            }
            b'"' => self.state = State::Identifier,
            b'$' => return Ok(self.dollar()),
            _ => {}
        }
        self.begun |=
            !byte.is_ascii_whitespace() && !matches!(self.state, State::LineComment | State::BlockComment(_));
        self.at += 1;
        Ok(true)
    }

    /// A dollar sign: the beginning of a string's tag, or just that.
    fn dollar(&mut self) -> bool {
        let rest = self.text.get(self.at + 1..).unwrap_or_default();
        let word = rest.iter().position(|byte| !is_word(*byte));
        let Some(end) = word else { return false };
        let in_name = self.at.checked_sub(1).and_then(|at| self.text.get(at)).copied().is_some_and(is_word);
        let numbered = rest.first().is_some_and(u8::is_ascii_digit);
        if rest.get(end) == Some(&b'$') && !in_name && !numbered {
            let tag = self.text.get(self.at..self.at + end + 2).unwrap_or_default().to_vec();
            self.at += tag.len();
            self.state = State::Dollar(tag);
        } else {
            self.at += 1;
        }
        self.begun = true;
        true
    }

    /// Data ends with a line of its own that is `\.`.
    fn data(&mut self, tell: &mut Vec<Piece>) -> bool {
        if self.at == 0 {
            // The rest of the statement's own line.
            let Some(end) = memchr::memchr(b'\n', &self.text) else { return false };
            self.text.drain(..=end);
            self.at = 1;
        }
        let mut from = 0;
        while let Some(length) = self.text.get(from..).and_then(|rest| memchr::memchr(b'\n', rest)) {
            let line = self.text.get(from..from + length).unwrap_or_default();
            if line == b"\\." || line == b"\\.\r" {
                let rest = self.text.split_off(from + length + 1);
                self.text.truncate(from);
                if from > 0 {
                    tell.push(Piece::Data(std::mem::take(&mut self.text)));
                }
                tell.push(Piece::End);
                self.text = rest;
                self.at = 0;
                self.state = State::Plain;
                return true;
            }
            from += length + 1;
        }
        if from > 0 {
            let rest = self.text.split_off(from);
            tell.push(Piece::Data(std::mem::replace(&mut self.text, rest)));
        }
        false
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn is_copy(statement: &str) -> bool {
    let words = statement.to_ascii_lowercase();
    words.starts_with("copy ") && words.trim_end().ends_with("from stdin")
        || words.starts_with("copy ") && words.contains(" from stdin ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(script: &str, size: usize) -> Result<Vec<Piece>> {
        let mut splitter = Splitter::default();
        let mut pieces = Vec::new();
        for chunk in script.as_bytes().chunks(size.max(1)) {
            splitter.push(chunk, &mut pieces)?;
        }
        splitter.end(&mut pieces)?;
        // Where data was cut is of no account.
        let mut joined: Vec<Piece> = Vec::new();
        for piece in pieces {
            match (joined.last_mut(), piece) {
                (Some(Piece::Data(before)), Piece::Data(more)) => before.extend(more),
                (_, piece) => joined.push(piece),
            }
        }
        Ok(joined)
    }

    const SCRIPT: &str = "--\n-- PostgreSQL database dump\n--\n\\restrict abc\n\nSET a = 'x;y'; /* a /* b */ ; */\n\
        SELECT E'it\\'s;', U&'d', \"we;\"\"ird\", $1, a$b$c FROM t;\n\
        CREATE FUNCTION f() AS $body$ BEGIN; $$ ; -- '\n END; $body$ LANGUAGE x;\n\
        COPY public.t (a, b) FROM stdin;\n1\tx;\\.y\n\\\\.\t'\n\\.\n\n\
        COPY public.e (a) FROM stdin;\n\\.\nSELECT 1 -- the end; of it\n;\n\\! touch /tmp/x\nSELECT 2";

    fn wanted() -> Vec<Piece> {
        let statement = |text: &str| Piece::Statement(text.to_owned());
        vec![
            Piece::Meta("restrict abc".to_owned()),
            statement("SET a = 'x;y'"),
            statement("SELECT E'it\\'s;', U&'d', \"we;\"\"ird\", $1, a$b$c FROM t"),
            statement("CREATE FUNCTION f() AS $body$ BEGIN; $$ ; -- '\n END; $body$ LANGUAGE x"),
            Piece::Copy("COPY public.t (a, b) FROM stdin".to_owned()),
            Piece::Data(b"1\tx;\\.y\n\\\\.\t'\n".to_vec()),
            Piece::End,
            Piece::Copy("COPY public.e (a) FROM stdin".to_owned()),
            Piece::End,
            statement("SELECT 1 -- the end; of it"),
            Piece::Meta("! touch /tmp/x".to_owned()),
            statement("SELECT 2\n"),
        ]
    }

    #[test]
    fn a_script_is_taken_apart_alike_however_it_comes() {
        for size in 1..SCRIPT.len() + 1 {
            assert_eq!(split(SCRIPT, size).unwrap(), wanted(), "in chunks of {size}");
        }
    }

    #[test]
    fn what_is_cut_off_is_noticed() {
        for cut in ["SELECT 'a", "SELECT $x$ a", "/* a", "COPY t FROM stdin;\n1\n", "SELECT \"a"] {
            assert!(split(cut, 3).is_err(), "{cut}");
        }
    }

    #[test]
    fn every_part_has_its_place() {
        let parts = parts(SCRIPT).unwrap();
        for Part { kind, at, text } in &parts {
            let at = at + usize::from(*kind == PartKind::Meta);
            assert!(SCRIPT[at..].starts_with(text.trim_end()), "{text} at {at}");
        }
        assert_eq!(parts.len(), 5);
        let text = "-- UPDATE t\n\n  UPDATE t;/* x */;DELETE\n FROM t";
        let places: Vec<usize> = super::parts(text).unwrap().iter().map(|part| part.at).collect();
        assert_eq!(places, [15, text.find("DELETE").unwrap()]);
    }

    proptest! {
        #[test]
        fn no_script_is_too_odd(script in "[-/*'\"$;\\\\a-c \n.]{0,60}", size in 1usize..9) {
            let whole = split(&script, 1000);
            let pieces = split(&script, size);
            prop_assert_eq!(whole.is_ok(), pieces.is_ok());
            if let (Ok(whole), Ok(pieces)) = (whole, pieces) {
                prop_assert_eq!(whole, pieces);
            }
        }
    }
}
