//! Strings of Python's: prefixes, three quotes, escapes, and those that stand side by side.

use super::{Literal, LiteralError, Reader};

/// How one string is written.
#[derive(Clone, Copy)]
struct Form {
    raw: bool,
    bytes: bool,
}

impl Reader<'_> {
    /// One string, and those that follow it at once.
    pub(super) fn strings(&mut self) -> Result<Literal, LiteralError> {
        let begun = self.at;
        let (mut whole, bytes) = self.one()?;
        loop {
            // What follows may be something else: then nothing but blanks was passed over.
            let end = self.at;
            self.blank()?;
            // Outside of brackets a line ends the value.
            if self.depth == 0 && self.text[end..self.at].replace("\\\n", "").contains('\n') {
                break;
            }
            if self.form().is_none_or(|(_, quote)| !matches!(self.bytes.get(quote), Some(b'"' | b'\''))) {
                break;
            }
            let (more, same) = self.one()?;
            if same != bytes {
                return Err(self.wrong_at(begun, "bytes and text stand side by side"));
            }
            whole.extend(more);
        }
        if bytes {
            return Ok(Literal::Bytes(whole));
        }
        // Pieces of text, put together between characters.
        String::from_utf8(whole).map(Literal::Text).map_err(|_| self.wrong_at(begun, "it is not UTF-8 text"))
    }

    /// The form of the string that begins here, and where its quote is; `None` where none begins.
    fn form(&self) -> Option<(Result<Form, &'static str>, usize)> {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().take(3).take_while(|byte| byte.is_ascii_alphabetic()).count();
        if !matches!(rest.get(length), Some(b'"' | b'\'')) {
            return None;
        }
        let form = match rest[..length].to_ascii_lowercase().as_slice() {
            b"" | b"u" => Ok(Form { raw: false, bytes: false }),
            b"r" => Ok(Form { raw: true, bytes: false }),
            b"b" => Ok(Form { raw: false, bytes: true }),
            b"br" | b"rb" => Ok(Form { raw: true, bytes: true }),
            b"f" | b"fr" | b"rf" => Err("an f-string is computed, and no value"),
            b"t" | b"tr" | b"rt" => Err("a t-string is computed, and no value"),
            _ => Err("this is no prefix of a string"),
        };
        Some((form, self.at + length))
    }

    /// One string: its content, and whether it is bytes.
    fn one(&mut self) -> Result<(Vec<u8>, bool), LiteralError> {
        let begun = self.at;
        let (form, quote) = self.form().ok_or_else(|| self.unexpected("a string is missing before "))?;
        let form = form.map_err(|why| self.wrong(why))?;
        let mark = self.bytes[quote];
        let three = self.bytes[quote..].starts_with(&[mark; 3]);
        let close = if three { vec![mark; 3] } else { vec![mark] };
        self.at = quote + close.len();
        let mut content = Vec::new();
        loop {
            let Some(stop) = memchr::memchr3(mark, b'\\', b'\n', &self.bytes[self.at..]) else {
                return Err(self.wrong_at(begun, "a string is never closed"));
            };
            content.extend_from_slice(&self.bytes[self.at..self.at + stop]);
            self.at += stop;
            match self.bytes[self.at] {
                b'\n' if !three => return Err(self.wrong_at(begun, "a string is not closed on its line")),
                b'\\' => self.escape(form, begun, &mut content)?,
                _ if self.bytes[self.at..].starts_with(&close) => {
                    self.at += close.len();
                    break;
                }
                byte => {
                    content.push(byte);
                    self.at += 1;
                }
            }
        }
        if form.bytes && !self.bytes[quote..self.at].is_ascii() {
            return Err(self.wrong_at(begun, "bytes are written in ASCII alone"));
        }
        Ok((content, form.bytes))
    }

    /// A backslash, and what it means together with what follows it.
    fn escape(&mut self, form: Form, begun: usize, content: &mut Vec<u8>) -> Result<(), LiteralError> {
        let Some(next) = self.text[self.at + 1..].chars().next() else {
            return Err(self.wrong_at(begun, "a string is never closed"));
        };
        let backslash = self.at;
        self.at += 1 + next.len_utf8();
        if form.raw {
            content.extend_from_slice(&self.bytes[backslash..self.at]);
            return Ok(());
        }
        let code = match next {
            '\n' => return Ok(()),
            '\\' | '\'' | '"' => next as u32,
            'a' => 7,
            'b' => 8,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'v' => 11,
            '0'..='7' => {
                let more =
                    self.bytes[self.at..].iter().take(2).take_while(|b| matches!(b, b'0'..=b'7')).count();
                self.at += more;
                self.digits(backslash + 1, 8)
            }
            'x' => self.hex(backslash, 2)?,
            'u' if !form.bytes => self.hex(backslash, 4)?,
            'U' if !form.bytes => self.hex(backslash, 8)?,
            'N' if !form.bytes => {
                // A character by its name; which one it is, is not known here.
                let named = self.bytes[self.at..].starts_with(b"{");
                let end =
                    memchr::memchr3(b'}', b'\n', b'\'', &self.bytes[self.at..]).map(|end| self.at + end);
                match end.filter(|end| named && self.bytes[*end] == b'}') {
                    Some(end) => self.at = end + 1,
                    None => return Err(self.wrong_at(backslash, "\\N names no character")),
                }
                0xfffd
            }
            _ => {
                content.extend_from_slice(&self.bytes[backslash..self.at]);
                return Ok(());
            }
        };
        match form.bytes {
            // Octal digits may mean more than a byte holds; Python takes what fits.
            true => content.push((code & 0xff) as u8),
            false if code > 0x10_ffff => return Err(self.wrong_at(backslash, "there is no such character")),
            // Half of a surrogate pair is no character of its own.
            false => {
                let c = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                content.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        Ok(())
    }

    fn hex(&mut self, backslash: usize, count: usize) -> Result<u32, LiteralError> {
        let digits = self.bytes[self.at..].iter().take(count).take_while(|b| b.is_ascii_hexdigit()).count();
        if digits < count {
            return Err(self.wrong_at(backslash, format!("an escape has {digits} of {count} digits")));
        }
        self.at += count;
        Ok(self.digits(self.at - count, 16))
    }

    fn digits(&self, from: usize, radix: u32) -> u32 {
        u32::from_str_radix(&self.text[from..self.at], radix).unwrap_or(u32::MAX)
    }
}
