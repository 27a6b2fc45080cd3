//! Whether Odoo works on a database: one step, in plans of upgrades and alone.

use crate::facts::{DatabasesSeen, FileSeen};
use crate::grounds::databases::{missing, unready};
use crate::grounds::{Grounds, frame, specs};
use crate::odoo_conf::OdooConf;
use crate::plan::{Block, Plan, PlannedStep};
use crate::project::{EngineKind, Project};
use crate::step::{ProbeOdoo, ShellCheck, Step};

/// How many seconds each check may take.
const PATIENCE: u32 = 300;

/// What a probe is asked for.
#[derive(Clone, Debug)]
pub struct Probe<'a> {
    /// The database.
    pub database: &'a str,
    /// The scripts among the project's checks, as they are now.
    pub scripts: Vec<ShellCheck>,
}

/// The plan of a probe alone.
pub fn probe(request: &Probe<'_>, seen: &DatabasesSeen, grounds: &Grounds<'_>) -> Plan {
    let mut plan = frame::empty("upgrade probe", grounds);
    plan.blocked.extend(frame::unfinished(grounds));
    plan.blocked.extend(unready(seen, grounds));
    if plan.blocked.is_empty() {
        plan.blocked.extend(missing(request.database, seen).or_else(|| closed(request.database, seen)));
    }
    if plan.blocked.is_empty() {
        match probe_step(request.database, &request.scripts, grounds) {
            Ok(step) => {
                let step = Step::ProbeOdoo(Box::new(step));
                let reason = "nothing else tells whether it works";
                plan.steps.push(PlannedStep::new("probe", step, reason));
            }
            Err(block) => plan.blocked.push(block),
        }
    }
    plan
}

/// The step that starts Odoo on a database and asks all of the project's checks.
pub fn probe_step(database: &str, scripts: &[ShellCheck], grounds: &Grounds<'_>) -> Result<ProbeOdoo, Block> {
    let project = grounds.project;
    let operator = specs::operator(grounds).ok_or_else(|| frame::no_programs(grounds))?;
    let service = specs::service("odoo", grounds).zip(specs::shell(grounds));
    let Some((service, shell)) = service else {
        return Err(frame::no_odoo("there is no Odoo to be started", grounds));
    };
    Ok(ProbeOdoo {
        operator,
        service,
        args: further_args(project).into_iter().chain(without_jobs(grounds)).collect(),
        shell: (!scripts.is_empty()).then_some(shell),
        database: database.to_owned(),
        http: project.http_checks(),
        sql: project.sql_checks(),
        scripts: scripts.to_vec(),
        log: project.state().log().join(format!("probe-{}.log", grounds.run)),
        timeout: PATIENCE,
    })
}

/// What the service adds to Odoo's arguments, for one that runs once in a container; a process of this machine has them on its
/// command line.
pub(super) fn further_args(project: &Project) -> Vec<String> {
    match project.engine {
        EngineKind::Local => Vec::new(),
        EngineKind::Docker => project.odoo.services.get("odoo").map(|s| s.args.clone()).unwrap_or_default(),
    }
}

/// The modules that Odoo loads for the whole server, without those of `queue_job`: its runner would begin with the jobs of the
/// database. Nothing where it is not loaded. An empty list would be none of Odoo's.
fn without_jobs(grounds: &Grounds<'_>) -> Option<String> {
    let Grounds { project, seen, .. } = *grounds;
    let args = project.odoo.services.get("odoo").map_or(&[][..], |service| &service.args);
    let conf = || {
        let text = seen.files.get(&project.odoo_conf()).and_then(FileSeen::text)?;
        OdooConf::parse(text).ok()?.get("server_wide_modules").map(str::to_owned)
    };
    let loaded = load_argument(args).map(str::to_owned).or_else(conf)?;
    let all: Vec<&str> = loaded.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let kept: Vec<&str> = all.iter().copied().filter(|name| !name.starts_with("queue_job")).collect();
    match kept.as_slice() {
        kept if kept.len() == all.len() => None,
        [] => Some("--load=base,web".to_owned()),
        kept => Some(format!("--load={}", kept.join(","))),
    }
}

/// What the last `--load` names, which is the one that counts.
fn load_argument(args: &[String]) -> Option<&str> {
    let together = |at: usize| args[at].strip_prefix("--load=");
    let apart = |at: usize| (args[at] == "--load").then(|| args.get(at + 1)).flatten().map(String::as_str);
    (0..args.len()).rev().find_map(|at| together(at).or_else(|| apart(at)))
}

