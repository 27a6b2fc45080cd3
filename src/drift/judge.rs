//! Matches the differences with what people accepted.

use serde::{Deserialize, Serialize};

use super::{Acceptance, Drift, How};

/// A difference and whether a person accepted it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Judged {
    /// The difference.
    #[serde(flatten)]
    pub drift: Drift,
    /// How a person accepted it, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<How>,
}

impl Judged {
    /// Whether it still waits for a person.
    pub fn pending(&self) -> bool {
        self.drift.severity.needs_a_person() && self.accepted.is_none()
    }
}

/// All differences, judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// The differences, in the order of their kinds.
    pub drift: Vec<Judged>,
    /// What to say about acceptances that met nothing.
    pub warnings: Vec<String>,
}

impl Judgement {
    /// The differences that wait for a person.
    pub fn pending(&self) -> impl Iterator<Item = &Judged> {
        self.drift.iter().filter(|judged| judged.pending())
    }
}

/// Matches each difference with the acceptances of its own kind and values; no acceptance ever covers
/// another kind.
pub fn judge(drift: Vec<Drift>, acceptances: &[Acceptance]) -> Judgement {
    let mut warnings = Vec::new();
    for acceptance in acceptances {
        let kind = acceptance.kind.as_str();
        match drift.iter().find(|d| d.kind == acceptance.kind) {
            None => warnings.push(format!("{kind} was accepted, but there is no such drift.")),
            Some(found) if !found.acceptable => {
                warnings.push(format!("{kind} was accepted, but this one cannot be."));
            }
            Some(found) if !acceptance.covers(found) => warnings.push(format!(
                "{kind} was accepted for other values than today's; today's are {kind}={}.",
                found.hash
            )),
            Some(_) => {}
        }
    }
    let drift = drift
        .into_iter()
        .map(|drift| {
            let by = acceptances.iter().find(|a| drift.acceptable && a.covers(&drift));
            Judged { accepted: by.map(|a| a.how), drift }
        })
        .collect();
    Judgement { drift, warnings }
}
