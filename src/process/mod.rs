//! What the kernel says of processes: whether one lives, what it is called, how it was started; and as whom
//! they may run. And threads of our own, for what blocks.
//!
//! Reads `/proc` where there is one, and asks `ps` or the kernel where there is none. A process that has
//! ended and was not collected by its parent - as happens in containers without an init - does not live.

pub mod accounts;

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::Pid;

use crate::error::{Error, Result};

/// Runs what blocks on a thread of its own.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(e) => Err(Error::internal("a thread died").caused_by(&e)),
    }
}

/// Whether the process lives.
pub fn lives(pid: u32) -> bool {
    match stat(pid) {
        Some((_, state)) => !matches!(state, 'Z' | 'X'),
        None => !has_proc() && exists(pid),
    }
}

/// Whether it lives and is called by one of these names; without `/proc`, whether it lives.
pub fn is_called(pid: u32, names: &[&str]) -> bool {
    match stat(pid) {
        Some((name, state)) => !matches!(state, 'Z' | 'X') && names.contains(&name.as_str()),
        None => !has_proc() && exists(pid),
    }
}

/// Whether the process was started with this word on its command line.
pub fn was_started_with(pid: u32, word: &str) -> bool {
    match fs::read(format!("/proc/{pid}/cmdline")) {
        Ok(line) => String::from_utf8_lossy(&line).contains(word),
        Err(_) => {
            let asked = Command::new("ps").args(["-o", "command=", "-p", &pid.to_string()]).output();
            asked.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(word))
        }
    }
}

/// This process as others find it again: its id, and when it was started, for ids are given out anew.
pub fn me() -> String {
    let pid = std::process::id();
    format!("{pid}:{}", started(pid))
}

/// Whether the process that called itself this by [`me`] lives; an id alone is one too.
pub fn is_at_work(who: &str) -> bool {
    let (pid, since) = who.split_once(':').unwrap_or((who, ""));
    let Ok(pid) = pid.parse() else { return false };
    lives(pid) && (since.is_empty() || since == started(pid))
}

/// When a process was started, in the kernel's own count; empty where the kernel does not tell.
fn started(pid: u32) -> String {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name may hold anything; behind it the start is the twentieth.
    let after = stat.rsplit_once(')').map(|(_, after)| after).unwrap_or_default();
    after.split_whitespace().nth(19).unwrap_or_default().to_owned()
}

/// The process id in the kernel's form; `None` for none at all.
pub fn id(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// The name and the state of a process: `812 (postgres) S ...`. The name may hold anything, brackets too.
fn stat(pid: u32) -> Option<(String, char)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (before, after) = stat.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    Some((name.to_owned(), after.trim_start().chars().next()?))
}

fn has_proc() -> bool {
    Path::new("/proc/self").exists()
}

/// Whether the kernel knows the process id, be it of a process that has ended and was not collected.
pub fn exists(pid: u32) -> bool {
    id(pid).is_some_and(|id| !matches!(rustix::process::test_kill_process(id), Err(rustix::io::Errno::SRCH)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_has_the_id_of_another_is_not_taken_for_it() {
        assert!(is_at_work(&me()));
        let pid = std::process::id();
        assert!(is_at_work(&pid.to_string()));
        assert!(!has_proc() || !is_at_work(&format!("{pid}:1")));
        assert!(!is_at_work("nobody") && !is_at_work("0:"));
    }

    #[test]
    fn a_process_that_was_not_collected_does_not_live() {
        assert!(lives(std::process::id()));
        let mut child = Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        assert!(lives(child.id()));
        drop(child.stdin.take());
        let begin = std::time::Instant::now();
        while lives(child.id()) {
            assert!(begin.elapsed().as_secs() < 10, "an end that nobody collects is an end");
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(!lives(child.id()));
        assert!(!lives(0));
    }
}
