//! The steps that give odpm its administrative role, and Odoo the application role.

use super::{Grounds, blocks, frame, specs};
use crate::base::SecretRef;
use crate::facts::ServerSeen;
use crate::plan::{Block, Plan, PlannedStep, Risk};
use crate::step::{BootstrapRoles, ServerSpec, Step};

/// Whether the administrative role has to be made in single-user mode: there is a cluster, and either odpm
/// has no password for it, or the server says that it is another one.
pub fn needs_bootstrap(grounds: &Grounds<'_>) -> bool {
    let seen = grounds.seen;
    let own = grounds.project.postgres.external.is_none();
    own && seen.data_dir.cluster().is_some() && (!seen.admin_secret || seen.live.admin_login.is(&false))
}

/// Makes the administrative role, the server being stopped for it.
pub fn bootstrap(server: &ServerSpec, grounds: &Grounds<'_>) -> Vec<PlannedStep> {
    let mut steps = Vec::new();
    if matches!(grounds.seen.engine.server.get(), Some(ServerSeen::Running { .. })) {
        let step = Step::StopServer(server.clone());
        steps.push(
            PlannedStep::new("stop-server", step, "single-user mode needs it stopped").risk(Risk::Interrupts),
        );
    }
    let step = Step::BootstrapRoles(BootstrapRoles {
        server: server.clone(),
        admin_role: specs::ADMIN_ROLE.to_owned(),
        admin: SecretRef::AdminPassword,
    });
    let reason =
        "nobody knows the administrative role's password; databases and their owners stay as they are";
    steps.push(PlannedStep::new("bootstrap-roles", step, reason).risk(Risk::Access));
    steps
}

/// Creates or mends the application role.
pub fn ensure(reason: impl Into<String>, grounds: &Grounds<'_>) -> PlannedStep {
    let step = Step::EnsureRoles(specs::ensure_roles(grounds.project));
    PlannedStep::new("ensure-roles", step, reason).risk(Risk::Access)
}

/// Proves that the application role can log in.
pub fn verify(grounds: &Grounds<'_>) -> PlannedStep {
    let step = Step::VerifyLogin(specs::verify_login(grounds.project));
    PlannedStep::new("verify-login", step, "Odoo logs in just so")
}

/// What is not right with the roles of the running server, in words; `None` when all is well or not known.
pub fn amiss(grounds: &Grounds<'_>) -> Option<String> {
    let live = &grounds.seen.live;
    let role = &grounds.project.postgres.role;
    if live.role_present.is(&false) {
        return Some(format!("there is no role {role}"));
    }
    if live.role_login.is(&false) {
        return Some(format!("{role} cannot log in with the project's password"));
    }
    if live.role_fit.is(&false) {
        return Some(format!("{role} has to be LOGIN CREATEDB and no superuser"));
    }
    let missing = live.missing_extensions.get().filter(|missing| !missing.is_empty())?;
    Some(format!("new databases cannot use {}", missing.join(" and ")))
}

/// The plan of `database ensure-role`.
pub fn plan(grounds: &Grounds<'_>) -> Plan {
    let mut plan = frame::empty("database ensure-role", grounds);
    plan.blocked.extend(frame::unfinished(grounds));
    match grounds.seen.engine.server.get() {
        _ if grounds.project.postgres.external.is_some() => {
            plan.blocked.extend(blocks::external(true, grounds))
        }
        Some(ServerSeen::Running { .. }) => {}
        Some(ServerSeen::Foreign { pid, port }) => {
            plan.blocked.push(blocks::foreign_server(*pid, *port, grounds));
        }
        _ => plan.blocked.push(
            Block::environment("server_stopped", "the server is not running")
                .hint("Start it: odpm apply, which looks after the roles as well."),
        ),
    }
    if !plan.blocked.is_empty() {
        return plan;
    }
    plan.steps = super::files::secrets(grounds);
    if needs_bootstrap(grounds)
        && let Some(server) = specs::server(grounds)
    {
        plan.steps.extend(bootstrap(&server, grounds));
        let step = Step::StartServer(server);
        plan.steps.push(PlannedStep::new("start-server", step, "it was stopped for the roles"));
    }
    let reason = amiss(grounds);
    if reason.is_some() || !plan.steps.is_empty() {
        plan.steps
            .push(ensure(reason.unwrap_or_else(|| "the administrative role is new".to_owned()), grounds));
        plan.steps.push(verify(grounds));
    }
    plan
}
