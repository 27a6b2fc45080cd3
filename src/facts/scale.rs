//! [`Scale`]: how many of a service run on purpose, against what the project says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `.odpm/scale.json`: deliberate deviations, by plain service names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Scale(pub BTreeMap<String, Scaled>);

/// One deliberate deviation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Scaled {
    /// How many of it shall run.
    pub replicas: u16,
    /// Who wanted it so: `user@host`.
    pub by: String,
    /// Since when: ISO 8601, UTC, seconds.
    pub since: String,
}

impl Scale {
    /// What the file says, nothing where there is none; or a sentence on what is wrong with it.
    pub fn read(text: Option<&str>) -> Result<Self, String> {
        text.map_or_else(|| Ok(Self::default()), |text| serde_json::from_str(text).map_err(|e| e.to_string()))
    }
}
