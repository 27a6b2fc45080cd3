//! [`Contained`]: what is held back while an incident or an upgrade goes on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::RunId;

/// `.odpm/contained.json`: as long as it is there, nothing is deployed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contained {
    /// The version of this form: 1.
    pub format_version: u32,
    /// Who wanted it: `user@host`.
    pub by: String,
    /// Since when: ISO 8601, UTC, seconds.
    pub since: String,
    /// The database.
    pub database: String,
    /// Whether the database takes no writes but odpm's.
    pub read_only: bool,
    /// How many of a service run at most, by plain names.
    pub limits: BTreeMap<String, u16>,
    /// The upgrade that holds it back, where it is no incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<RunId>,
}

impl Contained {
    /// The commands that let go what it holds back.
    pub fn ways_out(&self) -> &'static str {
        match self.upgrade {
            Some(_) => "odpm upgrade run --fix-forward, or odpm upgrade rollback",
            None => "odpm incident reopen",
        }
    }

    /// What the file says, `None` where there is none; or a sentence on what is wrong with it.
    pub fn read(text: Option<&str>) -> Result<Option<Self>, String> {
        text.map(serde_json::from_str).transpose().map_err(|e| e.to_string())
    }
}
