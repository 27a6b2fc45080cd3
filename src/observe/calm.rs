//! Evidence, gates, and how calm a shop is: what is looked at around a repair.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::archive::administrator;
use super::{Loaded, source};
use crate::engine::{Engine, LogLine, LogQuery, unmet};
use crate::error::{Error, Result};
use crate::facts::Known;
use crate::incident::{Calm, Gate, LOG_TROUBLE, gates};
use crate::postgres::Session;
use crate::postgres::catalog::{catalog, every_table, models, references, serials};
use crate::postgres::forensics::{EVIDENCE, counters, rows_as_json};
use crate::postgres::rows::Moment;
use crate::project::HttpCheck;

/// How many bytes of a service's log are kept, its end.
const LOG: usize = 4 << 20;

/// How many lines that are trouble are kept.
const LINES: usize = 1_000;

/// How many seconds the answer of a gate may take.
const PATIENCE: u32 = 300;

/// A piece of evidence: the name of its file, and its text or why there is none.
pub type Evidence = (String, Result<String>);

/// What sessions, locks, statements and logs say before anything is touched.
pub async fn evidence(
    loaded: &Loaded,
    engine: &dyn Engine,
    database: &str,
    since: Timestamp,
) -> Result<Vec<Evidence>> {
    let mut found = Vec::new();
    match source(loaded, database)?.connect().await {
        Ok(session) => {
            session
                .batch_execute("SET statement_timeout = '20s'")
                .await
                .map_err(|e| Error::environment("the server cannot be asked").caused_by(&e))?;
            for (name, query) in EVIDENCE {
                found.push((format!("{name}.json"), rows_as_json(&session, query).await));
            }
        }
        Err(error) => found.push(("sessions.json".to_owned(), Err(error))),
    }
    let seen = engine.look(&loaded.project).await;
    let text = serde_json::to_string_pretty(&(&seen.server, &seen.services));
    let text = text.map_err(|e| Error::internal("cannot write JSON").caused_by(&e));
    found.push(("services.json".to_owned(), text));
    let services: Vec<String> =
        std::iter::once("db".to_owned()).chain(loaded.project.odoo.services.keys().cloned()).collect();
    for service in &services {
        let mut text = String::new();
        let one = std::slice::from_ref(service);
        let mut keep = |line: LogLine| {
            text.push_str(&line.text);
            text.push('\n');
            if text.len() > 2 * LOG {
                text = text.split_off(text.ceil_char_boundary(text.len() - LOG));
            }
        };
        let read = logs(loaded, engine, one, since, &mut keep).await;
        found.push((format!("{service}.log"), read.map(|()| text)));
    }
    Ok(found)
}

async fn logs(
    loaded: &Loaded,
    engine: &dyn Engine,
    services: &[String],
    since: Timestamp,
    tell: &mut (dyn FnMut(LogLine) + Send),
) -> Result<()> {
    let query = LogQuery { project: &loaded.project, services, since: Some(since), follow: false };
    engine.logs(&query, &mut |line| tell(line)).await
}

/// Lines of Odoo's logs that are trouble: the service, and the line.
pub async fn log_trouble(
    loaded: &Loaded,
    engine: &dyn Engine,
    since: Timestamp,
) -> Result<Vec<(String, String)>> {
    let pattern = regex::Regex::new(LOG_TROUBLE)
        .map_err(|e| Error::internal("the pattern of log lines is wrong").caused_by(&e))?;
    let services: Vec<String> = loaded.project.odoo.services.keys().cloned().collect();
    let mut lines = Vec::new();
    logs(loaded, engine, &services, since, &mut |line| {
        if lines.len() < LINES && pattern.is_match(&line.text) {
            lines.push((line.service, line.text));
        }
    })
    .await?;
    Ok(lines)
}

/// Looks on for so many seconds.
pub async fn calm(
    loaded: &Loaded,
    engine: &dyn Engine,
    database: &str,
    since: Timestamp,
    seconds: u64,
) -> Result<Calm> {
    let session = match administrator(loaded).await? {
        Known::Known(session) => session,
        Known::Unknown(why) => {
            return Err(Error::environment("the server cannot be watched").because(why));
        }
    };
    let before = counters(&session, database).await?;
    let mut waited = before.waited;
    for _ in 0..seconds {
        tokio::time::sleep(Duration::from_secs(1)).await;
        waited = waited.max(counters(&session, database).await?.waited);
    }
    let after = counters(&session, database).await?;
    let rate = |rows: i64, seconds: f64| rows.max(0) as f64 / seconds.max(1.0);
    // What was counted in a few minutes is no habit.
    let kept = before.seconds.filter(|kept| *kept > 600.0);
    Ok(Calm {
        seconds,
        lines: log_trouble(loaded, engine, since).await?,
        waited,
        writes: rate(after.written - before.written, seconds as f64),
        usual: kept.map(|kept| rate(before.written, kept)),
    })
}

/// Asks every gate: what odpm.yaml wants to hold, and what holds in any database of Odoo's.
pub async fn ask_gates(
    loaded: &Loaded,
    database: &str,
    checks: &BTreeMap<String, String>,
) -> Result<Vec<Gate>> {
    let moment = Moment::of(source(loaded, database)?).await?;
    let session = moment.session();
    let models = models(session).await?;
    let mut catalog = catalog(session, &models, &[]).await?;
    catalog.tables = every_table(session).await?;
    let (serials, references) = (serials(session).await?, references(session).await?);
    let mut all = gates(&catalog, &serials, &references);
    all.extend(checks.iter().map(|(name, query)| (name.clone(), query.clone())));
    let mut answers = Vec::new();
    for (name, query) in all {
        answers.push(ask(session, name, query).await?);
    }
    Ok(answers)
}

async fn ask(session: &Session, name: String, query: String) -> Result<Gate> {
    Ok(match crate::postgres::ask(session, &name, &query, PATIENCE).await? {
        Ok(found) => found.map_or_else(
            || Gate { name: name.clone(), broken: 0, first: String::new(), unknown: None },
            |found| Gate { name: found.name, broken: found.rows, first: found.first, unknown: None },
        ),
        Err(error) => {
            let unknown = Some(error.report().why.join(": "));
            Gate { name, broken: 0, first: String::new(), unknown }
        }
    })
}

/// Asks checks over HTTP of the service that runs; `None` where there are none, or it does not run.
pub async fn http_gates(
    loaded: &Loaded,
    engine: &dyn Engine,
    checks: BTreeMap<String, HttpCheck>,
) -> Option<Vec<Gate>> {
    let port = loaded.project.odoo.services.get("odoo").and_then(|service| service.port)?;
    if checks.is_empty() {
        return None;
    }
    let seen = engine.look(&loaded.project).await.services;
    seen.get()?.get("odoo").filter(|seen| seen.running > 0)?;
    let unmet = unmet(port, &checks, Duration::from_secs(u64::from(PATIENCE))).await;
    let gate = |name: String| {
        let why = unmet.iter().find(|unmet| unmet.check == name).map(|unmet| unmet.why.clone());
        Gate { name, broken: why.is_some().into(), first: why.unwrap_or_default(), unknown: None }
    };
    Some(checks.into_keys().map(gate).collect())
}
