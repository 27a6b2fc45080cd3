//! Odoo services as processes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;

use super::daemon::{self, BEAT};
use super::{Services, once, terms};
use crate::engine::deadline::Deadline;
use crate::engine::http;
use crate::error::{Error, Result};
use crate::facts::{Known, ServiceSeen};
use crate::project::Project;
use crate::state;
use crate::step::{ServiceSpec, Terms};

/// How long a process without a port has to live to count as started.
const SETTLE: Duration = Duration::from_secs(2);

/// How long a question may wait for its answer.
const ANSWER: Duration = Duration::from_secs(5);

/// How long Odoo may take to end the requests at hand.
const STOP: Duration = Duration::from_secs(60);

/// Writes its own pid file, and what is known of it, then becomes Odoo under the same process id: whoever is killed in between,
/// there is never an Odoo that no pid file knows.
pub(super) const LAUNCHER: &str =
    r#"printf '%s %s\n' "$$" "$1" > "$0.new" && mv "$0.new" "$0" && shift && exec "$@""#;

/// One process of a service.
pub(super) struct Process {
    pub(super) pid: u32,
    /// The digest of what it was started with; of one that runs once, who started it.
    pub(super) config: String,
    pub(super) file: PathBuf,
}

/// The program that runs Odoo for this project, or why nothing can.
pub fn interpreter(project: &Project) -> Known<PathBuf> {
    let Some(source) = &project.odoo.source else {
        return Known::Unknown("no odoo.source is given".to_owned());
    };
    if !source.join("odoo-bin").exists() {
        return Known::Unknown(format!("there is no odoo-bin in {}", source.display()));
    }
    let folders = [".venv/bin", "venv/bin"].map(|folder| source.join(folder));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = folders
        .into_iter()
        .chain(std::env::split_paths(&path))
        .map(|dir| dir.join("python3"))
        .find(|p| p.exists());
    found.map_or_else(|| Known::Unknown("there is no python3 on this machine".to_owned()), Known::Known)
}

/// The services that run.
pub fn look(project: &Project, run_dir: &Path) -> Services {
    let conf = project.odoo_conf().display().to_string();
    let seen = |name: &String| {
        let (alive, dead): (Vec<_>, Vec<_>) =
            processes(run_dir, name).into_iter().partition(|process| is_ours(process, &conf));
        let seen = ServiceSeen {
            running: u16::try_from(alive.len()).unwrap_or(u16::MAX),
            ids: alive.iter().map(|process| process.pid.to_string()).collect(),
            // Processes that differ among themselves are not as wanted, whatever is wanted.
            config: alive.first().map(|p| p.config.clone()).filter(|c| alive.iter().all(|p| p.config == *c)),
            exited: dead.iter().map(|process| format!("process {} has ended", process.pid)).collect(),
        };
        (name.clone(), seen)
    };
    project.odoo.services.keys().map(seen).collect::<BTreeMap<_, _>>()
}

pub(super) fn is_ours(process: &Process, conf: &str) -> bool {
    crate::process::lives(process.pid) && crate::process::was_started_with(process.pid, conf)
}

/// The pid files of a service.
pub(super) fn processes(run_dir: &Path, name: &str) -> Vec<Process> {
    let Ok(listing) = fs::read_dir(run_dir) else { return Vec::new() };
    let mut found: Vec<Process> = listing
        .filter_map(|entry| {
            let file = entry.ok()?.path();
            let number =
                file.file_name()?.to_str()?.strip_prefix(name)?.strip_prefix('.')?.strip_suffix(".pid")?;
            number.parse::<u64>().ok()?;
            let text = fs::read_to_string(&file).ok()?;
            let (pid, config) = text.trim().split_once(' ')?;
            Some(Process { pid: pid.parse().ok()?, config: config.to_owned(), file })
        })
        .collect();
    found.sort_by(|a, b| a.file.cmp(&b.file));
    found
}

