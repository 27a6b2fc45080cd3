//! The steps on the services of Odoo.

use std::path::PathBuf;

use super::{Grounds, specs};
use crate::facts::{Contained, FileSeen, Observation, ServiceSeen};
use crate::plan::{PlannedStep, Risk};
use crate::step::{RemoveFile, Step, WriteFile};

/// Replaces a file that says how many of a service are wanted, or removes it where there is no text for it: the step, unless the
/// file is so already, and what will be seen once that is done.
pub fn after_writing(
    path: PathBuf,
    content: Option<String>,
    grounds: &Grounds<'_>,
) -> (Option<Step>, Observation) {
    let before = grounds.seen.files.get(&path).unwrap_or(&FileSeen::Absent);
    let step = match (&content, before.digest()) {
        (None, None) => None,
        (None, Some(expect)) => Some(Step::RemoveFile(RemoveFile { path: path.clone(), expect })),
        (Some(content), _) if before.text() == Some(content.as_str()) => None,
        (Some(content), before) => {
            let content = content.clone();
            Some(Step::WriteFile(WriteFile { path: path.clone(), content, mode: 0o644, before }))
        }
    };
    let mut then = grounds.seen.clone();
    then.files.insert(path, content.map_or(FileSeen::Absent, FileSeen::Text));
    (step, then)
}

/// Replaces what is held back, and brings the services to it; with what will be seen once the file is written.
pub fn hold_back(
    contained: Option<Contained>,
    reason: &str,
    grounds: &Grounds<'_>,
) -> (Vec<PlannedStep>, Observation) {
    let path = grounds.project.state().contained();
    let content =
        contained.map(|contained| serde_json::to_string_pretty(&contained).unwrap_or_default() + "\n");
    let id = if content.is_some() { "hold-back" } else { "let-go" };
    let (step, then) = after_writing(path, content, grounds);
    let step = step.map(|step| PlannedStep::new(id, step, reason));
    let wanted = Grounds { seen: &then, ..*grounds };
    let services = specs::SERVICES.iter().flat_map(|name| one(name, false, &wanted));
    let steps = match id {
        // What was held back is so no more when all of it runs.
        "let-go" => services.chain(step).collect(),
        _ => step.into_iter().chain(services).collect(),
    };
    (steps, then)
}

/// What runs is stopped before these steps, and started again after them.
pub fn around(steps: Vec<PlannedStep>, grounds: &Grounds<'_>) -> Vec<PlannedStep> {
    let running = specs::running(grounds);
    let again = |name: &&'static str| specs::service(name, grounds);
    let stop = running.iter().rev().filter_map(|name| {
        let mut reason = "it would go on with what it remembers of the database".to_owned();
        if again(name).is_none() {
            let why = grounds.seen.engine.odoo.why().unwrap_or("Odoo's source is not given any more");
            reason += &format!("; it cannot be started again, for {why}");
        }
        stop(name, &reason, grounds)
    });
    let start = running.iter().filter_map(|name| {
        let step = Step::StartService(again(name)?);
        Some(PlannedStep::new(format!("start-{name}"), step, "it ran before"))
    });
    stop.chain(steps).chain(start).collect()
}

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
