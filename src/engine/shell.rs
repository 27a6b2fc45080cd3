//! A script for the Odoo shell, and what it answers.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

use super::Engine;
use crate::error::{Error, Result};
use crate::step::ServiceSpec;

/// What a script says before its answer; Odoo writes more than that.
const MARK: &str = "ODPM-RESULT ";

/// What it says before how far it has come.
const PROGRESS: &str = "ODPM-PROGRESS ";

/// How many of the last lines are told when it fails.
const TOLD: usize = 12;

/// What scripts have in common.
const CANONICAL: &str = include_str!("../../templates/canonical.py");

/// Has the Odoo shell run a script that ends by printing `ODPM-RESULT` and its answer, in one line. It is given variables, as
/// literals of Python.
pub async fn shell_output(
    engine: &dyn Engine,
    shell: &ServiceSpec,
    database: &str,
    given: &[(&str, String)],
    script: &str,
) -> Result<String> {
    shell_progress(engine, shell, database, given, script, &mut |_| {}).await
}

/// The same with a script that says how far it has come in lines that begin with `ODPM-PROGRESS`.
pub async fn shell_progress(
    engine: &dyn Engine,
    shell: &ServiceSpec,
    database: &str,
    given: &[(&str, String)],
    script: &str,
    tell: &mut dyn FnMut(&str),
) -> Result<String> {
    let given: String = given.iter().map(|(name, literal)| format!("{name} = {literal}\n")).collect();
    let script = format!("{CANONICAL}\n{given}\n{script}");
    // Where the command is the image's own, the word that makes it a shell comes with the arguments.
    let mut args: Vec<String> = if shell.command.is_empty() { vec!["shell".to_owned()] } else { Vec::new() };
    args.extend(["-d".to_owned(), database.to_owned()]);
    args.extend(["--no-http", "--max-cron-threads=0", "--workers=0", "--log-level=error"].map(str::to_owned));
    let command = engine.odoo_command(shell, &args).await?;
    let failed = |e: &std::io::Error| Error::environment("cannot run the Odoo shell").caused_by(e);
    let mut child = Command::from(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| failed(&e))?;
    let mut stdin = child.stdin.take().ok_or_else(|| Error::internal("a child without a stdin"))?;
    // A shell that ends before it has read its script says why itself.
    let feed = async move { drop(stdin.write_all(script.as_bytes()).await) };
    let stdout = child.stdout.take().ok_or_else(|| Error::internal("a child without a stdout"))?;
    let listen = async {
        let (mut said, mut lines) = (String::new(), BufReader::new(stdout));
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line);
            match text.split_once(PROGRESS) {
                Some((_, progress)) => tell(progress.trim_end()),
                None => said.push_str(&text),
            }
            line.clear();
        }
        said
    };
    let ((), said, output) = tokio::join!(feed, listen, child.wait_with_output());
    let output = output.map_err(|e| failed(&e))?;
    if let Some(answer) = said.lines().rev().find_map(|line| line.split_once(MARK)) {
        return Ok(answer.1.to_owned());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> =
        errors.lines().chain(said.lines()).filter(|line| !line.trim().is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(TOLD)..];
    let error = Error::environment(format!("the Odoo shell failed ({})", output.status));
    Err(last.iter().fold(error, |error, line| error.because(*line)))
}

/// A value as a literal of Python that holds JSON.
pub fn python_literal<T: serde::Serialize>(value: &T) -> Result<String> {
    let failed = |e: serde_json::Error| Error::internal("cannot write JSON").caused_by(&e);
    // A JSON string with its escapes is a string of Python too.
    serde_json::to_string(value).and_then(|json| serde_json::to_string(&json)).map_err(failed)
}
