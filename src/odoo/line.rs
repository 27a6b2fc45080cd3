//! One line of a log: what was put before it by whoever carried it, and the head that Odoo gives each record.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

/// How bad a record says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Told on request only.
    Debug,
    /// Told.
    Info,
    /// Something is odd.
    Warning,
    /// Something failed.
    Error,
    /// The server, or a database, cannot go on.
    Critical,
}

/// The head of a record: `TIME PID LEVEL DATABASE LOGGER: MESSAGE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// The moment as it is written, to the millisecond, in the server's own zone.
    pub time: &'a str,
    /// The process.
    pub pid: u32,
    /// How bad it is.
    pub level: Level,
    /// The database, or `?`.
    pub database: &'a str,
    /// Who says it.
    pub logger: &'a str,
    /// What it says.
    pub message: &'a str,
}

/// `2026-11-20 20:39:14,098` is this long.
const MOMENT: usize = 23;

/// Whether a line begins as every record of Odoo's does.
fn dated(bytes: &[u8]) -> bool {
    const FORM: &[u8; MOMENT + 1] = b"0000-00-00 00:00:00,000 ";
    bytes.len() > MOMENT
        && bytes.iter().zip(FORM).all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            other => byte == other,
        })
}

/// The head of a record, where the line is one.
pub fn head(line: &str) -> Option<Head<'_>> {
    if !dated(line.as_bytes()) {
        return None;
    }
    let (pid, rest) = line.get(MOMENT + 1..)?.split_once(' ')?;
    let (level, rest) = rest.split_once(' ')?;
    let level = match level {
        "DEBUG" => Level::Debug,
        "INFO" | "RUNBOT" | "TEST" => Level::Info,
        "WARNING" => Level::Warning,
        "ERROR" => Level::Error,
        "CRITICAL" => Level::Critical,
        _ => return None,
    };
    let (database, rest) = rest.split_once(' ')?;
    // A message that is empty leaves a colon at the end of the line.
    let (logger, message) =
        rest.split_once(": ").or_else(|| rest.strip_suffix(':').map(|name| (name, "")))?;
    Some(Head { time: &line[..MOMENT], pid: pid.parse().ok()?, level, database, logger, message })
}

/// Whether another program has written the line, by its form: PostgreSQL's own log, or a web server's.
pub fn foreign(line: &str) -> bool {
    let bytes = line.as_bytes();
    if bytes.first() == Some(&b'\t') {
        // PostgreSQL goes on with a tab; Python and Odoo never do.
        return true;
    }
    let access = || line.contains("] \"") && line.contains(" HTTP/") && !line.contains("werkzeug");
    let digits = |range: std::ops::Range<usize>| {
        bytes.get(range).is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    };
    if !digits(0..4) && !digits(0..1) {
        return false;
    }
    // `2026-11-20 20:39:14.098 UTC [71] ERROR:  ...` has a full stop where Odoo has a comma.
    let server = digits(0..4)
        && bytes.get(4) == Some(&b'-')
        && bytes.get(10) == Some(&b' ')
        && bytes.get(19).is_some_and(|byte| *byte == b'.' || *byte == b' ')
        && (line.contains(":  ") || line.contains("LOG:"));
    server || access()
}

/// The line without colours and without what carried it, and a number for the source that is named there: 0 where
/// none is. Lines of one source belong together, whatever comes between them.
pub fn strip(line: &str) -> (u64, Cow<'_, str>) {
    let line = colourless(line);
    if dated(line.as_bytes()) {
        return (0, line);
    }
    match line {
        Cow::Borrowed(text) => {
            let (source, rest) = carried(text);
            (source, rest)
        }
        Cow::Owned(text) => {
            let (source, rest) = carried(&text);
            (source, Cow::Owned(rest.into_owned()))
        }
    }
}

fn colourless(line: &str) -> Cow<'_, str> {
    let line = line.trim_end_matches('\r');
    if memchr::memchr(0x1b, line.as_bytes()).is_none() {
        return Cow::Borrowed(line);
    }
    let mut text = String::with_capacity(line.len());
    let mut parts = line.split('\u{1b}');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let body = part.strip_prefix('[').unwrap_or(part);
        let end = body.find(|c: char| c.is_ascii_alphabetic()).map_or(body.len(), |at| at + 1);
        text.push_str(&body[end..]);
    }
    Cow::Owned(text)
}

fn carried(mut line: &str) -> (u64, Cow<'_, str>) {
    let mut names = DefaultHasher::new();
    let mut found = false;
    // Compose before docker's time, journald before a container's: two of them at most, in practice.
    for _ in 0..3 {
        if let Some(text) = in_json(line) {
            return (0, Cow::Owned(text));
        }
        let Some((name, rest)) = service(line).or_else(|| stamped(line)).or_else(|| syslog(line)) else {
            break;
        };
        if !name.is_empty() {
            name.hash(&mut names);
            found = true;
        }
        line = rest;
        if dated(line.as_bytes()) {
            break;
        }
    }
    (if found { names.finish() | 1 } else { 0 }, Cow::Borrowed(line))
}

/// `{"log":"...\n","stream":"stderr","time":"..."}`, as docker keeps it on disk.
fn in_json(line: &str) -> Option<String> {
    if !line.starts_with("{\"log\":\"") {
        return None;
    }
    let mut value: serde_json::Value = serde_json::from_str(line).ok()?;
    match value.get_mut("log")?.take() {
        serde_json::Value::String(text) => Some(text.trim_end_matches(['\n', '\r']).to_owned()),
        _ => None,
    }
}

