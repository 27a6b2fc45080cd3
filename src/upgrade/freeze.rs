//! Nothing writes while an upgrade is on its way: what is stopped, and what is given back.

use crate::base::RunId;
use crate::base::time::utc_seconds;
use crate::facts::{Contained, Known, Observation};
use crate::grounds::{Grounds, services, specs};
use crate::plan::PlannedStep;
use crate::step::Step;

/// The world as it is while everything rests: what it takes to get there, and what will be seen then.
pub struct Rest {
    /// The steps.
    pub steps: Vec<PlannedStep>,
    /// What will be seen.
    pub then: Observation,
    /// The services that ran.
    pub ran: Vec<String>,
}

/// Stops what runs, and lets nothing be deployed until the upgrade is at its end. An upgrade that holds it back already hands
/// that on, with what ran when it began. `holder`: the upgrade.
pub fn rest(database: &str, holder: &RunId, ran_before: Option<&[String]>, grounds: &Grounds<'_>) -> Rest {
    let now = specs::contained(grounds);
    let contained = Contained {
        format_version: 1,
        by: now.as_ref().map_or_else(|| grounds.seen.author.name.clone(), |now| now.by.clone()),
        since: now.map_or_else(|| utc_seconds(grounds.seen.at), |now| now.since),
        database: database.to_owned(),
        read_only: false,
        limits: grounds.project.odoo.services.keys().map(|name| (name.clone(), 0)).collect(),
        upgrade: Some(holder.clone()),
    };
    let running = || specs::running(grounds).into_iter().map(str::to_owned).collect();
    let reason = "nothing runs and nothing is deployed until the upgrade is at its end";
    let (mut steps, mut then) = services::hold_back(Some(contained), reason, grounds);
    for step in steps.iter_mut().filter(|step| matches!(step.step, Step::StopService(_))) {
        step.reason = "nobody shall write meanwhile".to_owned();
    }
    if let Known::Known(all) = &mut then.engine.services {
        all.values_mut().for_each(|seen| seen.running = 0);
    }
    Rest { steps, then, ran: ran_before.map_or_else(running, <[String]>::to_vec) }
}

/// Gives everything back: the services that ran run again, and things may be deployed.
pub fn give_back(ran: &[String], grounds: &Grounds<'_>) -> Vec<PlannedStep> {
    let (steps, _) = services::hold_back(None, "the upgrade is at its end", grounds);
    // What rested before goes on resting.
    let rested = |step: &PlannedStep| {
        let name = step.id.strip_prefix("start-");
        name.is_some_and(|name| !ran.iter().any(|ran| ran == name))
    };
    let mut steps: Vec<PlannedStep> = steps.into_iter().filter(|step| !rested(step)).collect();
    for step in steps.iter_mut().filter(|step| matches!(step.step, Step::StartService(_))) {
        step.reason = "it ran before".to_owned();
    }
    steps
}
