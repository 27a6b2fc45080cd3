//! Sidecars as processes.

use std::time::Duration;

use rustix::process::Signal;

use super::daemon::{self, BEAT};
use crate::error::{Error, Result};
use crate::facts::PidFile;
use crate::postgres::data_dir;
use crate::step::{Sidecar, SidecarLaunch};

/// How long one may take to write everything to its files.
const SHUTDOWN: Duration = Duration::from_secs(600);

/// How long a sidecar may take to stop. Nothing of it is worth a wait: it is killed then.
const STOP: Duration = Duration::from_secs(10);

/// Starts the server; it is there when this returns, or has ended already.
pub async fn start(sidecar: &Sidecar) -> Result<()> {
    let SidecarLaunch::Local { bin_dir, run_as } = &sidecar.launch else { return Err(super::misdirected()) };
    let cannot = |e: &std::io::Error| Error::environment("cannot start PostgreSQL").caused_by(e);
    let mut child = daemon::daemon(&bin_dir.join("postgres"), &sidecar.log(), *run_as)?
        .arg("-D")
        .arg(sidecar.data())
        .args(["-c", &format!("config_file={}", sidecar.place.join("postgresql.conf").display())])
        .args(["-c", &format!("data_directory={}", sidecar.data().display())])
        .env_remove("PGDATA")
        .spawn()
        .map_err(|e| cannot(&e))?;
    while pid(sidecar).is_none() && child.try_wait().map_err(|e| cannot(&e))?.is_none() {
        tokio::time::sleep(BEAT).await;
    }
    Ok(())
}

fn pid(sidecar: &Sidecar) -> Option<u32> {
    match data_dir::pid_file(&sidecar.data()) {
        Ok(PidFile::Alive { pid, .. }) => Some(pid),
        _ => None,
    }
}

pub fn runs(sidecar: &Sidecar) -> bool {
    pid(sidecar).is_some()
}

pub async fn stop(sidecar: &Sidecar) -> Result<()> {
    let Some(pid) = pid(sidecar) else { return Ok(()) };
    daemon::signal(pid, Signal::INT)?;
    if daemon::wait_for_end(pid, STOP).await {
        return Ok(());
    }
    daemon::signal(pid, Signal::QUIT)?;
    if daemon::wait_for_end(pid, STOP).await {
        return Ok(());
    }
    Err(Error::environment(format!("sidecar {} (pid {pid}) does not stop", sidecar.name)))
}

/// Stops it in order: what it wrote is of worth.
pub async fn shut_down(sidecar: &Sidecar) -> Result<()> {
    let Some(pid) = pid(sidecar) else { return Ok(()) };
    daemon::signal(pid, Signal::INT)?;
    if daemon::wait_for_end(pid, SHUTDOWN).await {
        return Ok(());
    }
    Err(Error::environment(format!("sidecar {} (pid {pid}) does not shut down", sidecar.name)))
}
