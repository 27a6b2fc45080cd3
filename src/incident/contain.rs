//! Holding back what writes, and letting it go again, step by step.

use std::collections::BTreeMap;

use super::frame;
use crate::base::time::utc_seconds;
use crate::facts::Contained;
use crate::grounds::{Grounds, services, specs};
use crate::plan::{Block, Plan, PlannedStep, Risk};
use crate::step::{HoldTraffic, Step};

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
    if now.as_ref().is_some_and(|now| now.upgrade.is_some()) {
        plan.blocked.extend(frame::frozen(grounds));
        return;
    }
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
        upgrade: None,
    };
    // Who contained it first stays known.
    let contained = match &now {
        Some(now) => Contained { by: now.by.clone(), since: now.since.clone(), ..contained },
        None => contained,
    };
    let release = !read_only && now.as_ref().is_some_and(|now| now.read_only);
    let reason = "nothing is deployed, and less runs, until it is reopened";
    plan.steps.extend(services::hold_back(Some(contained), reason, grounds).0);
    // Asked for once more it is done once more: an attempt before may have ended in between.
    if read_only || release {
        traffic(database, read_only, grounds, plan);
    }
}

/// Goes on to a stage of the reopening.
pub(super) fn reopen(limits: &Limits, grounds: &Grounds<'_>, plan: &mut Plan) {
    let Some(contained) = specs::contained(grounds) else { return };
    if contained.upgrade.is_some() {
        plan.blocked.extend(frame::frozen(grounds));
        return;
    }
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
    plan.steps.extend(services::hold_back(next, reason, grounds).0);
}

/// Holds the writes of a database back, or lets them go.
pub(super) fn traffic(database: &str, hold: bool, grounds: &Grounds<'_>, plan: &mut Plan) {
    let Some(operator) = frame::operator(grounds, plan) else { return };
    let (id, reason) = match hold {
        true => ("hold-writes", "what runs can do no more damage; odpm's repairs go through"),
        false => ("let-writes", "it takes writes again"),
    };
    let step = Step::HoldTraffic(HoldTraffic { operator, database: database.to_owned(), hold });
    plan.steps.push(PlannedStep::new(id, step, reason).risk(Risk::Interrupts));
}
