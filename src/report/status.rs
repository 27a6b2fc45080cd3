//! How things are: services, cluster, drift, unfinished runs.

use std::collections::BTreeMap;
use std::fmt::Write;

use console::style;
use serde::Serialize;

use super::archive::ArchiveStatus;
use super::drift::drift;
use crate::base::RunId;
use crate::base::time::ago;
use crate::drift::Judged;
use crate::error::Error;
use crate::facts::{
    BaselineCluster, BaselineCompose, BaselineConf, Contained, DataDir, Drill, Known, Live, PidFile,
    RunSummary, ServerSeen, ServiceSeen,
};
use crate::step::SidecarRecord;

/// `status --format json`.
#[derive(Debug, Serialize)]
pub struct Status {
    /// 1.
    pub format_version: u32,
    /// The project's name.
    pub project: String,
    /// `developer`, `server` or `ci`.
    pub scenario: String,
    /// `docker` or `local`.
    pub engine: String,
    /// The address of a server elsewhere, where the project has one.
    pub external: Option<String>,
    /// The server.
    pub server: Known<ServerSeen>,
    /// The services.
    pub services: Known<BTreeMap<String, ServiceSeen>>,
    /// The program that runs Odoo, or why odpm does not.
    pub odoo: Known<std::path::PathBuf>,
    /// How many of each service are wanted.
    pub wanted: BTreeMap<String, u16>,
    /// Where the data directory is.
    pub data: String,
    /// What stands there.
    pub cluster: DataDir,
    /// What the server answers.
    pub live: Live,
    /// The differences from the baseline.
    pub drift: Vec<Judged>,
    /// When the baseline was recorded.
    pub recorded_at: Option<String>,
    /// A run that has not come to its end.
    pub unfinished: Option<RunSummary>,
    /// Who holds the lock: `odpm apply of user@host (pid 1)`.
    pub locked_by: Option<String>,
    /// How many steps `odpm apply` would take.
    pub steps: usize,
    /// What to know: deliberate deviations, an unclean stop.
    pub notes: Vec<String>,
    /// What stands in the way of an apply.
    pub blocked: Vec<String>,
    /// When the newest backup was taken: ISO 8601, UTC.
    pub last_backup: Option<String>,
    /// The last drill that passed.
    pub last_drill: Option<Drill>,
    /// The last rehearsal of a repair that passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_rehearsal: Option<Drill>,
    /// The incident that is open: its name and what it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
    /// What it holds back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contained: Option<Contained>,
    /// The archive; `None` where the project describes none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive: Option<ArchiveStatus>,
    /// The sidecars.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sidecars: Vec<SidecarRecord>,
    /// The moment of the answer.
    #[serde(skip)]
    pub now: jiff::Timestamp,
}

/// The next sensible command.
pub fn next(status: &Status) -> String {
    let next = match () {
        () if status.unfinished.is_some() => "go on with the unfinished run: odpm apply --resume",
        () if status.locked_by.is_some() => "wait for the odpm that is at work: odpm status",
        () if resting(status).is_some() => {
            "go on with the upgrade: odpm upgrade run --fix-forward; or go back: odpm upgrade rollback"
        }
        () if status.contained.is_some() => "go on with the incident: odpm incident repair, verify, reopen",
        () if !status.blocked.is_empty() => "see what is in the way: odpm plan",
        () if status.recorded_at.is_none() => "see what would be set up: odpm plan",
        () if status.steps > 0 => "see what would change: odpm plan",
        () if status.last_backup.is_none() => "take a first backup: odpm database backup",
        () if status.last_drill.is_none() => "try whether the backup restores: odpm database drill",
        () => "nothing to do; every verb: odpm --help",
    };
    format!("Next: {next}\n")
}

/// The upgrade that everything rests for.
fn resting(status: &Status) -> Option<&RunId> {
    status.contained.as_ref()?.upgrade.as_ref()
}

/// There is no project here, for this reason.
pub fn no_project(why: &Error) -> String {
    format!(
        "odpm {}: {}\n\n\
         Describe a new project        odpm init\n\
         Take over one of odpm 4       odpm init --from-odpm DIR\n\
         Take over a stack of Compose  odpm init --from-compose FILE\n\
         Work elsewhere                odpm -C DIR status\n\
         Every verb                    odpm --help\n",
        env!("CARGO_PKG_VERSION"),
        why.report().what
    )
}

