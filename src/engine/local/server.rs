//! The PostgreSQL server: looked at, started, stopped.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::super::tenancy;
use super::daemon::{self, BEAT};
use super::terms;
use crate::engine::deadline::Deadline;
use crate::error::{Error, Result};
use crate::facts::{DataDir, Known, PidFile, ServerSeen};
use crate::postgres::data_dir;
use crate::state;
use crate::step::{ServerSpec, Terms};

/// How long a fast shutdown may take; the last checkpoint writes everything that is not on disk yet.
const STOP: Duration = Duration::from_secs(120);

/// How long what a killed server leaves behind may take to end.
const ORPHANS: Duration = Duration::from_secs(30);

/// The setting by which a server tells that odpm started it, and with which configuration. PostgreSQL
/// keeps any setting with a dot in its name.
const MARK: &str = "odpm.config";

/// What runs on the data directory.
pub fn look(data: &Path, seen: &DataDir) -> Known<ServerSeen> {
    match seen {
        DataDir::Unreadable { why, .. } => {
            Known::Unknown(format!("{} cannot be read: {why}", data.display()))
        }
        DataDir::Cluster(files) => Known::Known(running(data, &files.pid)),
        DataDir::Absent
        | DataDir::Empty
        | DataDir::HalfInitialised { .. }
        | DataDir::Foreign { .. }
        | DataDir::NotADirectory => Known::Known(ServerSeen::Stopped),
    }
}

fn running(data: &Path, pid: &PidFile) -> ServerSeen {
    match *pid {
        PidFile::None | PidFile::Stale { .. } => ServerSeen::Stopped,
        PidFile::Alive { pid, port } => match mark(data) {
            Some(config) => ServerSeen::Running { id: pid.to_string(), port, config: Some(config) },
            None => ServerSeen::Foreign { pid, port },
        },
    }
}

/// The configuration's digest on the server's command line, which every server writes down when it starts.
fn mark(data: &Path) -> Option<String> {
    let line = fs::read_to_string(data.join("postmaster.opts")).ok()?;
    let (_, after) = line.split_once(&format!("{MARK}="))?;
    Some(after.chars().take_while(char::is_ascii_hexdigit).collect())
}

fn now(server: &ServerSpec) -> Result<ServerSeen> {
    let pid = data_dir::pid_file(&server.data).map_err(|e| {
        Error::environment(format!("cannot read {}", server.data.join("postmaster.pid").display()))
            .caused_by(&e)
    })?;
    Ok(running(&server.data, &pid))
}

/// Starts the server, or restarts it when it runs with another configuration.
pub async fn start(server: &ServerSpec) -> Result<()> {
    match now(server)? {
        ServerSeen::Foreign { pid, port } => return Err(foreign(server, pid, port)),
        ServerSeen::Running { id, config, .. } if config.as_deref() == Some(server.config.as_str()) => {
            let pid = id.parse().unwrap_or_default();
            return ready(server, terms(&server.launch)?, 0, &mut || Ok(!crate::process::lives(pid))).await;
        }
        ServerSeen::Running { .. } => stop(server).await?,
        ServerSeen::Stopped => {}
    }
    let terms = terms(&server.launch)?;
    prepare_run_dir(terms)?;
    // Whose lock files these are is only sure once nobody else may start a server here.
    orphans_end(&server.data).await?;
    let _tenancy = tenancy::take(&server.data, &[]).await?;
    clear_stale_locks(server, terms)?;
    let from = daemon::length(&terms.log);
    let mut child = daemon::daemon(&terms.bin_dir.join("postgres"), &terms.log, terms.run_as)?
        .args(settings(server, terms))
        .env_remove("PGDATA")
        .spawn()
        .map_err(|e| Error::environment("cannot start PostgreSQL").caused_by(&e))?;
    ready(server, terms, from, &mut || Ok(child.try_wait()?.is_some())).await
}

/// Waits for the end of what a killed server leaves behind: it ends by itself within moments.
async fn orphans_end(data: &Path) -> Result<()> {
    let begin = Instant::now();
    loop {
        let left = data_dir::processes(data);
        if left.is_empty() {
            return Ok(());
        }
        if begin.elapsed() > ORPHANS {
            return Err(Error::environment("processes of a server that was killed are still at work")
                .because(format!("process {left:?} works in {}", data.display()))
                .hint("Let them end, or end them with `kill` (never -9), then run the command again."));
        }
        tokio::time::sleep(BEAT).await;
    }
}

