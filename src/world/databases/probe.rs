//! Starts Odoo on a database, asks it, ends it; and asks the database and the Odoo shell what has to hold.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::process::Child;

use super::{Hands, app_source, as_planned, cannot, once};
use crate::engine::{Answer as Page, diagnose, get, python_literal, shell_output, unmet};
use crate::error::{Error, Result};
use crate::postgres::ask;
use crate::postgres::rows::Moment;
use crate::step::{ProbeOdoo, ServiceSpec, ShellCheck};

/// The script that runs scripts.
const SCRIPT: &str = include_str!("../../../templates/shell_check.py");

/// The pause between two questions.
const BEAT: Duration = Duration::from_millis(250);

/// How long one question may wait: the first one does until all modules are loaded.
const ANSWER: Duration = Duration::from_secs(60);

/// How often a page is asked for that is answered with an error.
const TRIES: u32 = 3;

/// How much of the end of a log is looked at for last words.
const TAIL: u64 = 64 << 10;

pub async fn probe(step: &ProbeOdoo, hands: Hands<'_>) -> Result<Vec<String>> {
    let scripts = scripts(&step.scripts)?;
    once::exists(&step.operator, &hands, &step.database).await?;
    let mut wrong = Vec::new();
    let begun = Instant::now();
    let mut server = Server::start(step, &hands).await?;
    let up = server.comes_up(step).await;
    let seconds = begun.elapsed().as_secs();
    if up.is_ok() {
        let found = unmet(server.port, &step.http, patience(step)).await;
        wrong.extend(found.into_iter().map(|unmet| format!("{}: {}", unmet.check, unmet.why)));
    }
    server.end(step, &hands).await?;
    if !wrong.is_empty() {
        // What the server said of it while it was asked.
        wrong.extend(diagnosis(&step.log).map(|(cause, _)| format!("its log says: {cause}")));
    }
    wrong.extend(queries(step, &hands).await);
    if up.is_ok() {
        for (check, text) in step.scripts.iter().zip(&scripts) {
            wrong.extend(script(step, check, text, &hands).await?);
        }
        if let Some(shell) = step.shell.as_ref() {
            hands.engine.end_command(shell).await?;
        }
    }
    match up {
        Err(error) => Err(wrong.iter().fold(error, Error::because)),
        Ok(()) if wrong.is_empty() => Ok(told(step, seconds)),
        Ok(()) => {
            let error = Error::refused(format!("what has to hold does not in {}", step.database));
            let error = wrong.iter().fold(error, Error::because);
            Err(error.hint(format!("The server's log: {}", step.log.display())))
        }
    }
}

fn told(step: &ProbeOdoo, seconds: u64) -> Vec<String> {
    let mut told = vec![format!("it answered after {seconds} s")];
    let checks = step.http.len() + step.sql.len() + step.scripts.len();
    match checks {
        0 => {}
        1 => told.push("its one check holds".to_owned()),
        more => told.push(format!("all {more} checks hold")),
    }
    told
}

fn patience(step: &ProbeOdoo) -> Duration {
    Duration::from_secs(u64::from(step.timeout))
}

/// A server that was started for a while.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    async fn start(step: &ProbeOdoo, hands: &Hands<'_>) -> Result<Self> {
        let port = free_port().map_err(|e| Error::environment("cannot start Odoo").caused_by(&e))?;
        let command = hands.engine.server_command(&step.service, &arguments(step), port).await?;
        let child = once::start(command, &step.log)?;
        Ok(Self { child, port })
    }

    /// Whether it comes up: it is healthy, and people can log in.
    async fn comes_up(&mut self, step: &ProbeOdoo) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(u64::from(step.service.start_timeout));
        let healthy = |answer: &Page| match answer.status {
            200 => answer.text.contains("pass"),
            // There was no such page before Odoo 15: logging in tells.
            status => status == 404,
        };
        self.answers(step, "/web/health", deadline, healthy).await?;
        self.answers(step, "/web/login", deadline, lets_in).await
    }

    /// Whether it answers as it should, before the deadline.
    async fn answers(
        &mut self,
        step: &ProbeOdoo,
        path: &str,
        deadline: Instant,
        right: impl Fn(&Page) -> bool,
    ) -> Result<()> {
        let mut tries = 0;
        loop {
            let left = deadline.saturating_duration_since(Instant::now()).max(BEAT);
            let answer = tokio::select! {
                ended = self.child.wait() => return Err(with_cause(Error::environment(how(step, ended)), step)),
                answer = get(self.port, path, left.min(ANSWER)) => answer,
            };
            let last = match answer {
                Ok(answer) if right(&answer) => return Ok(()),
                Ok(answer) => {
                    tries += 1;
                    let to = answer.location.map_or_else(String::new, |to| format!(", to {to}"));
                    format!("{path} answers {}{to}", answer.status)
                }
                Err(why) => format!("{path} is not answered: {why}"),
            };
            // While it loads it may say that it is not well; a page that is not right three times never will be.
            let final_word = path == "/web/login" && tries >= TRIES;
            if final_word || Instant::now() >= deadline {
                let what = match final_word {
                    true => format!("Odoo does not work on {}", step.database),
                    false => {
                        format!("Odoo is not up on {} after {} s", step.database, step.service.start_timeout)
                    }
                };
                return Err(with_cause(Error::environment(what).because(last), step));
            }
            tokio::time::sleep(BEAT).await;
        }
    }

    /// Ends it with all that belongs to it.
    async fn end(&mut self, step: &ProbeOdoo, hands: &Hands<'_>) -> Result<()> {
        hands.engine.end_command(&step.service).await?;
        // What only carried it ends with it.
        if tokio::time::timeout(ANSWER, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
        Ok(())
    }
}

