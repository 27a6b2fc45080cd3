//! Bring everything to what the project describes.

use std::borrow::Cow;

use super::{Grounds, blocks, files, frame, repositories, roles, scale, services, specs};
use crate::base::time::utc_seconds;
use crate::drift::{Acceptance, How, Judged, Kind, fingerprint, judge};
use crate::facts::{Accepted, Baseline, BaselineSeen, DataDir, ServerSeen};
use crate::plan::{Block, Guard, Plan, PlannedStep, Risk};
use crate::project::EngineKind;
use crate::step::{InitCluster, RecordBaseline, SecretRef, ServerSpec, Step};

/// The plan of `apply`.
pub fn plan(skip_start: bool, accepted: &[Acceptance], set_aside: bool, grounds: &Grounds<'_>) -> Plan {
    let replaced = set_aside && matches!(grounds.baseline, BaselineSeen::Corrupt(_));
    // The basis of the plan stays what was read; for the decisions a baseline set aside is none.
    let mut plan = frame::empty("apply", grounds);
    plan.skip_start = skip_start;
    let baseline = if replaced { Cow::Owned(BaselineSeen::Absent) } else { Cow::Borrowed(grounds.baseline) };
    let grounds = &Grounds { baseline: &baseline, ..*grounds };

    let drift = frame::drift(grounds);
    plan.blocked = blocks::up(skip_start, set_aside, &drift, grounds);
    let judged = judge(drift, accepted);
    plan.warnings = judged.warnings;
    plan.drift = judged.drift;
    plan.warnings.extend(notes(skip_start, replaced, grounds));
    let waits = frame::unfinished(grounds).filter(|_| frame::goes_on_with_server(grounds));
    let mut held: Vec<Block> = frame::frozen(grounds).into_iter().chain(waits).collect();
    held.retain(|_| !skip_start && frame::stopped(grounds).is_some());
    if !held.is_empty() {
        // Whoever goes on with what holds it back needs the server; that it comes up again deploys nothing.
        plan.blocked.retain(|block| held.iter().all(|held| held.code != block.code));
        let whats = held.iter().map(|held| held.what.as_str()).collect::<Vec<_>>().join("; ");
        plan.warnings.push(format!("Only the server is started: {whats}."));
        if plan.blocked.is_empty() {
            let started = |step: &PlannedStep| matches!(step.step, Step::StartServer(_));
            let server = specs::server(grounds).map_or_else(Vec::new, |server| cluster(&server, grounds));
            plan.steps = server.into_iter().filter(started).collect();
        }
    } else if plan.blocked.is_empty() {
        plan.steps = steps(skip_start, replaced, &plan.drift, grounds);
    }
    plan
}

/// What to know that is no drift and stands in nobody's way.
fn notes(skip_start: bool, replaced: bool, grounds: &Grounds<'_>) -> Vec<String> {
    let Grounds { project, seen, .. } = *grounds;
    let mut notes = Vec::new();
    if replaced {
        notes.push(
            "last_run.json cannot be understood; it is replaced, and a copy stays with the journal."
                .to_owned(),
        );
    }
    if skip_start {
        return notes;
    }
    notes.extend(scale::notes(grounds));
    notes.extend(blocks::unclean_stop(grounds));
    if project.engine == EngineKind::Local
        && let Some(why) = seen.engine.odoo.why()
    {
        notes.push(format!("Odoo is not run by odpm: {why}. The database side alone is managed."));
    } else if project.engine == EngineKind::Local && seen.author.uid == 0 {
        notes.push(
            "odpm runs as root, and so will Odoo; run odpm as a user of its own where others can reach it."
                .to_owned(),
        );
    }
    notes
}

/// The recipe.
fn steps(skip_start: bool, replaced: bool, drift: &[Judged], grounds: &Grounds<'_>) -> Vec<PlannedStep> {
    let mut steps = files::secrets(grounds);
    steps.extend(files::rendered(grounds));
    steps.extend(files::odoo_conf(grounds));
    steps.extend(files::folders(skip_start, grounds));
    if skip_start {
        return steps;
    }

    let changed = steps.iter().any(|step| matches!(step.step, Step::EditConf(_) | Step::MakeDir(_)));
    steps.extend(files::images(grounds));
    steps.extend(files::shared(changed, grounds));
    steps.extend(files::shared_archive(grounds));

    let own = grounds.project.postgres.external.is_none();
    let server = specs::server(grounds).filter(|_| own);
    let cluster = server.map_or_else(Vec::new, |server| cluster(&server, grounds));
    let roles = role_step(!cluster.is_empty(), grounds);
    let record = record(replaced, drift, grounds);
    let proof = !cluster.is_empty() || roles.is_some() || record.is_some();
    steps.extend(cluster);
    repositories::introduce(&mut steps, grounds);
    steps.extend(roles);
    steps.extend(proof.then(|| roles::verify(grounds)));
    steps.extend(each_service(grounds));
    steps.extend(record);
    steps
}