/// The status for people.
pub fn status(status: &Status) -> String {
    let mut text = String::new();
    let _ =
        writeln!(text, "{} ({}, engine {})", style(&status.project).bold(), status.scenario, status.engine);
    let _ = writeln!(text, "  db            {}", server(status));
    match &status.services {
        Known::Known(_) if status.odoo.get().is_none() => {
            let why = status.odoo.why().unwrap_or_default();
            let _ = writeln!(text, "  odoo          not run by odpm: {why}");
        }
        Known::Known(services) => {
            for (name, seen) in services {
                let wanted = status.wanted.get(name).copied().unwrap_or_default();
                let ended = seen.exited.first().map_or_else(String::new, |end| format!(", {end}"));
                let _ = writeln!(text, "  {name:<13} {} of {wanted} running{ended}", seen.running);
            }
        }
        Known::Unknown(why) => drop(writeln!(text, "  odoo          unknown: {why}")),
    }
    let _ = writeln!(text, "  cluster       {}", cluster(status));
    let _ = writeln!(text, "  roles         {}", roles(&status.live));
    let _ = writeln!(
        text,
        "  baseline      {}",
        status.recorded_at.as_deref().unwrap_or("nothing is recorded yet")
    );
    let age =
        |at: &str| at.parse().map_or_else(|_| at.to_owned(), |then| format!("{} ago", ago(status.now, then)));
    let backup = status.last_backup.as_deref().map_or_else(|| "none".to_owned(), &age);
    let drill = status.last_drill.as_ref().map_or_else(
        || "none: odpm database drill proves that a backup restores".to_owned(),
        |drill| format!("{}, of {}, passed in {} s", age(&drill.begun), drill.database, drill.seconds),
    );
    let _ = writeln!(text, "  last backup   {backup}");
    if status.last_backup.is_some() || status.last_drill.is_some() {
        let _ = writeln!(text, "  last drill    {drill}");
    }
    // Before the first apply there is none, and nothing is wrong with that.
    if let Some(archive) = status.archive.as_ref().filter(|_| status.recorded_at.is_some()) {
        let base = archive.bases.last();
        let base = base
            .map_or_else(String::new, |base| format!("; base backup {} ago", ago(status.now, base.whole_at)));
        let told = match archive.troubles.is_empty() {
            true => format!("{}{base}", archive.archiving),
            false => archive.troubles.join("; "),
        };
        let _ = writeln!(text, "  archive       {told}");
    }
    if let Some(drill) = &status.last_rehearsal {
        let _ = writeln!(text, "  rehearsal     {}, passed in {} s", age(&drill.begun), drill.seconds);
    }
    if let Some(incident) = &status.incident {
        let _ = writeln!(text, "  {}      {incident}", style("incident").red());
    }
    if let (Some(run), Some(contained)) = (resting(status), &status.contained) {
        let (by, since) = (&contained.by, &contained.since);
        let _ = writeln!(
            text,
            "  {}       {run} of {} is not at its end: everything rests, by {by} since {since}",
            style("upgrade").red(),
            contained.database
        );
        let _ = writeln!(
            text,
            "                go forward: odpm upgrade run --fix-forward; go back: odpm upgrade rollback"
        );
    } else if let Some(contained) = &status.contained {
        let writes = if contained.read_only { ", and writes" } else { "" };
        let _ = writeln!(
            text,
            "  {}     crons and deployments are held back{writes}, by {} since {}",
            style("contained").red(),
            contained.by,
            contained.since
        );
    }
    for record in &status.sidecars {
        let _ = writeln!(text, "  sidecar       {}: {}", record.sidecar.name, record.told());
    }
    if let Some(holder) = &status.locked_by {
        let _ = writeln!(text, "  at work       {holder}");
    }
    if let Some(run) = &status.unfinished {
        let at = run.stopped_at.as_deref().unwrap_or("the middle");
        let _ = writeln!(text, "  {}    {} stopped in {at}", style("unfinished").red(), run.run);
        let _ = writeln!(text, "                go on: odpm apply --resume; give up: odpm apply --abandon");
    }
    for block in &status.blocked {
        let _ = writeln!(text, "  {}    {block}", style("in the way").red());
    }
    let _ = writeln!(
        text,
        "  apply         {}",
        match (status.steps, status.blocked.is_empty()) {
            (_, false) => "blocked; `odpm plan` says why".to_owned(),
            (0, true) => "nothing to do".to_owned(),
            (steps, true) => format!("{steps} to do; `odpm plan` shows them"),
        }
    );
    for note in &status.notes {
        let _ = writeln!(text, "  note          {note}");
    }
    if !status.drift.is_empty() {
        let _ = writeln!(text, "{}", style("Drift").bold());
        text.push_str(&drift(&status.drift));
    }
    text
}

fn server(status: &Status) -> String {
    let live = &status.live;
    if let Some(address) = &status.external {
        let version =
            live.version.get().map_or_else(String::new, |version| format!(" (PostgreSQL {version})"));
        let ready = if live.ready.is(&true) { "ready" } else { "does not answer" };
        return format!("elsewhere on {address}, {ready}{version}");
    }
    match &status.server {
        Known::Unknown(why) => format!("unknown: {why}"),
        Known::Known(ServerSeen::Stopped) => "stopped".to_owned(),
        Known::Known(ServerSeen::Foreign { pid, port }) => {
            format!("a server that odpm did not start runs there (pid {pid}, port {port})")
        }
        Known::Known(ServerSeen::Running { id, port, .. }) => {
            let version =
                live.version.get().map_or_else(String::new, |version| format!("PostgreSQL {version}, "));
            let ready = if live.ready.is(&true) { "ready" } else { "not ready" };
            let process = if id.bytes().all(|b| b.is_ascii_digit()) { "process" } else { "container" };
            format!("running, {ready} ({version}port {port}, {process} {id})")
        }
    }
}

