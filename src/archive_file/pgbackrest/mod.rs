//! Talks to pgBackRest: what its repositories hold, and the programs that work on them.

mod told;

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;
use rustix::process::Signal;
use tokio::process::Command;

use crate::base::Secret;
use crate::error::{Error, Result};
use crate::facts::KeptSegment;
use crate::postgresql_conf::pgbackrest::{arguments, command};
use crate::process;
use crate::step::Pgbackrest;

pub use told::{Holdings, MARK, SEGMENT_BYTES, SERVER_VERSION, Verified};

/// What is called.
const PROGRAM: &str = "pgbackrest";

/// How long a question may take: storage elsewhere may not answer at all.
const ASKING: Duration = Duration::from_secs(30);

/// How often something that is waited for is looked at.
const BEAT: Duration = Duration::from_millis(500);

/// How long a program that was told to end may take.
const ENDING: Duration = Duration::from_secs(60);

/// It ends with this where another one of its programs is at work.
const LOCKED: i32 = 50;

/// It ends with this where the repositories are of another cluster.
const OTHER_CLUSTER: i32 = 28;

/// What one of its programs said.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    fn good(self, what: &str) -> Result<String> {
        if self.code == Some(0) { Ok(self.out) } else { Err(self.failure(what)) }
    }

    fn failure(&self, what: &str) -> Error {
        let told = self.err.lines().map(str::trim);
        let told = told.filter(|line| !line.is_empty() && !line.contains("WARN:"));
        Error::environment(what.to_owned()).because_last(told)
    }
}

/// The version of the program on this machine.
pub async fn version() -> Result<String> {
    let output = Command::new(PROGRAM).arg("version").stdin(Stdio::null()).kill_on_drop(true).output();
    let output = output.await.map_err(|e| absent(&e))?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(said.strip_prefix("pgBackRest ").unwrap_or(&said).to_owned())
}

fn absent(e: &io::Error) -> Error {
    let error = Error::environment("cannot run pgbackrest").caused_by(e);
    error.hint("Install it, on Debian with: apt install pgbackrest")
}

/// The command for a person.
pub fn spelled(how: &Pgbackrest, end: &str) -> String {
    let words = arguments(&how.config, &how.keys, &how.stanza);
    let words: Vec<String> = words.iter().map(|word| crate::base::quote::shell(word)).collect();
    format!("{PROGRAM} {} {end}", words.join(" "))
}

/// The command by which a sidecar gets the log: into its own data directory, not the primary's.
pub fn fetch_command(how: &Pgbackrest, data: &Path) -> String {
    let mut words = arguments(&how.config, &how.keys, &how.stanza);
    words.push(format!("--pg1-path={}", data.display()));
    command(&words, "archive-get %f \"%p\"")
}

/// One of its programs.
fn program(how: &Pgbackrest, args: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new(PROGRAM);
    command.args(arguments(&how.config, &how.keys, &how.stanza)).arg("--log-timestamp=n").args(args);
    // Each account may be there; and what it says reads the same everywhere.
    command.current_dir("/").env("LC_ALL", "C").env_remove("PGOPTIONS");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(owner) = how.run_as {
        command.uid(owner.uid).gid(owner.gid);
    }
    command
}

