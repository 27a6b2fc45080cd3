//! The last step of a plan that brings a stack up.

use serde::{Deserialize, Serialize};

use super::Endpoint;
use crate::base::{RunId, SecretRef};
use crate::facts::{Accepted, Baseline};

/// Replaces `last_run.json` and its companion.
///
/// What only the world can tell when the step runs - the major of the data directory, whether it
/// holds anything, the cluster's identity - is read then and filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RecordBaseline {
    /// The run that records it.
    pub run: RunId,
    /// What to record.
    pub baseline: Baseline,
    /// `docker` or `local`.
    pub engine: String,
    /// The drift that people accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<Accepted>,
    /// Where the cluster's identity is asked.
    pub endpoint: Endpoint,
    /// The role that asks.
    pub role: String,
    /// Its password.
    pub secret: SecretRef,
}
