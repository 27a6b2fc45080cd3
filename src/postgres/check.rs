//! What a database holds, and whether it is whole.

use std::collections::{BTreeMap, BTreeSet};

use super::connect::Session;
use super::databases::has_table;
use super::probe::words;
use crate::base::quote::{ident, literal};
use crate::error::{Error, Result};
use crate::facts::DatabaseFacts;

/// Tables whose rows tell whether a restore is whole; those that a database has.
const TELLING: [&str; 12] = [
    "ir_module_module",
    "ir_model_data",
    "ir_attachment",
    "ir_config_parameter",
    "res_partner",
    "res_users",
    "product_template",
    "product_product",
    "sale_order",
    "account_move",
    "stock_move",
    "mail_message",
];

fn failed(e: &tokio_postgres::Error) -> Error {
    Error::environment("cannot look into the database").because(words(e))
}

/// What a database is, within the session's transaction.
pub async fn facts(session: &Session) -> Result<DatabaseFacts> {
    let question = "SELECT current_database(), current_setting('server_version'), \
         (SELECT system_identifier::text FROM pg_control_system()), \
         CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text, \
         (SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()), \
         pg_database_size(current_database())";
    let row = session.query_one(question, &[]).await.map_err(|e| failed(&e))?;
    let mut facts = DatabaseFacts {
        name: row.get(0),
        server_version: row.get::<_, String>(1).split_whitespace().next().unwrap_or_default().to_owned(),
        system_identifier: row.get(2),
        lsn: row.get::<_, Option<String>>(3).unwrap_or_default(),
        encoding: row.get(4),
        bytes: u64::try_from(row.get::<_, i64>(5)).unwrap_or_default(),
        ..DatabaseFacts::default()
    };
    facts.extensions = pairs(session, "SELECT extname::text, extversion FROM pg_extension").await?;
    if has_table(session, "ir_module_module").await.map_err(|e| failed(&e))? {
        let modules =
            "SELECT name, COALESCE(latest_version, '') FROM ir_module_module WHERE state = 'installed'";
        facts.modules = pairs(session, modules).await?;
        facts.odoo_version = facts.modules.get("base").cloned();
    }
    facts.rows = rows(session, &TELLING).await?;
    Ok(facts)
}

async fn pairs(session: &Session, question: &str) -> Result<BTreeMap<String, String>> {
    let rows = session.query(question, &[]).await.map_err(|e| failed(&e))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// The rows of those of the tables that there are.
async fn rows(session: &Session, tables: &[&str]) -> Result<BTreeMap<String, u64>> {
    let mut counted = BTreeMap::new();
    for table in tables {
        if has_table(session, table).await.map_err(|e| failed(&e))? {
            let question = format!("SELECT count(*) FROM public.{}", ident(table));
            let row = session.query_one(&question, &[]).await.map_err(|e| failed(&e))?;
            counted.insert((*table).to_owned(), u64::try_from(row.get::<_, i64>(0)).unwrap_or_default());
        }
    }
    Ok(counted)
}

/// The files that a database names: paths within its folder, those of other stores left out.
pub async fn attachments(session: &Session) -> Result<BTreeSet<String>> {
    if !has_table(session, "ir_attachment").await.map_err(|e| failed(&e))? {
        return Ok(BTreeSet::new());
    }
    // Other stores of files put an address there: s3://bucket/key.
    let question = "SELECT DISTINCT store_fname FROM public.ir_attachment \
         WHERE store_fname IS NOT NULL AND store_fname <> '' AND store_fname NOT LIKE '%://%'";
    let rows = session.query(question, &[]).await.map_err(|e| failed(&e))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// What of a restored database is not as it was: owner, extensions, rows, sequences. Nothing when all is well.
pub async fn differences(
    session: &Session,
    owner: &str,
    recorded: Option<&DatabaseFacts>,
) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let question = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()";
    let row = session.query_one(question, &[]).await.map_err(|e| failed(&e))?;
    let now: String = row.get(0);
    if now != owner {
        wrong.push(format!("it belongs to {now}, not to {owner}"));
    }
    wrong.extend(inside(session, owner, recorded).await?);
    Ok(wrong)
}

/// The same without whom the database itself belongs to. Without a record it is what is odd about a database by itself.
pub async fn inside(session: &Session, owner: &str, recorded: Option<&DatabaseFacts>) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let question = "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = 'public' AND c.relkind IN ('r', 'S', 'v', 'm') AND pg_get_userbyid(c.relowner) <> $1 \
         AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')";
    let row = session.query_one(question, &[&owner]).await.map_err(|e| failed(&e))?;
    let others: i64 = row.get(0);
    if others > 0 {
        wrong.push(format!("{others} tables, views and sequences do not belong to {owner}"));
    }
    if let Some(recorded) = recorded {
        wrong.extend(other_rows(recorded, &facts(session).await?));
    }
    wrong.extend(sequences(session).await?);
    Ok(wrong)
}