/// `odoo-1  | ...`, as Compose shows it.
fn service(line: &str) -> Option<(&str, &str)> {
    let at = memchr::memchr(b'|', line.as_bytes().get(..64).unwrap_or(line.as_bytes()))?;
    let name = line[..at].strip_suffix(' ')?.trim_end();
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || !name.chars().all(fits) {
        return None;
    }
    let rest = &line[at + 1..];
    Some((name, rest.strip_prefix(' ').unwrap_or(rest)))
}

/// `2026-11-20T20:39:14.098123456Z ...` of docker and CI; with `stderr F` of Kubernetes; with a host and a program of syslog.
fn stamped(line: &str) -> Option<(&str, &str)> {
    let bytes = line.as_bytes();
    if bytes.get(10) != Some(&b'T') || bytes.get(4) != Some(&b'-') || !bytes[0].is_ascii_digit() {
        return None;
    }
    let (_, rest) = line.split_once(' ').unwrap_or((line, ""));
    for stream in ["stderr F ", "stdout F ", "stderr P ", "stdout P "] {
        if let Some(rest) = rest.strip_prefix(stream) {
            return Some(("", rest));
        }
    }
    Some(program(rest).unwrap_or(("", rest)))
}

/// `Nov 20 20:39:14 host odoo[6467]: ...`, of journald and syslog.
fn syslog(line: &str) -> Option<(&str, &str)> {
    let bytes = line.as_bytes();
    let clock = bytes.get(6..16)?;
    let shaped = clock[0] == b' ' && clock[3] == b':' && clock[6] == b':' && clock[9] == b' ';
    if !shaped || bytes[3] != b' ' || !bytes[..3].iter().all(u8::is_ascii_alphabetic) {
        return None;
    }
    program(line.get(16..)?)
}

/// `host odoo[6467]: ...`.
fn program(text: &str) -> Option<(&str, &str)> {
    let space = text.find(' ')?;
    let colon = space
        + text.get(space + 1..)?.find(": ").or_else(|| text[space + 1..].strip_suffix(':').map(str::len))?
        + 1;
    let name = &text[space + 1..colon];
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.[]/@()".contains(c);
    if name.is_empty() || !name.chars().all(fits) || !name.ends_with(']') && name.contains('.') {
        return None;
    }
    let rest = &text[colon + 1..];
    Some((&text[..colon], rest.strip_prefix(' ').unwrap_or(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "2026-11-20 20:39:14,098 6467 INFO shop odoo.modules.loading: loading 1 modules...";

    #[test]
    fn a_head_is_taken_apart() {
        let head = head(PLAIN).unwrap();
        assert_eq!((head.pid, head.level, head.database), (6467, Level::Info, "shop"));
        assert_eq!((head.logger, head.message), ("odoo.modules.loading", "loading 1 modules..."));
        assert_eq!(head.time, "2026-11-20 20:39:14,098");
        for line in ["", "2026", "2026-11-20 20:39:14,098", "2026-11-20 20:39:14.098 UTC [1] LOG:  ready"] {
            assert_eq!(super::head(line), None, "{line}");
        }
    }

    #[test]
    fn what_carried_a_line_is_taken_off() {
        let carriers = [
            "",
            "odoo-1  | ",
            "odoo | ",
            "2026-11-20T20:39:14.098123456Z ",
            "odoo-1  | 2026-11-20T20:39:14.098123456Z ",
            "2026-11-20T20:39:14.098123456Z stderr F ",
            "Nov 20 20:39:14 shop odoo[6467]: ",
            "Nov  2 20:39:14 shop odoo-bin[6467]: ",
            "2026-11-20T20:39:14+0100 shop odoo[6467]: ",
        ];
        for carrier in carriers {
            let line = format!("{carrier}{PLAIN}");
            assert_eq!(strip(&line).1, PLAIN, "{carrier}");
            let line = format!("{carrier}  File \"/x.py\", line 2, in migrate");
            assert_eq!(strip(&line).1, "  File \"/x.py\", line 2, in migrate", "{carrier}");
        }
        let coloured = PLAIN.replace("INFO", "\u{1b}[1;32m\u{1b}[1;49mINFO\u{1b}[0m");
        assert_eq!(strip(&format!("{coloured}\r")).1, PLAIN);
        let json =
            format!("{{\"log\":\"{PLAIN}\\n\",\"stream\":\"stderr\",\"time\":\"2026-11-20T20:39:14Z\"}}");
        assert_eq!(strip(&json).1, PLAIN);
    }

    #[test]
    fn services_are_told_apart() {
        assert_ne!(strip("odoo-1  | a").0, strip("db-1    | a").0);
        assert_eq!(strip("odoo-1  | a").0, strip("odoo-1  | b").0);
        assert_eq!(strip("a").0, 0);
    }

    #[test]
    fn lines_of_other_programs_are_known() {
        assert!(foreign("2026-11-20 20:39:14.098 UTC [71] ERROR:  column \"a\" does not exist"));
        assert!(foreign("10.0.0.1 - - [20/Nov/2026:20:39:14 +0000] \"GET /web HTTP/1.1\" 200 5"));
        for own in ["ERROR: column \"a\" does not exist", "  File \"/x.py\", line 1, in f", "", "LINE 1: a"] {
            assert!(!foreign(own), "{own}");
        }
    }
}