/// Brings the server up on its cluster.
fn cluster(server: &ServerSpec, grounds: &Grounds<'_>) -> Vec<PlannedStep> {
    let seen = grounds.seen;
    let mut steps = Vec::new();
    let start = |reason: &str| PlannedStep::new("start-server", Step::StartServer(server.clone()), reason);
    if let DataDir::Absent | DataDir::Empty = seen.data_dir {
        let step = Step::InitCluster(InitCluster {
            server: server.clone(),
            admin_role: specs::ADMIN_ROLE.to_owned(),
            admin: SecretRef::AdminPassword,
        });
        steps.push(PlannedStep::new("init-cluster", step, "there is no data directory yet"));
        steps.push(start("the cluster is new"));
        return steps;
    }
    let same = Guard::ClusterIs {
        path: server.data.clone(),
        major: server.major,
        system_identifier: seen.data_dir.cluster().and_then(|c| c.system_identifier).map(|id| id.to_string()),
    };
    if roles::needs_bootstrap(grounds) {
        steps.extend(roles::bootstrap(server, grounds));
        steps.push(start("the roles are made"));
    } else {
        match seen.engine.server.get() {
            Some(ServerSeen::Running { port, config, .. }) => {
                if *port != server.port {
                    steps.push(start("it listens on another port").risk(Risk::Interrupts));
                } else if config.as_deref() != Some(server.config.as_str()) {
                    steps.push(start("it runs with another configuration").risk(Risk::Interrupts));
                }
            }
            _ => steps.push(start("it does not run")),
        }
    }
    steps.into_iter().map(|step| step.guarded(same.clone())).collect()
}

/// Looks after the roles, where something says that they need it.
fn role_step(cluster_changes: bool, grounds: &Grounds<'_>) -> Option<PlannedStep> {
    // On a server elsewhere there may be nobody who may do anything about it.
    specs::admin_role(grounds.project)?;
    let fresh =
        grounds.seen.data_dir.cluster().is_none() || (cluster_changes && roles::needs_bootstrap(grounds));
    let adopted = grounds.baseline.get().is_none();
    let reason = match roles::amiss(grounds) {
        Some(amiss) => amiss,
        None if fresh => "the cluster has no application role yet".to_owned(),
        // The first time nobody knows what an inherited cluster has.
        None if adopted && !grounds.seen.live.role_fit.is(&true) => {
            "odpm has not seen this cluster's roles yet".to_owned()
        }
        None => return None,
    };
    Some(roles::ensure(reason, grounds))
}

/// Replaces the baseline, where it does not say what will be true then.
fn record(replaced: bool, drift: &[Judged], grounds: &Grounds<'_>) -> Option<PlannedStep> {
    let Grounds { project, seen, baseline, run } = *grounds;
    let now = fingerprint(project, seen);
    let wanted = expected(now.baseline, project.postgres.major.0);
    let known = baseline.get().is_some_and(|old| old.says_the_same(&wanted));
    let companion = baseline.companion();
    let same_engine = companion.is_some_and(|c| c.engine.as_deref() == Some(now.engine));
    let same_cluster = companion.is_some_and(|c| {
        c.system_identifier.is_some()
            && (now.system_identifier.is_none() || c.system_identifier == now.system_identifier)
    });
    let accepted: Vec<Accepted> = drift.iter().filter_map(|judged| acceptance(judged, grounds)).collect();
    if known && same_engine && same_cluster && !replaced && accepted.is_empty() {
        return None;
    }
    let reason =
        match drift.iter().find(|d| d.drift.kind != Kind::FirstRun && d.drift.kind != Kind::DbHostMismatch) {
            _ if baseline.get().is_none() => "nothing is recorded yet",
            Some(_) => "what is recorded differs from what is so now",
            None => "what is recorded is incomplete",
        };
    let step = RecordBaseline {
        run: run.clone(),
        baseline: wanted,
        engine: now.engine.to_owned(),
        accepted,
        endpoint: specs::endpoint(project),
        role: project.postgres.role.clone(),
        secret: SecretRef::AppPassword,
    };
    Some(PlannedStep::new("record-baseline", Step::RecordBaseline(Box::new(step)), reason))
}

/// The baseline as it will be once everything has succeeded.
fn expected(mut baseline: Baseline, major: u32) -> Baseline {
    baseline.cluster.data_dir_nonempty = true;
    baseline.cluster.pg_major = Some(major);
    baseline.cluster.app_role_present = Some(true);
    baseline
}

fn acceptance(judged: &Judged, grounds: &Grounds<'_>) -> Option<Accepted> {
    let how = match judged.accepted? {
        How::Flag => "flag",
        How::Prompt => "prompt",
    };
    Some(Accepted {
        kind: judged.drift.kind.as_str().to_owned(),
        recorded: judged.drift.recorded.clone(),
        current: judged.drift.current.clone(),
        by: grounds.seen.author.name.clone(),
        at: utc_seconds(grounds.seen.at),
        how: how.to_owned(),
    })
}

/// Brings each service to the wanted number and configuration.
fn each_service(grounds: &Grounds<'_>) -> Vec<PlannedStep> {
    let restart = files::changes_secrets(grounds);
    specs::SERVICES.iter().flat_map(|name| services::one(name, restart, grounds)).collect()
}
