//! Stop the stack, keep the data.

use super::{Grounds, blocks, frame, services, specs};
use crate::facts::ServerSeen;
use crate::plan::{Plan, PlannedStep, Risk};
use crate::step::Step;

/// Stops what runs: Odoo first, so that its requests end before the server does.
pub fn plan(grounds: &Grounds<'_>) -> Plan {
    let mut plan = frame::empty("down", grounds);
    plan.blocked.extend(frame::unfinished(grounds));
    plan.blocked.extend(frame::unavailable(grounds));
    let running = specs::SERVICES.iter().rev();
    plan.steps.extend(running.filter_map(|name| services::stop(name, "the stack goes down", grounds)));
    plan.blocked.extend(frame::server_unknown(grounds));
    match grounds.seen.engine.server.get() {
        Some(ServerSeen::Running { .. }) => {
            let step = Step::StopServer(specs::server_to_stop(grounds));
            let reason = "the stack goes down; the data stays";
            plan.steps.push(PlannedStep::new("stop-server", step, reason).risk(Risk::Interrupts));
        }
        Some(ServerSeen::Foreign { pid, port }) => {
            plan.blocked.push(blocks::foreign_server(*pid, *port, grounds))
        }
        Some(ServerSeen::Stopped) | None => {}
    }
    plan
}
