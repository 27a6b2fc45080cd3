//! PostgreSQL major versions and where they can be read from.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A PostgreSQL major version, 10 or later (the first with one number).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct PgMajor(pub u32);

impl PgMajor {
    /// The major in an image tag (`16`, `16.4`, `16-alpine`, `16.4-bookworm`); `None` for `latest` and the like.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let digits: String = tag.chars().take_while(char::is_ascii_digit).collect();
        let rest = &tag[digits.len()..];
        let ends_well = rest.is_empty() || rest.starts_with(['.', '-']);
        digits.parse().ok().filter(|n| ends_well && (9..1000).contains(n)).map(Self)
    }

    /// The major in the text of a `PG_VERSION` file: the number and nothing else.
    pub fn from_pg_version(text: &str) -> Option<Self> {
        let text = text.trim_end();
        // 9.6 and its elders are written with a dot; they are all older than anything we start.
        let number = text.strip_prefix("9.").map_or(text, |_| "9");
        number.parse().ok().filter(|n| (8..1000).contains(n)).map(Self)
    }

    /// The major in the output of `postgres --version`: `postgres (PostgreSQL) 15.18 (Debian ...)`.
    pub fn from_version_line(line: &str) -> Option<Self> {
        let (_, after) = line.split_once("(PostgreSQL)")?;
        let word = after.split_whitespace().next()?;
        let digits: String = word.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok().map(Self)
    }
}

impl fmt::Display for PgMajor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn majors_are_read_from_tags() {
        for (tag, major) in [
            ("16", Some(16)),
            ("16.4", Some(16)),
            ("15-alpine", Some(15)),
            ("latest", None),
            ("16x", None),
            ("", None),
        ] {
            assert_eq!(PgMajor::from_tag(tag).map(|m| m.0), major, "{tag}");
        }
    }

    #[test]
    fn majors_are_read_from_pg_version_files_strictly() {
        for (text, major) in
            [("16\n", Some(16)), ("9.6\n", Some(9)), ("16.4", None), ("", None), ("\0\0", None)]
        {
            assert_eq!(PgMajor::from_pg_version(text).map(|m| m.0), major, "{text:?}");
        }
    }

    #[test]
    fn majors_are_read_from_version_lines() {
        assert_eq!(
            PgMajor::from_version_line("postgres (PostgreSQL) 15.18 (Debian 15.18-0)"),
            Some(PgMajor(15))
        );
        assert_eq!(PgMajor::from_version_line("postgres (PostgreSQL) 18beta1"), Some(PgMajor(18)));
    }
}
