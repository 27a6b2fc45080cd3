//! [`Check`]: one thing that was looked at before anything is done.

use serde::Serialize;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Check {
    /// What: `engine`, `ports`.
    pub name: String,
    /// Whether it is as it has to be; `null` when that could not be learned, or when a person has to judge it.
    pub good: Option<bool>,
    /// What was seen.
    pub detail: String,
    /// What to do about it.
    pub remedies: Vec<String>,
}

impl Check {
    fn new(name: &str, good: Option<bool>, detail: impl Into<String>) -> Self {
        Self { name: name.to_owned(), good, detail: detail.into(), remedies: Vec::new() }
    }

    /// It is as it has to be.
    pub fn good(name: &str, detail: impl Into<String>) -> Self {
        Self::new(name, Some(true), detail)
    }

    /// It is not.
    pub fn bad(name: &str, detail: impl Into<String>) -> Self {
        Self::new(name, Some(false), detail)
    }

    /// Nobody can say, or a person has to.
    pub fn open(name: &str, detail: impl Into<String>) -> Self {
        Self::new(name, None, detail)
    }

    /// With what to do about it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedies.push(remedy.into());
        self
    }
}