/// Whether people can log in. Some shops send them on to where they do; a server without a database sends them to choose one.
fn lets_in(answer: &Page) -> bool {
    let elsewhere = answer.location.as_ref().is_some_and(|to| !to.contains("/web/database/"));
    answer.status == 200 || ((300..400).contains(&answer.status) && elsewhere)
}

fn how(step: &ProbeOdoo, ended: std::io::Result<std::process::ExitStatus>) -> String {
    let status = ended.map_or_else(|e| e.to_string(), |status| status.to_string());
    format!("Odoo ended while it started on {} ({status})", step.database)
}

/// The service's own arguments, and then those that win over them and over odoo.conf.
fn arguments(step: &ProbeOdoo) -> Vec<String> {
    let mut args = step.args.clone();
    args.extend(["-d".to_owned(), step.database.clone()]);
    args.push(format!("--db-filter=^{}$", filter(&step.database)));
    let fixed = ["--no-database-list", "--max-cron-threads=0", "--workers=0", "--logfile="];
    args.extend(fixed.map(str::to_owned));
    args
}

/// A name as Odoo's filter takes it: a regular expression in which `%h` and `%d` are parts of the host's name.
fn filter(name: &str) -> String {
    regex::escape(name).replace('%', "[%]")
}

/// A port of this machine that nobody uses now.
fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// What the log says first went wrong and what mends it, else its last words.
fn with_cause(error: Error, step: &ProbeOdoo) -> Error {
    let error = match diagnosis(&step.log) {
        Some((cause, remedies)) => remedies.into_iter().fold(error.because(cause), Error::hint),
        None => error.because_last(tail(&step.log).lines()),
    };
    error.hint(format!("The server's log: {}", step.log.display()))
}

fn diagnosis(log: &Path) -> Option<(String, Vec<String>)> {
    let failure = diagnose(log).ok()?.failure?;
    let module = failure.module.map_or_else(String::new, |module| format!("{module}: "));
    let place = failure.place.map_or_else(String::new, |place| match place.line {
        0 => format!(" ({})", place.file),
        line => format!(" ({}:{line})", place.file),
    });
    Some((format!("{module}{}{place}", failure.cause), failure.remedies))
}

fn tail(log: &Path) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    read().unwrap_or_default()
}

/// Asks the queries, as gates are asked: each for itself, of one moment in which nothing can be written.
async fn queries(step: &ProbeOdoo, hands: &Hands<'_>) -> Vec<String> {
    if step.sql.is_empty() {
        return Vec::new();
    }
    let moment = match Moment::of(app_source(&step.operator, hands, &step.database)).await {
        Ok(moment) => moment,
        Err(error) => return vec![error.to_string()],
    };
    let mut wrong = Vec::new();
    for (name, query) in &step.sql {
        match ask(moment.session(), name, query, step.timeout).await {
            Ok(Ok(None)) => {}
            Ok(Ok(Some(broken))) => {
                wrong.push(format!("{name}: {} rows, the first: {}", broken.rows, broken.first));
            }
            Ok(Err(error)) => wrong.push(error.to_string()),
            Err(error) => {
                wrong.push(error.to_string());
                break;
            }
        }
    }
    wrong
}

/// The scripts, as long as they are those that were planned.
fn scripts(checks: &[ShellCheck]) -> Result<Vec<String>> {
    let read = |check: &ShellCheck| {
        as_planned(&check.path, &check.sha256, "Make the plan again.")?;
        fs::read_to_string(&check.path).map_err(|e| cannot("read", &check.path, &e))
    };
    checks.iter().map(read).collect()
}

/// What the script about scripts says.
#[derive(Deserialize)]
struct Answer {
    wrong: Option<String>,
    trace: String,
}

/// Runs a script in the Odoo shell; what is wrong.
async fn script(
    step: &ProbeOdoo,
    check: &ShellCheck,
    text: &str,
    hands: &Hands<'_>,
) -> Result<Option<String>> {
    let shell: &ServiceSpec =
        step.shell.as_ref().ok_or_else(|| Error::internal("a script without a shell to run it"))?;
    let file = check.path.display().to_string();
    let given = [("_CHECK", python_literal(&text)?), ("_FILE", python_literal(&file)?)];
    let said = shell_output(hands.engine, shell, &step.database, &given, SCRIPT);
    let Ok(said) = tokio::time::timeout(patience(step), said).await else {
        // What carried it is gone; the shell itself may be at work still.
        hands.engine.end_command(shell).await?;
        return Ok(Some(format!("{}: it did not end within {} s", check.name, step.timeout)));
    };
    let answer = said.and_then(|said| {
        serde_json::from_str::<Answer>(&said)
            .map_err(|e| Error::environment("cannot understand the Odoo shell").caused_by(&e))
    });
    Ok(match answer {
        Err(error) => Some(format!("{}: {error}", check.name)),
        Ok(Answer { wrong: None, .. }) => None,
        Ok(Answer { wrong: Some(wrong), trace }) => {
            note(&step.log, &format!("The check {} failed in the Odoo shell:\n{trace}", check.name))?;
            Some(format!("{}: {wrong}", check.name))
        }
    })
}

/// Adds to the log what has no room in an error.
fn note(log: &Path, text: &str) -> Result<()> {
    let file = OpenOptions::new().create(true).append(true).open(log);
    file.and_then(|mut file| writeln!(file, "{text}")).map_err(|e| cannot("write", log, &e))
}

#[cfg(test)]
mod tests {
    use super::filter;

    #[test]
    fn a_name_is_no_pattern() {
        for (name, pattern) in
            [("shop", "shop"), ("shop.v2", "shop\\.v2"), ("a-b", "a\\-b"), ("%h", "[%]h"), ("a+b", "a\\+b")]
        {
            assert_eq!(filter(name), pattern);
        }
    }
}