fn pid_file(terms: &Terms, name: &str, number: u16) -> PathBuf {
    terms.run_dir.join(format!("{name}.{number}.pid"))
}

/// Brings the service to the wanted number of processes with the wanted configuration.
pub async fn start(service: &ServiceSpec) -> Result<()> {
    let terms = terms(&service.launch)?;
    let conf = terms.config_file.display().to_string();
    once::end_left(terms).await?;
    let mut kept = Vec::new();
    for process in processes(&terms.run_dir, &service.name) {
        let wanted = (1..=service.replicas).any(|n| pid_file(terms, &service.name, n) == process.file);
        if wanted && process.config == service.config.as_str() && is_ours(&process, &conf) {
            kept.push(process.file);
        } else {
            end(&process, &conf).await?;
        }
    }
    state::make_dir(&terms.run_dir, 0o700)
        .map_err(|e| Error::environment(format!("cannot make {}", terms.run_dir.display())).caused_by(&e))?;
    for number in 1..=service.replicas {
        let file = pid_file(terms, &service.name, number);
        if !kept.contains(&file) {
            launch(service, terms, &file).await?;
        }
    }
    Ok(())
}

async fn launch(service: &ServiceSpec, terms: &Terms, file: &Path) -> Result<()> {
    let from = daemon::length(&terms.log);
    let mut command = daemon::daemon(Path::new("/bin/sh"), &terms.log, terms.run_as)?;
    command.arg0("sh").args(["-c", LAUNCHER]).arg(file).arg(service.config.as_str());
    let mut child = command
        .args(&service.command)
        .envs(&service.env)
        .spawn()
        .map_err(|e| Error::environment(format!("cannot start {}", service.service)).caused_by(&e))?;
    let deadline = Deadline::of(service.start_timeout);
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            let error =
                Error::environment(format!("{} ended right after its start ({status})", service.service));
            return Err(daemon::with_last_words(error, &terms.log, from));
        }
        let up = match service.port {
            Some(port) => http::get(port, "/web/health", ANSWER).await.is_ok(),
            None => deadline.elapsed() > SETTLE,
        };
        if up {
            return Ok(());
        }
        if deadline.is_over() {
            let error = Error::environment(format!(
                "{} does not answer after {} s",
                service.service, deadline.seconds
            ));
            return Err(daemon::with_last_words(error, &terms.log, from));
        }
        tokio::time::sleep(BEAT * 4).await;
    }
}

/// Ends a process: asked first, killed with its workers when it does not listen.
pub(super) async fn end(process: &Process, conf: &str) -> Result<()> {
    if is_ours(process, conf) {
        daemon::signal(process.pid, Signal::TERM)?;
        if !daemon::wait_for_end(process.pid, STOP).await {
            daemon::signal_group(process.pid, Signal::KILL);
            // One that runs once is in the group of whoever started it.
            daemon::signal(process.pid, Signal::KILL)?;
            if !daemon::wait_for_end(process.pid, STOP).await {
                return Err(survived(process));
            }
        }
    }
    match fs::remove_file(&process.file) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::environment(format!("cannot remove {}", process.file.display())).caused_by(&e))
        }
        _ => Ok(()),
    }
}

/// Its pid file stays: without it nobody would know of the process any more.
fn survived(process: &Process) -> Error {
    Error::environment(format!("Odoo (pid {}) does not end", process.pid))
        .because("it was asked to, and killed; the kernel still waits for something in it, such as a disk")
        .hint(format!("Look at what it waits for: ps -o pid,stat,wchan -p {}", process.pid))
        .hint("When it is gone, run the command again.")
}

/// Stops every process of the service.
pub async fn stop(service: &ServiceSpec) -> Result<()> {
    let terms = terms(&service.launch)?;
    let conf = terms.config_file.display().to_string();
    for process in processes(&terms.run_dir, &service.name) {
        end(&process, &conf).await?;
    }
    Ok(())
}