/// Extensions that are missing, and tables that have another number of rows.
pub fn other_rows(recorded: &DatabaseFacts, seen: &DatabaseFacts) -> Vec<String> {
    let mut wrong = Vec::new();
    for name in recorded.extensions.keys().filter(|name| !seen.extensions.contains_key(*name)) {
        wrong.push(format!("the extension {name} is missing"));
    }
    for (table, rows) in &recorded.rows {
        match seen.rows.get(table) {
            None => wrong.push(format!("the table {table} is missing")),
            Some(now) if now != rows => wrong.push(format!("{table} has {now} rows, not {rows}")),
            Some(_) => {}
        }
    }
    wrong
}

/// Sequences that would give an id for the second time, and sequences of Odoo that are missing.
async fn sequences(session: &Session) -> Result<Vec<String>> {
    let question = "SELECT t.relname::text, a.attname::text, s.oid::regclass::text \
         FROM pg_class s JOIN pg_depend d ON d.objid = s.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') \
         JOIN pg_class t ON t.oid = d.refobjid JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid \
         JOIN pg_namespace n ON n.oid = t.relnamespace \
         WHERE s.relkind = 'S' AND n.nspname = 'public' AND t.relkind = 'r' ORDER BY 1";
    let owned = session.query(question, &[]).await.map_err(|e| failed(&e))?;
    let mut wrong = Vec::new();
    // One question for many tables: a round trip for each would take longer than the answers.
    for some in owned.chunks(100) {
        let parts = some.iter().map(|row| {
            let (table, column, sequence): (String, String, String) = (row.get(0), row.get(1), row.get(2));
            format!(
                "SELECT {}, (SELECT max({})::bigint FROM public.{}), (SELECT last_value FROM {sequence})",
                literal(&table),
                ident(&column),
                ident(&table)
            )
        });
        let question = parts.collect::<Vec<_>>().join(" UNION ALL ");
        for row in session.query(&question, &[]).await.map_err(|e| failed(&e))? {
            let (table, max, last): (String, Option<i64>, i64) = (row.get(0), row.get(1), row.get(2));
            if let Some(max) = max.filter(|max| *max > last) {
                wrong.push(format!("the sequence of {table} stands at {last}, below its highest id {max}"));
            }
        }
    }
    if has_table(session, "ir_sequence").await.map_err(|e| failed(&e))? {
        let question = "SELECT 'ir_sequence_' || lpad(id::text, greatest(3, length(id::text)), '0') FROM public.ir_sequence \
             WHERE implementation = 'standard' \
             AND to_regclass('public.ir_sequence_' || lpad(id::text, greatest(3, length(id::text)), '0')) IS NULL";
        let missing = session.query(question, &[]).await.map_err(|e| failed(&e))?;
        wrong
            .extend(missing.iter().map(|row| format!("the sequence {} is missing", row.get::<_, String>(0))));
    }
    Ok(wrong)
}
