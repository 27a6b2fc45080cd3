//! Odoo once: for a script, or for work on modules.
//!
//! It is a child of odpm and outlives one that is killed, at work on a database. So it writes a pid file as services do, with who
//! started it, and whoever starts the next one ends it first.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::service::{LAUNCHER, end, is_ours, processes};
use super::terms;
use crate::error::{Error, Result};
use crate::process;
use crate::state;
use crate::step::{ServiceSpec, Terms};

/// What pid files of such processes are called; no service is.
const NAME: &str = "once";

/// How many this process has started.
static STARTED: AtomicU32 = AtomicU32::new(0);

/// Odoo once, as the service runs it, when nobody who is gone has left one.
pub async fn command(service: &ServiceSpec, args: &[String]) -> Result<Command> {
    let terms = terms(&service.launch)?;
    end_left(terms).await?;
    state::make_dir(&terms.run_dir, 0o700)
        .map_err(|e| Error::environment(format!("cannot make {}", terms.run_dir.display())).caused_by(&e))?;
    if service.command.is_empty() {
        return Err(Error::internal("a service without a command cannot be run"));
    }
    let mut command = super::daemon::as_account(Path::new("/bin/sh"), terms.run_as);
    std::os::unix::process::CommandExt::arg0(&mut command, "sh");
    command.args(["-c", LAUNCHER]).arg(file(terms)).arg(process::me());
    command.args(&service.command).args(args).envs(&service.env).stdin(Stdio::null());
    Ok(command)
}

/// Odoo's server once, in a process group of its own: Ctrl-C in odpm's terminal is for odpm, which ends it.
pub async fn server(service: &ServiceSpec, args: &[String], port: u16) -> Result<Command> {
    let mut args = args.to_vec();
    args.extend(["--http-interface=127.0.0.1".to_owned(), format!("--http-port={port}")]);
    let mut command = command(service, &args).await?;
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    Ok(command)
}

/// Ends what this odpm has started.
pub async fn end_own(service: &ServiceSpec) -> Result<()> {
    let terms = terms(&service.launch)?;
    let conf = terms.config_file.display().to_string();
    let me = process::me();
    for own in processes(&terms.run_dir, NAME).into_iter().filter(|process| process.config == me) {
        end(&own, &conf).await?;
    }
    Ok(())
}

/// A name that no other process and no other start of this one takes.
fn file(terms: &Terms) -> PathBuf {
    let number = STARTED.fetch_add(1, Ordering::Relaxed) % 10_000;
    terms.run_dir.join(format!("{NAME}.{}{number:04}.pid", std::process::id()))
}

/// Ends what an odpm that is gone has left at work, and forgets what has ended.
pub async fn end_left(terms: &Terms) -> Result<()> {
    let conf = terms.config_file.display().to_string();
    for left in processes(&terms.run_dir, NAME) {
        let at_work = is_ours(&left, &conf);
        if at_work && process::is_at_work(&left.config) {
            continue;
        }
        end(&left, &conf).await?;
    }
    Ok(())
}
