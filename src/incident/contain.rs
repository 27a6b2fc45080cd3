//! Holding back what writes, and letting it go again, step by step.

use std::collections::BTreeMap;

use super::frame;
use crate::base::time::utc_seconds;
use crate::facts::{Contained, FileSeen};
use crate::grounds::{Grounds, services, specs};
use crate::plan::{Block, Plan, PlannedStep, Risk};
use crate::step::{HoldTraffic, RemoveFile, Step, WriteFile};

/// What runs at most while an incident is contained: no cron, and one of what works through queues.
pub const LIMITS: [(&str, u16); 2] = [("odoo-cron", 0), ("odoo-worker", 1)];

/// How much of each service runs at most; nothing is held back where it is empty.
pub type Limits = BTreeMap<String, u16>;

/// The stages of a reopening: what is held back in each, at last nothing.
pub fn stages(grounds: &Grounds<'_>) -> Vec<Limits> {
    let held = specs::contained(grounds).map(|contained| contained.limits).unwrap_or_default();
    let wants = |name: &String| specs::unlimited(name, grounds);
    // One of each first: what goes wrong goes wrong once.
    let one: Limits = held
        .iter()
        .filter(|(name, limit)| **limit == 0 && wants(name) > 0 || wants(name) > 1 && **limit > 0)
        .map(|(name, limit)| (name.clone(), (*limit).max(1)))
        .collect();
    let changes = |limits: &Limits| {
        held.iter().any(|(name, limit)| limits.get(name).is_some_and(|next| next.min(&wants(name)) > limit))
    };
    let mut stages = Vec::new();
    if changes(&one) {
        stages.push(one);
    }
    stages.push(Limits::new());
    stages
}

/// Holds back so much, in place of whatever is held back now.
pub(super) fn contain(database: &str, read_only: bool, grounds: &Grounds<'_>, plan: &mut Plan) {
    let now = specs::contained(grounds);
    if let Some(now) = now.as_ref().filter(|now| now.database != database) {
        let block = Block::refused("contained", format!("{} is contained already", now.database));
        plan.blocked.push(block.hint("Reopen it first: odpm incident reopen"));
        return;
    }
    let described = grounds.project.odoo.services.keys();
    // From 18 on Odoo says of each of its transactions that it writes: it has to rest where nobody shall write.
    let limit = |name: &str| match LIMITS.iter().find(|(limited, _)| *limited == name) {
        _ if read_only => Some(0),
        limited => limited.map(|(_, limit)| *limit),
    };
    let limits = described.filter_map(|name| Some((name.clone(), limit(name)?))).collect();
    let contained = Contained {
        format_version: 1,
        by: grounds.seen.author.name.clone(),
        since: utc_seconds(grounds.seen.at),
        database: database.to_owned(),
        read_only,
        limits,
    };
    // Who contained it first stays known.
    let contained = match &now {
        Some(now) => Contained { by: now.by.clone(), since: now.since.clone(), ..contained },
        None => contained,
    };
    let release = !read_only && now.as_ref().is_some_and(|now| now.read_only);
    write(Some(contained), "nothing is deployed, and less runs, until it is reopened", grounds, plan);
    // Asked for once more it is done once more: an attempt before may have ended in between.
    if read_only || release {
        traffic(database, read_only, grounds, plan);
    }
}

/// Goes on to a stage of the reopening.
pub(super) fn reopen(limits: &Limits, grounds: &Grounds<'_>, plan: &mut Plan) {
    let Some(contained) = specs::contained(grounds) else { return };
    if contained.read_only {
        traffic(&contained.database, false, grounds, plan);
    }
    let next = (!limits.is_empty()).then(|| Contained {
        read_only: false,
        limits: limits.clone(),
        ..contained.clone()
    });
    let reason = match next {
        Some(_) => "one of each first",
        None => "everything runs as odpm.yaml says",
    };
    write(next, reason, grounds, plan);
}

/// Holds the writes of a database back, or lets them go.
pub(super) fn traffic(database: &str, hold: bool, grounds: &Grounds<'_>, plan: &mut Plan) {
    let Some(operator) = specs::operator(grounds) else {
        plan.blocked.push(frame::no_programs(grounds));
        return;
    };
    let (id, reason) = match hold {
        true => ("hold-writes", "what runs can do no more damage; odpm's repairs go through"),
        false => ("let-writes", "it takes writes again"),
    };
    let step = Step::HoldTraffic(HoldTraffic { operator, database: database.to_owned(), hold });
    plan.steps.push(PlannedStep::new(id, step, reason).risk(Risk::Interrupts));
}

/// Replaces what is held back, and brings the services to it.
fn write(contained: Option<Contained>, reason: &str, grounds: &Grounds<'_>, plan: &mut Plan) {
    let path = grounds.project.state().contained();
    let before = grounds.seen.files.get(&path).unwrap_or(&FileSeen::Absent).clone();
    let content =
        contained.map(|contained| serde_json::to_string_pretty(&contained).unwrap_or_default() + "\n");
    let step = match (&content, before.digest()) {
        (None, None) => None,
        (None, Some(expect)) => Some(Step::RemoveFile(RemoveFile { path: path.clone(), expect })),
        (Some(content), _) if before.text() == Some(content.as_str()) => None,
        (Some(content), before) => {
            let content = content.clone();
            Some(Step::WriteFile(WriteFile { path: path.clone(), content, mode: 0o644, before }))
        }
    };
    let id = if content.is_some() { "hold-back" } else { "let-go" };
    let step = step.map(|step| PlannedStep::new(id, step, reason));
    // The services as they will be wanted once that is written.
    let mut then = grounds.seen.clone();
    then.files.insert(path, content.map_or(FileSeen::Absent, FileSeen::Text));
    let then = Grounds { seen: &then, ..*grounds };
    let services = specs::SERVICES.iter().flat_map(|name| services::one(name, false, &then));
    match id {
        // A reopening is over when all of it runs.
        "let-go" => plan.steps.extend(services.chain(step)),
        _ => plan.steps.extend(step.into_iter().chain(services)),
    }
}