fn said(output: &Output) -> Said {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

/// Runs one of its programs to its end.
async fn run(how: &Pgbackrest, args: &[&str], password: Option<&Secret>) -> Result<Said> {
    let mut command = program(how, args);
    if let Some(password) = password {
        command.env("PGPASSWORD", password.reveal());
    }
    let output = Command::from(command).kill_on_drop(true).output().await.map_err(|e| absent(&e))?;
    Ok(said(&output))
}

/// A question, which is answered soon or not at all.
async fn ask(how: &Pgbackrest, args: &[&str], what: &str) -> Result<String> {
    soon(how, args, what).await?.good(what)
}

/// Runs what has little to do to its end; it would itself try for minutes to reach what cannot be reached.
async fn soon(how: &Pgbackrest, args: &[&str], what: &str) -> Result<Said> {
    let late = |_| {
        Error::environment(what.to_owned())
            .because(format!("there was no answer within {} s", ASKING.as_secs()))
            .hint("See whether each repository can be reached from this machine.")
    };
    tokio::time::timeout(ASKING, run(how, args, None)).await.map_err(late)?
}

/// What a repository holds of the cluster, but for the log. Each is asked by itself: one that does not answer is silent about
/// nothing but itself.
pub async fn holdings(how: &Pgbackrest, repository: usize) -> Result<Holdings> {
    let number = format!("--repo={repository}");
    let args = ["--output=json", "--log-level-console=off", &number, "info"];
    let what = format!("pgBackRest does not say what repository {repository} holds");
    told::holdings(&ask(how, &args, &what).await?)
}

/// The segments of the log that a repository holds, under pgBackRest's name for the cluster's present form, such as `15-1`.
pub async fn segments(
    how: &Pgbackrest,
    repository: usize,
    form: &str,
    segment_bytes: u64,
) -> Result<Vec<KeptSegment>> {
    let (number, place) = (format!("--repo={repository}"), format!("archive/{}/{form}", how.stanza));
    let args = ["--output=json", "--recurse", "--log-level-console=off", &number, "repo-ls", &place];
    let what = format!("pgBackRest does not list the log in repository {repository}");
    told::segments(&ask(how, &args, &what).await?, segment_bytes)
}

/// Makes the cluster known to the repositories; one that is known already stays so.
pub async fn create_stanza(how: &Pgbackrest) -> Result<()> {
    let what = "pgBackRest cannot make the cluster known to its repositories";
    // Its files say which one it is; the server may not run yet.
    let said = soon(how, &["--no-online", "stanza-create"], what).await?;
    if said.code != Some(OTHER_CLUSTER) {
        return said.good(what).map(drop);
    }
    Err(Error::refused(format!("the repositories hold another cluster under the name {}", how.stanza))
        .because("two clusters under one name would be taken for one another in a recovery")
        .hint("Give this one a name of its own in odpm.yaml: archive.stanza")
        .hint(format!(
            "Only if it is the other one's successor (pg_upgrade), say so and go on: {}",
            spelled(how, "--no-online stanza-upgrade")
        )))
}

/// Takes a base backup. One that is at work already - an attempt's whose odpm was killed, somebody else's - is waited for, and
/// `done` asked again each time whether there is anything left to do.
pub async fn back_up(
    how: &Pgbackrest,
    args: &[&str],
    password: &Secret,
    done: impl AsyncFn() -> Result<bool>,
) -> Result<()> {
    let lock = how.keys.join("backup-at-work");
    loop {
        // One of an attempt before holds it to its end; only then is it known what that came to.
        while held(&lock).map_err(|e| crate::state::cannot("read", &lock, &e))? {
            tokio::time::sleep(BEAT).await;
        }
        if done().await? {
            return Ok(());
        }
        let mut command = program(how, &[args, &["backup"]].concat());
        command.env("PGPASSWORD", password.reveal()).stdin(hold(&lock)?);
        let output = Command::from(command).kill_on_drop(true).output().await.map_err(|e| absent(&e))?;
        let said = said(&output);
        if said.code != Some(LOCKED) {
            return said.good("the base backup failed").map(drop);
        }
        tokio::time::sleep(BEAT).await;
    }
}

/// A file that is locked until the last process has closed it that it is given to, whatever becomes of odpm.
fn hold(lock: &Path) -> Result<fs::File> {
    let open = || {
        let file = fs::File::create(lock)?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(file)
    };
    open().map_err(|e: io::Error| crate::state::cannot("lock", lock, &e))
}

/// Removes base backups, and the log that nobody needs any more; `set`: that one and what is made on it.
pub async fn expire(how: &Pgbackrest, repository: usize, set: Option<&str>) -> Result<()> {
    let number = format!("--repo={repository}");
    let set = set.map(|set| format!("--set={set}"));
    let args: Vec<&str> = [number.as_str()].into_iter().chain(set.as_deref()).chain(["expire"]).collect();
    run(how, &args, None).await?.good("pgBackRest cannot remove what nobody needs").map(drop)
}

/// Lays a base backup out in an empty folder, without any settings for a recovery. As long as it is at work it holds the file
/// `lock`, whatever becomes of odpm: see [`end_restore`].
pub async fn restore(how: &Pgbackrest, repository: usize, set: &str, data: &Path, lock: &Path) -> Result<()> {
    let number = format!("--repo={repository}");
    let (set, data) = (format!("--set={set}"), format!("--pg1-path={}", data.display()));
    let mut command = program(how, &[&number, &set, &data, "--type=none", "--archive-mode=off", "restore"]);
    command.stdin(hold(lock)?);
    let child = Command::from(command).kill_on_drop(true).spawn().map_err(|e| absent(&e))?;
    let pid = child.id().unwrap_or_default().to_string();
    fs::write(lock, pid).map_err(|e| crate::state::cannot("write", lock, &e))?;
    let output = child.wait_with_output().await;
    let output = output.map_err(|e| Error::environment("cannot wait for pgbackrest").caused_by(&e))?;
    said(&output).good("pgBackRest cannot lay the base backup out").map(drop)
}

/// Whether a base backup has anything outside the data directory: tablespaces, links.
pub async fn reaches_out(how: &Pgbackrest, repository: usize, set: &str) -> Result<bool> {
    let (number, set) = (format!("--repo={repository}"), format!("--set={set}"));
    let args = ["--output=json", "--log-level-console=off", &number, &set, "info"];
    told::reaches_out(&ask(how, &args, "pgBackRest does not say what the base backup has").await?)
}

/// Brings a segment of the log into a file; whether there is one.
pub async fn fetch(how: &Pgbackrest, segment: &str, to: &Path) -> Result<bool> {
    let said = run(how, &["archive-get", segment, &to.display().to_string()], None).await?;
    match said.code {
        Some(1) => Ok(false),
        _ => said.good(&format!("pgBackRest cannot bring {segment} back")).map(|_| true),
    }
}

/// Reads everything in a repository.
pub async fn verify(how: &Pgbackrest, repository: usize) -> Result<Verified> {
    let number = format!("--repo={repository}");
    let args = ["--output=text", "--verbose", "--log-level-console=info", &number, "verify"];
    let said = run(how, &args, None).await?.good("pgBackRest cannot read the repository")?;
    Ok(told::verified(&said))
}

/// Ends the restore of an attempt whose odpm was killed: it would go on writing where the next one writes.
pub async fn end_restore(lock: &Path) -> Result<()> {
    let begin = Instant::now();
    let mut told = false;
    while held(lock).map_err(|e| crate::state::cannot("read", lock, &e))? {
        let pid = fs::read_to_string(lock).ok().and_then(|text| text.parse().ok());
        let called = pid.filter(|pid| process::is_called(*pid, &[PROGRAM]));
        if let Some(id) = called.and_then(process::id).filter(|_| !told) {
            // One that is gone by now is what was wanted.
            let _ = rustix::process::kill_process(id, Signal::TERM);
            told = true;
        }
        if begin.elapsed() > ENDING {
            return Err(Error::environment("the restore of an attempt before does not end")
                .because(format!("a process holds {}, and writes to the same folder", lock.display()))
                .hint("End pgbackrest, and go on: odpm apply --resume"));
        }
        tokio::time::sleep(BEAT).await;
    }
    Ok(())
}

/// Whether any process holds a lock.
fn held(lock: &Path) -> io::Result<bool> {
    let file = match fs::File::open(lock) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(e),
    };
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(false),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
        Err(e) => Err(e.into()),
    }
}