/// A database that nobody can connect to.
fn closed(name: &str, seen: &DatabasesSeen) -> Option<Block> {
    seen.find(name).filter(|found| !found.open)?;
    let block = Block::refused("database_closed", format!("{name} takes no connections"));
    Some(block.hint("See what it is: odpm database list"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Digest, PgMajor, RunId};
    use crate::facts::{BaselineSeen, DatabaseSeen, Known, ServerSeen, ServiceSeen, samples};
    use crate::project::samples::project;

    const TEXT: &str = "version: 1\nname: shop\nengine: docker\nodoo: {version: 18.0, services: {odoo: {args: [--load=web]}}}\n\
        postgres: {version: 16}\nchecks: {a: SELECT 1, b: {http: /}, c: {shell: c.py}}\n";

    fn plan(text: &str, database: &str, open: bool, running: bool) -> Plan {
        with_conf(text, "[options]\n", database, open, running)
    }

    fn with_conf(text: &str, conf: &str, database: &str, open: bool, running: bool) -> Plan {
        let project = project(text, &[]);
        let mut seen = samples::bare_machine(&project.postgres.data);
        seen.files.insert(project.odoo_conf(), FileSeen::Text(conf.to_owned()));
        seen.data_dir = samples::cluster(PgMajor(16), 7);
        if running {
            seen.engine.server =
                Known::Known(ServerSeen::Running { id: "db".into(), port: 5432, config: None });
        }
        let service = ServiceSeen { running: 1, ids: vec!["a".into()], config: None, exited: Vec::new() };
        seen.engine.services = Known::Known([("odoo".to_owned(), service)].into());
        let shop = DatabaseSeen {
            name: "shop".into(),
            owner: "odoo".into(),
            bytes: None,
            sessions: 0,
            comment: None,
            open,
            odoo: None,
        };
        let databases = DatabasesSeen {
            all: Known::Known(vec![shop]),
            folders: Default::default(),
            backups: Vec::new(),
            half_removed: Vec::new(),
        };
        let script = ShellCheck { name: "c".into(), path: "/c.py".into(), sha256: Digest::of("") };
        let run = RunId::parse("20261120T211333Z-1a2b3c4d").unwrap();
        let grounds = Grounds { project: &project, seen: &seen, baseline: &BaselineSeen::Absent, run: &run };
        probe(&Probe { database, scripts: vec![script] }, &databases, &grounds)
    }

    #[test]
    fn it_is_one_step_that_stops_nothing() {
        let plan = plan(TEXT, "shop", true, true);
        assert_eq!(plan.blocked, []);
        let [planned] = plan.steps.as_slice() else { panic!("{:?}", plan.steps) };
        let Step::ProbeOdoo(step) = &planned.step else { panic!("{planned:?}") };
        assert_eq!((step.http.len(), step.sql.len(), step.scripts.len()), (1, 1, 1));
        assert_eq!((step.args.as_slice(), step.shell.is_some()), (&["--load=web".to_owned()][..], true));
    }

    #[test]
    fn nothing_runs_the_jobs_of_the_queue() {
        for (args, conf, last) in [
            ("", "", ""),
            ("", "server_wide_modules = base,web", ""),
            ("", "server_wide_modules = base, web, queue_job", "--load=base,web"),
            ("", "server_wide_modules = web,queue_job,queue_job_batch,dbfilter", "--load=web,dbfilter"),
            ("", "server_wide_modules = queue_job", "--load=base,web"),
            ("'--load=base,queue_job'", "", "--load=base"),
            ("--load, 'web,queue_job'", "", "--load=web"),
            ("--load=base", "server_wide_modules = queue_job", "--load=base"),
            ("--load=queue_job, --load=web", "", "--load=web"),
            ("--load-language=de_DE", "server_wide_modules = web,queue_job", "--load=web"),
            ("--load", "", "--load"),
        ] {
            let text = TEXT.replace("--load=web", args);
            let plan = with_conf(&text, &format!("[options]\n{conf}\n"), "shop", true, true);
            let Some(Step::ProbeOdoo(step)) = plan.steps.first().map(|planned| &planned.step) else {
                panic!("{:?}", plan.blocked)
            };
            assert_eq!(step.args.last().map_or("", String::as_str), last, "{args} {conf}");
        }
    }

    #[test]
    fn what_cannot_be_probed_is_told() {
        let local = TEXT.replace("docker", "local");
        for (text, database, open, running, code) in [
            (TEXT, "shoq", true, true, "no_database"),
            (TEXT, "shop", false, true, "database_closed"),
            (TEXT, "shop", true, false, "server_stopped"),
            (&local, "shop", true, true, "no_odoo"),
        ] {
            let plan = plan(text, database, open, running);
            let codes: Vec<&str> = plan.blocked.iter().map(|block| block.code.as_str()).collect();
            assert_eq!(codes, [code], "{:?}", plan.blocked);
            assert!(plan.steps.is_empty());
        }
    }
}
