//! The steps on the services of Odoo.

use super::{Grounds, specs};
use crate::facts::ServiceSeen;
use crate::plan::{PlannedStep, Risk};
use crate::step::Step;

/// Brings one service to the wanted number and configuration.
pub fn one(name: &str, restart: bool, grounds: &Grounds<'_>) -> Vec<PlannedStep> {
    if specs::replicas(name, grounds) == 0 {
        return stop(name, "none of it is wanted", grounds).into_iter().collect();
    }
    let Some(spec) = specs::service(name, grounds) else { return Vec::new() };
    let seen = seen(name, grounds);
    let running = seen.map_or(0, |seen| seen.running);
    let start = |reason: String| {
        let risk = if running > 0 { Risk::Interrupts } else { Risk::None };
        PlannedStep::new(format!("start-{name}"), Step::StartService(spec.clone()), reason).risk(risk)
    };
    if running > 0 && restart {
        let stop = stop(name, "odoo.conf gets another password", grounds);
        return stop.into_iter().chain([start("it was stopped to read odoo.conf anew".to_owned())]).collect();
    }
    let config = seen.and_then(|seen| seen.config.as_deref());
    if running != spec.replicas {
        let ended =
            seen.and_then(|seen| seen.exited.first()).map_or_else(String::new, |end| format!(" ({end})"));
        return vec![start(format!("{running} of {} run{ended}", spec.replicas))];
    }
    if config != Some(spec.config.as_str()) {
        return vec![start("it runs with another configuration".to_owned())];
    }
    Vec::new()
}

/// Stops a service that runs.
pub fn stop(name: &str, reason: &str, grounds: &Grounds<'_>) -> Option<PlannedStep> {
    seen(name, grounds).filter(|seen| seen.running > 0)?;
    let spec = specs::service_to_stop(name, grounds)?;
    Some(PlannedStep::new(format!("stop-{name}"), Step::StopService(spec), reason).risk(Risk::Interrupts))
}

fn seen<'a>(name: &str, grounds: &Grounds<'a>) -> Option<&'a ServiceSeen> {
    grounds.seen.engine.services.get()?.get(name)
}
