//! [`Series`]: the line of Odoo's releases that a version belongs to.

use std::fmt;

/// A series: `18.0`, `saas~18.1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    text: String,
    major: u32,
}

impl Series {
    /// The series that a text names; `None` where it names none.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.trim_start_matches(|c: char| !c.is_ascii_digit());
        let major = digits.split(['.', '-', '+']).next()?.parse().ok()?;
        Some(Self { text: text.to_owned(), major })
    }

    /// As Odoo writes it before a version.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its first number.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// Whether a whole version is one of this series.
    pub fn has(&self, version: &str) -> bool {
        version.strip_prefix(&self.text).is_some_and(|rest| rest.starts_with('.'))
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
