//! Daemons: how they are started and stopped, and what they wrote last.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::error::{Error, Result};
use crate::facts::Owner;
use crate::process::{id, lives};

/// How often something that is waited for is looked at.
pub const BEAT: Duration = Duration::from_millis(50);

/// Sends a signal to a process; to one that is gone already it does nothing.
pub fn signal(pid: u32, signal: Signal) -> Result<()> {
    let Some(id) = id(pid) else { return Ok(()) };
    match rustix::process::kill_process(id, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(e) => {
            Err(Error::environment(format!("cannot signal process {pid}")).caused_by(&io::Error::from(e)))
        }
    }
}

/// Sends a signal to a whole process group, whoever of it is left.
pub fn signal_group(group: u32, signal: Signal) {
    if let Some(id) = id(group) {
        // A group that is gone is what was wanted.
        let _ = rustix::process::kill_process_group(id, signal);
    }
}

/// Waits for the end of a process; tells whether it came in time.
pub async fn wait_for_end(pid: u32, deadline: Duration) -> bool {
    let start = Instant::now();
    while lives(pid) {
        if start.elapsed() > deadline {
            return false;
        }
        tokio::time::sleep(BEAT).await;
    }
    true
}

/// A command that outlives odpm: in a process group of its own, so that Ctrl-C in odpm's terminal does
/// not reach it, its output going to the end of `log`.
pub fn daemon(program: &Path, log: &Path, run_as: Option<Owner>) -> Result<Command> {
    let open = || -> io::Result<(File, File)> {
        if let Some(folder) = log.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().create(true).append(true).mode(0o640).open(log)?;
        Ok((file.try_clone()?, file))
    };
    let (out, err) = open()
        .map_err(|e| Error::environment(format!("cannot open the log {}", log.display())).caused_by(&e))?;
    let mut command = as_account(program, run_as);
    command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0);
    Ok(command)
}

/// A command that runs as the account, in a folder that every account may be in.
pub fn as_account(program: &Path, run_as: Option<Owner>) -> Command {
    let mut command = Command::new(program);
    if let Some(owner) = run_as {
        command.uid(owner.uid).gid(owner.gid).current_dir("/");
    }
    command
}

/// How long a log is now: the place to read from later.
pub fn length(log: &Path) -> u64 {
    fs::metadata(log).map_or(0, |meta| meta.len())
}

/// An error with the last words of a process: the end of what it wrote since its log had the length `from`.
pub fn with_last_words(error: Error, log: &Path, from: u64) -> Error {
    const MOST: u64 = 64 * 1024;
    let read = || -> io::Result<String> {
        let mut file = File::open(log)?;
        let end = file.metadata()?.len();
        file.seek(SeekFrom::Start(from.max(end.saturating_sub(MOST))))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    error.because_last(text.lines()).hint(format!("The whole log: {}", log.display()))
}
