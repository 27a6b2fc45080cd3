//! Run more or fewer of a service on purpose, visibly, until somebody takes it back.

use super::{Grounds, frame, services, specs};
use crate::base::time::utc_seconds;
use crate::facts::Scaled;
use crate::plan::{Block, Plan, PlannedStep};

/// The plan that scales a service to a number, or back to what the project says.
pub fn plan(service: &str, replicas: Option<u16>, grounds: &Grounds<'_>) -> Plan {
    let Grounds { project, seen, .. } = *grounds;
    let mut plan = frame::empty("scale", grounds);
    plan.blocked.extend(frame::unfinished(grounds));
    plan.blocked.extend(frame::frozen(grounds));
    plan.blocked.extend(frame::unavailable(grounds));
    let Some(described) = project.odoo.services.get(service) else {
        let known: Vec<&str> = project.odoo.services.keys().map(String::as_str).collect();
        let block = Block::refused("unknown_service", format!("there is no service {service} to scale"));
        plan.blocked.push(block.hint(format!("The services are: {}.", known.join(", "))));
        return plan;
    };
    if described.port.is_some() && replicas.is_some_and(|replicas| replicas > 1) {
        plan.blocked.push(
            Block::refused("one_port", format!("{service} has one port, which several cannot share"))
                .hint("Use `workers` in odoo.conf, or scale odoo-worker."),
        );
    }
    if !plan.blocked.is_empty() {
        return plan;
    }
    let path = specs::scale_file(project);
    let mut scale = specs::scale(grounds);
    match replicas.filter(|replicas| *replicas != described.replicas) {
        Some(replicas) if scale.0.get(service).is_some_and(|now| now.replicas == replicas) => {}
        Some(replicas) => {
            let (by, since) = (seen.author.name.clone(), utc_seconds(seen.at));
            scale.0.insert(service.to_owned(), Scaled { replicas, by, since });
        }
        None => drop(scale.0.remove(service)),
    }
    let content =
        (!scale.0.is_empty()).then(|| serde_json::to_string_pretty(&scale).unwrap_or_default() + "\n");
    let reason = match replicas {
        Some(replicas) => format!("{service} shall run {replicas} times until that is taken back"),
        None => format!("{service} shall run as odpm.yaml says again"),
    };
    let (step, then) = services::after_writing(path, content, grounds);
    plan.steps.extend(step.map(|step| PlannedStep::new("scale", step, reason)));
    plan.steps.extend(services::one(service, false, &Grounds { seen: &then, ..*grounds }));
    plan
}

/// What to know of the deviations in force: one sentence each.
pub fn notes(grounds: &Grounds<'_>) -> Vec<String> {
    let described =
        |name: &str| grounds.project.odoo.services.get(name).map_or(0, |service| service.replicas);
    let note = |(name, scaled): (&String, &Scaled)| {
        format!(
            "{name} is scaled to {} by {} since {}; odpm.yaml says {}. Take it back: odpm scale --service {name} --reset",
            scaled.replicas,
            scaled.by,
            scaled.since,
            described(name)
        )
    };
    specs::scale(grounds).0.iter().map(note).collect()
}
