//! [`Acceptance`]: what a person agreed to.

use serde::{Deserialize, Serialize};

use super::{Drift, Kind};
use crate::base::suggest::nearest;
use crate::error::{Error, Result};

/// How a person agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// With `--accept-database-drift`.
    Flag,
    /// At the prompt.
    Prompt,
}

/// A person's agreement to one kind of drift.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// The kind; no other is meant.
    pub kind: Kind,
    /// The values agreed to, as [`Drift::hash`]; any values of the kind when `None`.
    pub hash: Option<String>,
    /// How.
    pub how: How,
}

impl Acceptance {
    /// Reads `KIND` or `KIND=HASH` as given on the command line.
    ///
    /// An unknown kind, or a hash that is none, is wrong usage.
    pub fn parse(text: &str) -> Result<Self> {
        let (name, hash) = match text.split_once('=') {
            Some((name, hash)) => (name, Some(hash)),
            None => (text, None),
        };
        let Some(kind) = Kind::parse(name) else {
            let known: Vec<&str> = Kind::ALL.iter().map(|k| k.as_str()).collect();
            let error = Error::usage(format!("there is no kind of drift called `{name}`"));
            return Err(match nearest(name, known.iter().copied()) {
                Some(near) => error.hint(format!("Did you mean `--accept-database-drift={near}`?")),
                None => error.hint(format!("The kinds are: {}.", known.join(", "))),
            });
        };
        if let Some(hash) = hash
            && (hash.len() != 12 || !hash.bytes().all(|b| b.is_ascii_hexdigit()))
        {
            return Err(Error::usage(format!("`{hash}` is not the hash of a drift"))
                .hint("A hash has twelve hexadecimal digits; `odpm plan` prints it beside each drift."));
        }
        Ok(Self { kind, hash: hash.map(str::to_lowercase), how: How::Flag })
    }

    /// Agreement at the prompt to exactly this drift.
    pub fn at_the_prompt(drift: &Drift) -> Self {
        Self { kind: drift.kind, hash: Some(drift.hash.clone()), how: How::Prompt }
    }

    /// Whether it means this drift.
    pub fn covers(&self, drift: &Drift) -> bool {
        self.kind == drift.kind && self.hash.as_ref().is_none_or(|hash| *hash == drift.hash)
    }
}
