//! [`Drift`]: one difference between the baseline and now.

use serde::{Deserialize, Serialize};

use super::{Kind, Severity};
use crate::base::Digest;

/// Where a difference comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Somebody edited the project.
    Edited,
    /// The world changed by itself or by another hand.
    Outside,
    /// Both.
    Both,
    /// Nothing was recorded before.
    First,
    /// A run stopped in the middle.
    Interrupted,
}

/// One difference between the baseline and now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Drift {
    /// What is different.
    pub kind: Kind,
    /// How grave it is here.
    pub severity: Severity,
    /// What the baseline says.
    pub recorded: String,
    /// What is so now.
    pub current: String,
    /// Where the difference comes from.
    pub origin: Origin,
    /// What this instance means, where the kind alone does not tell: one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whether a person may accept it. What would destroy data is never acceptable.
    pub acceptable: bool,
    /// Names the kind with these two values, for `--accept-database-drift=KIND=HASH`.
    pub hash: String,
}

impl Drift {
    /// A difference of `kind`, of its usual gravity.
    pub fn new(kind: Kind, recorded: impl Into<String>, current: impl Into<String>, origin: Origin) -> Self {
        let (recorded, current) = (recorded.into(), current.into());
        let hash = Digest::of_json(&(kind.as_str(), &recorded, &current)).short().to_owned();
        Self {
            kind,
            severity: kind.severity(),
            recorded,
            current,
            origin,
            note: None,
            acceptable: true,
            hash,
        }
    }

    /// With the sentence that says what this instance means.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// With another gravity than usual.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Never to be accepted.
    #[must_use]
    pub fn never(mut self) -> Self {
        self.acceptable = false;
        self
    }
}