/// Removes lock files that PostgreSQL itself would stumble over: the process id in them was given to another
/// program since, or the kernel keeps it for a process that has ended. The data directory is ours by then, and
/// nothing of PostgreSQL is at work in it.
fn clear_stale_locks(server: &ServerSpec, terms: &Terms) -> Result<()> {
    let socket = terms.run_dir.join(format!(".s.PGSQL.{}.lock", server.port));
    for lock in [server.data.join("postmaster.pid"), socket] {
        let text = fs::read_to_string(&lock).unwrap_or_default();
        let pid = text.lines().next().and_then(|line| line.trim().trim_start_matches('-').parse().ok());
        if pid.is_some_and(crate::process::exists) {
            fs::remove_file(&lock).map_err(|e| {
                Error::environment(format!("cannot remove the stale {}", lock.display())).caused_by(&e)
            })?;
        }
    }
    Ok(())
}

/// The command line. What decides where the server is reached stands here, where no file overrules it.
fn settings(server: &ServerSpec, terms: &Terms) -> Vec<String> {
    let mut words = vec!["-D".to_owned(), server.data.display().to_string()];
    for (name, value) in [
        ("config_file", terms.config_file.display().to_string()),
        ("data_directory", server.data.display().to_string()),
        ("listen_addresses", "127.0.0.1".to_owned()),
        ("port", server.port.to_string()),
        // In quotes, for a comma in the path would make two of it.
        ("unix_socket_directories", format!("\"{}\"", terms.run_dir.display())),
        (MARK, server.config.as_str().to_owned()),
    ] {
        words.extend(["-c".to_owned(), format!("{name}={value}")]);
    }
    words
}

/// Makes the folder of the socket, for the account that the server runs as and for nobody else.
pub fn prepare_run_dir(terms: &Terms) -> Result<()> {
    state::own_dir(&terms.run_dir, terms.run_as)
        .map_err(|e| Error::environment(format!("cannot make {}", terms.run_dir.display())).caused_by(&e))
}

/// Waits until the server says that it is ready and takes a connection over TCP.
async fn ready(
    server: &ServerSpec,
    terms: &Terms,
    from: u64,
    ended: &mut dyn FnMut() -> std::io::Result<bool>,
) -> Result<()> {
    let deadline = Deadline::of(server.start_timeout);
    loop {
        let says = fs::read_to_string(server.data.join("postmaster.pid")).unwrap_or_default();
        let status = says.lines().nth(7).map(str::trim).unwrap_or_default();
        if status == "ready" && tokio::net::TcpStream::connect(("127.0.0.1", server.port)).await.is_ok() {
            return Ok(());
        }
        if ended().map_err(|e| Error::environment("cannot watch PostgreSQL").caused_by(&e))? {
            return Err(daemon::with_last_words(
                Error::environment("PostgreSQL did not start"),
                &terms.log,
                from,
            ));
        }
        if deadline.is_over() {
            let error = Error::environment(format!("PostgreSQL is not ready after {} s", deadline.seconds))
                .hint("It was left running: a long recovery goes on by itself; then resume.");
            return Err(daemon::with_last_words(error, &terms.log, from));
        }
        tokio::time::sleep(BEAT).await;
    }
}

/// Stops the server: connections are ended, transactions rolled back, everything written.
pub async fn stop(server: &ServerSpec) -> Result<()> {
    let pid: u32 = match now(server)? {
        ServerSeen::Stopped => return Ok(()),
        ServerSeen::Foreign { pid, port } => return Err(foreign(server, pid, port)),
        ServerSeen::Running { id, .. } => id.parse().unwrap_or_default(),
    };
    daemon::signal(pid, Signal::INT)?;
    if daemon::wait_for_end(pid, STOP).await {
        return Ok(());
    }
    Err(Error::environment(format!("PostgreSQL (pid {pid}) did not stop within {} s", STOP.as_secs()))
        .hint(format!("Look at what it is doing: ps -f --ppid {pid}"))
        .hint("It goes on stopping; run the command again when it is done. Do not use kill -9."))
}

/// A server that odpm did not start is nobody's to stop but its owner's.
fn foreign(server: &ServerSpec, pid: u32, port: u16) -> Error {
    Error::refused(format!("a server that odpm did not start runs on {}", server.data.display()))
        .because(format!("it is process {pid}, on port {port}"))
        .hint("Stop it the way it was started, then run the command again.")
}
