//! Has Odoo install and update modules, and looks whether it did.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::{Hands, app_session, cannot, once};
use crate::error::{Error, Result};
use crate::step::UpdateModules;

/// How many errors of the log are told.
const TOLD: usize = 6;

pub async fn update(step: &UpdateModules, hands: Hands<'_>) -> Result<Vec<String>> {
    once::exists(&step.operator, &hands, &step.database).await?;
    let args = once::work_on_modules(&step.database, &step.install, &step.update);
    let command = hands.engine.odoo_command(&step.service, &args).await?;
    let mut child = once::start(command, &step.log)?;
    let status = child.wait().await.map_err(|e| Error::environment("cannot wait for Odoo").caused_by(&e))?;
    let mut errors = errors(&step.log)?;
    if !status.success() && errors.is_empty() {
        errors.extend(last_words(&step.log)?);
    }
    if !status.success() || !errors.is_empty() {
        let what = if status.success() {
            "Odoo logged errors".to_owned()
        } else {
            format!("Odoo failed ({status})")
        };
        let error = errors.into_iter().take(TOLD).fold(Error::environment(what), Error::because);
        return Err(error.hint(format!("Read its log: {}", step.log.display())));
    }
    installed(step, &hands).await
}

/// The lines of a log that tell of errors; Odoo writes the level after the process id.
fn errors(log: &Path) -> Result<Vec<String>> {
    let file = fs::File::open(log).map_err(|e| cannot("read", log, &e))?;
    let mut found = Vec::new();
    for line in BufReader::new(file).split(b'\n') {
        let line = line.map_err(|e| cannot("read", log, &e))?;
        let line = String::from_utf8_lossy(&line);
        let level = line.split_whitespace().nth(3);
        if matches!(level, Some("ERROR" | "CRITICAL")) {
            found.push(line.into_owned());
        }
    }
    Ok(found)
}

/// What a program said last before it failed: the end of a traceback tells what was raised, and more of it is indented.
fn last_words(log: &Path) -> Result<Option<String>> {
    let text = fs::read(log).map_err(|e| cannot("read", log, &e))?;
    let text = String::from_utf8_lossy(&text);
    // Compose ends with the exit code, alone on a line.
    let said = |line: &&str| !line.starts_with([' ', '\t']) && line.contains(char::is_alphabetic);
    Ok(text.lines().rfind(said).map(str::to_owned))
}

/// Odoo ends well over names that it does not know: what was asked for has to be so.
async fn installed(step: &UpdateModules, hands: &Hands<'_>) -> Result<Vec<String>> {
    let session = app_session(&step.operator, hands, &step.database).await?;
    let wanted: Vec<&String> =
        step.install.iter().chain(&step.update).filter(|name| *name != "all").collect();
    let question = "SELECT w FROM unnest($1::text[]) w WHERE NOT EXISTS (SELECT FROM ir_module_module WHERE name = w AND state = 'installed')";
    let failed = |e: tokio_postgres::Error| Error::environment("cannot look at the modules").caused_by(&e);
    let missing = session.query(question, &[&wanted]).await.map_err(failed)?;
    if !missing.is_empty() {
        let names: Vec<String> = missing.iter().map(|row| row.get(0)).collect();
        return Err(Error::environment(format!("not installed afterwards: {}", names.join(", ")))
            .because("Odoo passes over names that it does not find on its addons path")
            .hint(format!("Read its log: {}", step.log.display())));
    }
    let open = "SELECT count(*) FROM ir_module_module WHERE state LIKE 'to %'";
    let open: i64 = session.query_one(open, &[]).await.map_err(failed)?.get(0);
    if open > 0 {
        return Err(Error::environment(format!(
            "{open} modules wait to be installed, updated or removed still"
        ))
        .hint(format!("Read its log: {}", step.log.display())));
    }
    Ok(vec![format!("{} modules", wanted.len())])
}
