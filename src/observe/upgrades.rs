//! An upgraded database since it was put in service: what was written to it, and what has failed in it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Loaded, source};
use crate::error::{Error, Result};
use crate::facts::{UpgradeEnd, UpgradeSeen};
use crate::postgres::databases::has_table;
use crate::postgres::traces::traces;

/// Queues and scheduled actions that have failed since: a sentence each. What a database does not have cannot fail.
pub async fn failed_work(loaded: &Loaded, database: &str, since: Timestamp) -> Result<Vec<String>> {
    let session = source(loaded, database)?.connect().await?;
    // Odoo keeps naive UTC, and which of these columns there are depends on its version.
    let since = since.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let questions = [
        (
            "queue_job",
            "SELECT 'the job ' || COALESCE(to_jsonb(t)->>'name', to_jsonb(t)->>'uuid', t.id::text) || ' has failed' \
             FROM queue_job t WHERE state = 'failed' \
             AND GREATEST(to_jsonb(t)->>'date_done', to_jsonb(t)->>'date_started', to_jsonb(t)->>'write_date') >= $1",
        ),
        (
            "ir_cron",
            "SELECT 'the scheduled action ' || COALESCE(to_jsonb(t)->>'cron_name', t.id::text) || ' fails' \
             FROM ir_cron t WHERE active AND to_jsonb(t)->>'first_failure_date' >= $1",
        ),
    ];
    let failed =
        |e: tokio_postgres::Error| Error::environment("cannot look at queues and crons").caused_by(&e);
    let mut found = Vec::new();
    for (table, question) in questions {
        if has_table(&session, table).await.map_err(failed)? {
            let rows = session.query(&format!("{question} LIMIT {TOLD}"), &[&since]).await.map_err(failed)?;
            found.extend(rows.iter().map(|row| row.get::<_, String>(0)));
        }
    }
    Ok(found)
}

/// How many tables are named.
const TOLD: usize = 8;

/// One sentence each; that it cannot be told is one, too. Nothing where it was never in service.
pub async fn written_since(loaded: &Loaded, seen: &UpgradeSeen) -> Vec<String> {
    let Some(outcome) = seen.outcome.as_ref().filter(|outcome| outcome.end == UpgradeEnd::Upgraded) else {
        return Vec::new();
    };
    let unknown = |why: String| vec![format!("What was written since is not known: {why}.")];
    let since = match outcome.at.parse() {
        Ok(since) => since,
        Err(e) => return unknown(format!("{e}")),
    };
    let session = match source(loaded, &seen.record.database) {
        Ok(source) => source.connect().await,
        Err(error) => Err(error),
    };
    let found = match session {
        Ok(session) => traces(&session, since).await,
        Err(error) => Err(error),
    };
    let found = match found {
        Ok(found) => found,
        Err(error) => return unknown(error.to_string()),
    };
    let mut tables: BTreeMap<&str, u64> = BTreeMap::new();
    for trace in &found.traces {
        *tables.entry(&trace.table).or_default() += trace.rows();
    }
    let mut tables: Vec<(&str, u64)> = tables.into_iter().collect();
    tables.sort_by_key(|(name, rows)| (std::cmp::Reverse(*rows), *name));
    let told: Vec<String> = tables.iter().take(TOLD).map(|(name, rows)| format!("{name} {rows}")).collect();
    let more = tables.len().saturating_sub(TOLD);
    let more = if more > 0 { format!(", and {more} tables more") } else { String::new() };
    match told.is_empty() {
        true => vec!["No row says that it was written since.".to_owned()],
        false => vec![format!("Rows written since, by table: {}{more}.", told.join(", "))],
    }
}
