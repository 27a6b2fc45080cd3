//! A script's rehearsal: it is run, looked at, and rolled back. It takes a transaction id, as no other reading does.

use super::Loaded;
use crate::base::SecretRef;
use crate::error::{Error, Result};
use crate::facts::{Catalog, Rehearsal};
use crate::grounds::specs;
use crate::postgres::broken;
use crate::postgres::catalog::every_table;
use crate::postgres::rows::Source;
use crate::postgres::script::parts;
use crate::postgres::trial::{Effects, Trial, number};
use crate::script::{Script, cascades, examine};
use crate::step::ScriptTerms;
use crate::watchdog::{Columns, whole};

/// Reads a script: nothing of it has run when it is refused.
pub fn script(file: &str, text: &str) -> Result<Script> {
    examine(file, text, parts(text)?)
}

/// Runs the script as the application role, looks at what it did, and takes it back.
pub async fn rehearse(
    loaded: &Loaded,
    database: &str,
    script: &Script,
    terms: ScriptTerms,
) -> Result<Rehearsal> {
    let mut trial = Trial::begin(&source(loaded, database)?, terms).await?;
    trial.examine(script).await?;
    let checks = &loaded.project.sql_checks();
    let before = broken(trial.session(), checks).await?;
    let took = trial.run(script).await?;
    let effects = trial.effects().await?;
    let writes = number(trial.session()).await?.is_some() || !effects.sequences.is_empty();
    let mut worse = broken(trial.session(), checks).await?;
    worse.retain(|found| {
        before.iter().find(|was| was.name == found.name).is_none_or(|was| was.rows < found.rows)
    });
    let keyless = keyless(&trial, &effects).await?;
    trial.give_up().await?;
    Ok(Rehearsal {
        format_version: 1,
        database: database.to_owned(),
        statements: script.statements.len() as u64,
        took_ms: u64::try_from(took.time.as_millis()).unwrap_or(u64::MAX),
        wal_bytes: took.wal_bytes,
        writes,
        cascades: cascades(&effects.tables, &effects.ties, script),
        keyless,
        broken: worse
            .iter()
            .map(|found| format!("{}: {} rows, the first: {}", found.name, found.rows, found.first))
            .collect(),
        notes: notes(script),
        tables: effects.tables,
        triggers: effects.triggers,
        locks: effects.locks,
        sequences: effects.sequences,
        definitions: effects.definitions,
        exclusive: effects.exclusive,
    })
}

/// Touched tables whose rows cannot be told apart, or found.
async fn keyless(trial: &Trial, effects: &Effects) -> Result<Vec<String>> {
    let catalog = Catalog { tables: every_table(trial.session()).await?, ..Catalog::default() };
    let touched: Vec<String> = effects.tables.keys().cloned().collect();
    let skipped = match touched.is_empty() {
        true => Vec::new(),
        false => whole(&catalog, &touched, Columns::Exact).skipped,
    };
    let elsewhere = effects.elsewhere.iter().cloned();
    Ok(skipped.into_iter().map(|left| format!("{}: {}", left.model, left.why)).chain(elsewhere).collect())
}

fn notes(script: &Script) -> Vec<String> {
    let mut notes = Vec::new();
    if script.unwrapped {
        notes.push(
            "The BEGIN and the COMMIT around the script are left out: odpm's own are there.".to_owned(),
        );
    }
    if script.names.iter().any(|name| name.starts_with("dblink")) {
        notes.push(
            "What dblink did on another server was not rolled back, and is done again by --apply.".to_owned(),
        );
    }
    notes
}

fn source(loaded: &Loaded, database: &str) -> Result<Source> {
    let project = &loaded.project;
    let secret = loaded.secrets.find(&SecretRef::AppPassword)?.ok_or_else(|| {
        Error::environment("the application role's password is not known").hint("It is made by: odpm apply")
    })?;
    Ok(Source {
        endpoint: specs::endpoint(project),
        role: project.postgres.role.clone(),
        secret,
        database: database.to_owned(),
    })
}
