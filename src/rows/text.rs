//! The canonical text of a value, made from what `COPY` says of it.
//!
//! The session that copies has to say dates as ISO 8601 in UTC, and floats with 15 digits: see `postgres::copy`.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// What a digest that stands for a value that must not be shown begins with.
pub const DIGEST: &str = "keyed-sha256:";

/// What the text of a column means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `t` or `f`.
    Boolean,
    /// Digits.
    Integer,
    /// Digits with a point or an exponent, NaN, infinity.
    Number,
    /// A moment, with or without a time zone; Odoo's are in UTC.
    Timestamp,
    /// `json` and `jsonb`.
    Json,
    /// Everything else, dates among it.
    Text,
}

impl Kind {
    /// The kind of a PostgreSQL type, by the name that `format_type` gives it.
    pub fn of(type_name: &str) -> Self {
        match type_name.split('(').next().unwrap_or_default().trim_end() {
            "boolean" => Self::Boolean,
            "smallint" | "integer" | "bigint" | "oid" => Self::Integer,
            "numeric" | "real" | "double precision" => Self::Number,
            "timestamp" | "timestamp without time zone" | "timestamp with time zone" => Self::Timestamp,
            "json" | "jsonb" => Self::Json,
            _ => Self::Text,
        }
    }

    /// Adds the canonical JSON of a value as `COPY` writes it.
    pub fn encode(self, raw: &[u8], out: &mut Vec<u8>) {
        if raw == b"\\N" {
            out.extend_from_slice(b"null");
            return;
        }
        match self {
            Self::Boolean => out.extend_from_slice(if raw == b"t" { b"true" } else { b"false" }),
            Self::Integer => out.extend_from_slice(raw),
            Self::Number => number(raw, out),
            Self::Timestamp => timestamp(raw, out),
            Self::Json => {
                let text = String::from_utf8_lossy(&unescaped(raw)).into_owned();
                out.extend_from_slice(canonical_json(&text).as_bytes());
            }
            Self::Text => string(raw, out),
        }
    }
}

/// 12.50 is 12.5, and -0 is 0; what JSON has no number for is a string.
fn number(raw: &[u8], out: &mut Vec<u8>) {
    let digits = raw.strip_prefix(b"-").unwrap_or(raw);
    if !digits.first().is_some_and(u8::is_ascii_digit) {
        out.push(b'"');
        out.extend_from_slice(raw);
        out.push(b'"');
        return;
    }
    let Some(point) = memchr::memchr(b'.', raw) else {
        out.extend_from_slice(if raw == b"-0" { b"0" } else { raw });
        return;
    };
    let end = memchr::memchr2(b'e', b'E', raw).unwrap_or(raw.len());
    let mut last = end;
    while raw[last - 1] == b'0' {
        last -= 1;
    }
    if last - 1 == point {
        last = point;
    }
    out.extend_from_slice(if &raw[..last] == b"-0" { b"0" } else { &raw[..last] });
    out.extend_from_slice(&raw[end..]);
}

/// `2026-05-17 14:02:00+00` is `2026-05-17T14:02:00Z`; infinity and years before Christ stay as they are.
fn timestamp(raw: &[u8], out: &mut Vec<u8>) {
    let raw = raw.strip_suffix(b"+00").unwrap_or(raw);
    out.push(b'"');
    match memchr::memchr(b' ', raw) {
        Some(space) if !raw.ends_with(b"BC") => {
            out.extend_from_slice(&raw[..space]);
            out.push(b'T');
            out.extend_from_slice(&raw[space + 1..]);
            out.push(b'Z');
        }
        _ => out.extend_from_slice(raw),
    }
    out.push(b'"');
}

/// Bytes that cannot stand in a JSON string, or mean something to `COPY`.
const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        special[byte] = true;
        byte += 1;
    }
    special[b'"' as usize] = true;
    special[b'\\' as usize] = true;
    special
};

/// A JSON string of what `COPY` has escaped.
fn string(raw: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = raw;
    loop {
        let plain = rest.iter().position(|byte| SPECIAL[usize::from(*byte)]).unwrap_or(rest.len());
        out.extend_from_slice(&rest[..plain]);
        let Some(special) = rest.get(plain) else { break };
        rest = &rest[plain + 1..];
        let byte = match (special, rest.first()) {
            (b'\\', Some(next)) => {
                rest = &rest[1..];
                meant(*next)
            }
            (other, _) => *other,
        };
        escape(byte, out);
    }
    out.push(b'"');
}

/// What a letter after a backslash means to `COPY`.
fn meant(letter: u8) -> u8 {
    match letter {
        b'b' => 8,
        b't' => b'\t',
        b'n' => b'\n',
        b'v' => 11,
        b'f' => 12,
        b'r' => b'\r',
        other => other,
    }
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        8 => b'b',
        12 => b'f',
        0..0x20 => {
            out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
            return;
        }
        other => {
            out.push(other);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// What a value is without the escapes of `COPY`.
fn unescaped(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw.iter();
    while let Some(byte) = rest.next() {
        match (byte, byte == &b'\\') {
            (_, true) => out.extend(rest.next().map(|next| meant(*next))),
            (byte, false) => out.push(*byte),
        }
    }
    out
}

/// A text as a canonical JSON string.
pub fn quoted(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    out.push(b'"');
    text.bytes().for_each(|byte| escape(byte, &mut out));
    out.push(b'"');
    String::from_utf8_lossy(&out).into_owned()
}

/// JSON with its keys sorted, without needless white space, digits and escapes. What is not JSON, or too deep to be read,
/// is a string.
pub fn canonical_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    match serde_json::from_str::<&RawValue>(text).map(|value| canonical(value.get(), &mut out)) {
        Ok(true) => out,
        _ => quoted(text),
    }
}

fn canonical(text: &str, out: &mut String) -> bool {
    match text.as_bytes().first() {
        Some(b'{') => {
            let Ok(map) = serde_json::from_str::<BTreeMap<String, &RawValue>>(text) else { return false };
            out.push('{');
            for (at, (key, value)) in map.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                out.push_str(&quoted(key));
                out.push_str(": ");
                if !canonical(value.get(), out) {
                    return false;
                }
            }
            out.push('}');
        }
        Some(b'[') => {
            let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(text) else { return false };
            out.push('[');
            for (at, value) in list.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                if !canonical(value.get(), out) {
                    return false;
                }
            }
            out.push(']');
        }
        Some(b'"') => {
            let Ok(string) = serde_json::from_str::<String>(text) else { return false };
            out.push_str(&quoted(&string));
        }
        Some(b'-' | b'0'..=b'9') => {
            let mut trimmed = Vec::new();
            number(text.as_bytes(), &mut trimmed);
            out.push_str(&String::from_utf8_lossy(&trimmed));
        }
        _ => out.push_str(text),
    }
    true
}
