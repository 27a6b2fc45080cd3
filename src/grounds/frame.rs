//! What every plan has in common.

use super::{Grounds, specs};
use crate::base::Digest;
use crate::base::time::utc_seconds;
use crate::drift::{Drift, compare, fingerprint};
use crate::facts::{BaselineSeen, Contained, FileSeen, ServerSeen};
use crate::odoo_conf::OdooConf;
use crate::plan::{Basis, Block, FORMAT_VERSION, Plan, ProjectRef};
use crate::step::Operator;

/// A plan without steps.
pub fn empty(command: &str, grounds: &Grounds<'_>) -> Plan {
    let Grounds { project, seen, baseline, run } = *grounds;
    Plan {
        format_version: FORMAT_VERSION,
        odpm_version: env!("CARGO_PKG_VERSION").to_owned(),
        run: run.clone(),
        created_at: utc_seconds(seen.at),
        command: command.to_owned(),
        skip_start: false,
        author: seen.author.name.clone(),
        project: ProjectRef { name: project.name.clone(), root: project.root.clone() },
        basis: Basis {
            project: project.inputs.clone(),
            baseline: baseline_digest(baseline),
            world: seen.parts(),
        },
        drift: Vec::new(),
        blocked: Vec::new(),
        warnings: Vec::new(),
        destroys: Vec::new(),
        named: false,
        steps: Vec::new(),
    }
}

fn baseline_digest(baseline: &BaselineSeen) -> Digest {
    match baseline {
        BaselineSeen::Absent => Digest::of("absent"),
        BaselineSeen::Present(baseline, companion) => Digest::of_json(&(baseline, companion)),
        BaselineSeen::Corrupt(why) => Digest::of(why),
        BaselineSeen::Future(version) => Digest::of(version.to_string()),
    }
}

/// Every difference between the baseline and now.
pub fn drift(grounds: &Grounds<'_>) -> Vec<Drift> {
    let Grounds { project, seen, baseline, .. } = *grounds;
    let conf = seen.files.get(&project.odoo_conf()).and_then(FileSeen::text);
    let conf = conf.and_then(|text| OdooConf::parse(text).ok());
    let host = conf.as_ref().and_then(|conf| conf.get("db_host"));
    compare(&fingerprint(project, seen), project.postgres.major, host, seen, baseline)
}

/// A run that has not come to its end is finished or given up before another begins.
pub fn unfinished(grounds: &Grounds<'_>) -> Option<Block> {
    let run = grounds.seen.unfinished.as_ref()?;
    let at = run.stopped_at.as_ref().map_or_else(String::new, |step| format!(" in {step}"));
    Some(
        Block::refused("unfinished_run", format!("the run {} is not finished", run.run))
            .because(format!(
                "`odpm {}` of {}, begun {}, stopped after {} of {} steps{at}",
                run.command, run.by, run.started_at, run.done, run.steps
            ))
            .hint(match specs::contained(grounds) {
                Some(held) if deploys(&run.command) => match held.upgrade {
                    Some(_) => {
                        "It waits for the upgrade: odpm upgrade run --fix-forward, or odpm upgrade rollback"
                    }
                    None => "It waits while an incident is contained.",
                },
                _ => "Go on with it: odpm apply --resume",
            })
            .hint("Give it up, what it did stays done: odpm apply --abandon"),
    )
}

/// The code of what stands in the way while an upgrade rests.
pub const UPGRADING: &str = "upgrading";

/// While an incident is contained, or an upgrade is not at its end, nothing is deployed.
pub fn frozen(grounds: &Grounds<'_>) -> Option<Block> {
    let contained = specs::contained(grounds)?;
    Some(upgrading(&contained).unwrap_or_else(|| {
        Block::refused("contained", "an incident is contained: nothing is deployed")
            .because(format!("{} has contained it since {}", contained.by, contained.since))
            .hint("Go on with it: odpm incident repair, verify, reopen")
            .hint("Reopen at once, without looking: odpm incident reopen --watch 0s")
    }))
}

/// An upgrade that is not at its end, with its two ways.
pub fn upgrading(contained: &Contained) -> Option<Block> {
    let run = contained.upgrade.as_ref()?;
    Some(
        Block::refused(UPGRADING, "an upgrade is not at its end: nothing is deployed")
            .because(format!("{} has held it back since {}, for {run}", contained.by, contained.since))
            .hint("Mend what failed and go forward: odpm upgrade run --fix-forward")
            .hint("Go back: odpm upgrade rollback"),
    )
}

/// Whether a run of this command deploys: all but what an incident itself needs.
pub fn deploys(command: &str) -> bool {
    let free =
        ["incident", "upgrade", "undo", "sql", "watchdog", "archive", "database backup", "database drill"];
    !free.iter().any(|free| command.starts_with(free))
}

/// Whether the run that is not finished works on databases: it can be gone on with, or taken back, only where their server runs.
pub fn goes_on_with_server(grounds: &Grounds<'_>) -> bool {
    let on_databases = |command: &str| {
        ["database", "migrate", "upgrade", "sql", "watchdog"].iter().any(|word| command.starts_with(word))
    };
    grounds.seen.unfinished.as_ref().is_some_and(|run| on_databases(&run.command))
}

