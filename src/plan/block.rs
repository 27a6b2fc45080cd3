//! [`Block`]: why a plan may not be applied, whatever people accept.

use serde::{Deserialize, Serialize};

use crate::error::Kind;

/// Something that stands in the way, and that no acceptance removes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Block {
    /// A name for programs: `other_major`, `port_in_use`.
    pub code: String,
    /// Whether the machine has to change (`environment`) or a person has to decide (`refused`).
    #[schemars(with = "String")]
    pub kind: Kind,
    /// What stands in the way: one sentence without a full stop.
    pub what: String,
    /// Why that is so, where it needs saying.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

impl Block {
    /// The machine is not as it has to be.
    pub fn environment(code: &str, what: impl Into<String>) -> Self {
        Self::new(code, Kind::Environment, what)
    }

    /// A person has to decide.
    pub fn refused(code: &str, what: impl Into<String>) -> Self {
        Self::new(code, Kind::Refused, what)
    }

    fn new(code: &str, kind: Kind, what: impl Into<String>) -> Self {
        Self { code: code.to_owned(), kind, what: what.into(), why: Vec::new(), hints: Vec::new() }
    }

    /// Adds a cause.
    #[must_use]
    pub fn because(mut self, why: impl Into<String>) -> Self {
        self.why.push(why.into());
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}