fn cluster(status: &Status) -> String {
    let path = &status.data;
    // Inside a container the process id in postmaster.pid means something else.
    let running = matches!(status.server, Known::Known(ServerSeen::Running { .. }));
    match &status.cluster {
        DataDir::Absent => format!("none yet in {path}"),
        DataDir::Empty => format!("none yet, {path} is empty"),
        DataDir::Cluster(files) => {
            let unclean = if !running && matches!(files.pid, PidFile::Stale { .. }) {
                ", not shut down cleanly"
            } else {
                ""
            };
            format!("PostgreSQL {}{unclean} in {path}", files.major)
        }
        DataDir::HalfInitialised { .. } => format!("not whole in {path}"),
        DataDir::Foreign { .. } => format!("{path} holds something else"),
        DataDir::Unreadable { why, .. } => format!("{path} may not be read: {why}"),
        DataDir::NotADirectory => format!("{path} is not a folder"),
    }
}

fn roles(live: &Live) -> String {
    let answer = |known: &Known<bool>, yes: &str, no: &str| match known {
        Known::Known(true) => yes.to_owned(),
        Known::Known(false) => no.to_owned(),
        Known::Unknown(why) => format!("unknown ({why})"),
    };
    if live.ready.is(&false) {
        return "unknown while the server is stopped".to_owned();
    }
    let present = answer(&live.role_present, "present", "missing");
    let login = answer(&live.role_login, "can log in", "cannot log in");
    if present == login {
        return format!("application role {login}");
    }
    format!("application role {present}, {login}")
}

/// `database status --format json`: odpm 4's keys, and ours behind them.
#[derive(Debug, Serialize)]
pub struct DatabaseStatus {
    /// 1.
    pub format_version: u32,
    /// The fingerprint's part on the stack.
    pub compose: BaselineCompose,
    /// The fingerprint's part on odoo.conf.
    pub odoo_conf: BaselineConf,
    /// The fingerprint's part on the cluster.
    pub cluster: BaselineCluster,
    /// SHA-256 of the fingerprint.
    pub fingerprint: String,
    /// Whether there is a baseline.
    pub last_run_present: bool,
    /// Whether nothing is recorded yet.
    pub first_run: bool,
    /// Whether the server runs; `null` when that cannot be seen.
    pub postgres_container_running: Option<bool>,
    /// Whether it accepts connections; `null` when that is not known.
    pub postgres_ready: Option<bool>,
    /// Whether the application role exists; `null` when that is not known.
    pub app_role_present: Option<bool>,
    /// Whether it can log in; `null` when that is not known.
    pub app_role_login: Option<bool>,
    /// The differences in odpm 4's form.
    pub drifts: Vec<DriftLine>,
    /// The answers with the reasons for what is not known.
    pub live: Live,
    /// The differences in full.
    pub drift: Vec<Judged>,
}

/// A difference in odpm 4's form.
#[derive(Debug, Serialize)]
pub struct DriftLine {
    /// The kind.
    pub kind: String,
    /// How grave it is.
    pub severity: String,
    /// What is recorded.
    pub previous: String,
    /// What is so now.
    pub current: String,
}

impl From<&Judged> for DriftLine {
    fn from(judged: &Judged) -> Self {
        let drift = &judged.drift;
        Self {
            kind: drift.kind.as_str().to_owned(),
            severity: drift.severity.as_str().to_owned(),
            previous: drift.recorded.clone(),
            current: drift.current.clone(),
        }
    }
}

/// The status of the database side for people.
pub fn database_status(status: &DatabaseStatus) -> String {
    let mut text = String::new();
    let BaselineCompose { service_name, image_tag, data_path_abs, host_port, .. } = &status.compose;
    let _ = writeln!(text, "fingerprint   {}", status.fingerprint);
    let _ = writeln!(
        text,
        "  stack       service {service_name}, tag {image_tag}, port {host_port}, data {data_path_abs}"
    );
    let BaselineConf { db_host, db_port, db_user } = &status.odoo_conf;
    let _ = writeln!(text, "  odoo.conf   {db_user} at {db_host}:{db_port}");
    let major =
        status.cluster.pg_major.map_or_else(|| "none".to_owned(), |major| format!("PostgreSQL {major}"));
    let _ = writeln!(text, "  cluster     {major}, application role {}", status.cluster.app_role);
    let _ = writeln!(
        text,
        "baseline      {}",
        if status.last_run_present { "recorded" } else { "nothing is recorded yet" }
    );
    let said = |known: &Known<bool>| match known {
        Known::Known(true) => "yes".to_owned(),
        Known::Known(false) => "no".to_owned(),
        Known::Unknown(why) => format!("unknown: {why}"),
    };
    let _ = writeln!(text, "server ready  {}", said(&status.live.ready));
    let _ = writeln!(text, "role present  {}", said(&status.live.role_present));
    let _ = writeln!(text, "role login    {}", said(&status.live.role_login));
    if status.drift.is_empty() {
        text.push_str("drift         none\n");
    } else {
        text.push_str("drift\n");
        text.push_str(&drift(&status.drift));
    }
    text
}