/// An engine that cannot be asked: nothing that runs is known, and nothing may be started or stopped.
pub fn unavailable(grounds: &Grounds<'_>) -> Option<Block> {
    let why = grounds.seen.engine.available.why()?;
    let engine = grounds.project.engine.as_str();
    let block = Block::environment("engine_unavailable", format!("the engine `{engine}` cannot be used"));
    let block = block.because(why).hint("Look at it with: docker version");
    if grounds.baseline.get().is_some() {
        return Some(block);
    }
    Some(
        block
            .hint("A new project can do without Docker: with `engine: local` PostgreSQL's own programs run."),
    )
}

/// A server of ours of which nobody knows whether it runs: it must not count as stopped.
pub fn server_unknown(grounds: &Grounds<'_>) -> Option<Block> {
    let Grounds { project, seen, .. } = *grounds;
    if project.postgres.external.is_some() || seen.engine.available.get().is_none() {
        return None;
    }
    let block = Block::environment("server_unknown", "it is not known whether PostgreSQL runs");
    let block = block.because(seen.engine.server.why()?);
    Some(block.hint("Run the command as the account that owns the data directory, or as root."))
}

/// A server of ours that does not run.
pub fn stopped(grounds: &Grounds<'_>) -> Option<Block> {
    let stopped = grounds.seen.engine.server.get().is_some_and(|server| *server == ServerSeen::Stopped);
    let block = Block::environment("server_stopped", "PostgreSQL does not run");
    (stopped && grounds.project.postgres.external.is_none())
        .then(|| block.hint("Start the stack: odpm apply"))
}

/// A project that keeps no log of its server.
pub fn no_archive() -> Block {
    Block::refused("no_archive", "odpm.yaml describes no archive")
        .because("without the server's log there is no way back to a moment, only to a backup")
}

/// Who looks after databases; without PostgreSQL's programs nobody does, and that stands in the way of the plan.
pub fn operator(grounds: &Grounds<'_>, plan: &mut Plan) -> Option<Operator> {
    let operator = specs::operator(grounds);
    if operator.is_none() {
        plan.blocked.push(no_programs(grounds));
    }
    operator
}

/// There is no Odoo that odpm could run; `what` cannot be done for that.
pub fn no_odoo(what: &str, grounds: &Grounds<'_>) -> Block {
    let why = grounds.seen.engine.odoo.why().unwrap_or("odpm.yaml names no source of it");
    let block = Block::environment("no_odoo", what).because(why);
    block.hint("Give its source tree: odoo.source, or use engine: docker.")
}

/// PostgreSQL's own programs are missing.
pub fn no_programs(grounds: &Grounds<'_>) -> Block {
    let why = grounds.seen.engine.binaries.why().unwrap_or_default();
    let block =
        Block::environment("programs_missing", "PostgreSQL's programs are not on this machine").because(why);
    block.hint(format!(
        "Install them, on Debian with: apt install postgresql-client-{}",
        grounds.project.postgres.major
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::RunId;
    use crate::facts::{RunStatus, RunSummary, samples};
    use crate::project::samples::project;

    #[test]
    fn a_run_that_waits_says_for_what() {
        let run = RunId::parse("20261120T211333Z-1a2b3c4d").unwrap();
        let resume = "Go on with it: odpm apply --resume";
        let upgrade = "It waits for the upgrade: odpm upgrade run --fix-forward, or odpm upgrade rollback";
        for (command, held, hint) in [
            ("apply", None, resume),
            ("apply", Some(None), "It waits while an incident is contained."),
            ("apply", Some(Some(run.clone())), upgrade),
            ("upgrade run", Some(Some(run.clone())), resume),
        ] {
            let project =
                project("version: 1\nname: shop\nodoo: {version: 18.0}\npostgres: {version: 16}\n", &[]);
            let mut seen = samples::bare_machine(&project.postgres.data);
            seen.unfinished = Some(RunSummary {
                run: run.clone(),
                command: command.into(),
                started_at: "2026-11-20T21:00:00Z".into(),
                ended_at: None,
                by: "ana".into(),
                status: RunStatus::Interrupted,
                done: 1,
                steps: 2,
                stopped_at: None,
            });
            if let Some(upgrade) = held {
                let contained = Contained {
                    format_version: 1,
                    by: "ana".into(),
                    since: "2026-11-20T21:00:00Z".into(),
                    database: "shop".into(),
                    read_only: false,
                    limits: Default::default(),
                    upgrade,
                };
                let text = serde_json::to_string(&contained).unwrap();
                seen.files.insert(project.state().contained(), FileSeen::Text(text));
            }
            let grounds =
                Grounds { project: &project, seen: &seen, baseline: &BaselineSeen::Absent, run: &run };
            assert_eq!(unfinished(&grounds).unwrap().hints[0], hint, "{command}");
        }
    }
}
