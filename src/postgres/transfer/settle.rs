//! What belongs to copied rows beside them: xml ids, paths, statistics; and whether all of it holds.

use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::types::{ToSql, Type};

use super::failed;
use crate::base::quote::ident;
use crate::error::{Error, Result};
use crate::facts::{ParentPath, TransferCheck, XmlIdCopy};
use crate::postgres::connect::Session;

/// How many xml ids go in one statement.
const BATCH: usize = 5_000;

/// How many rows that break a check are told, and how many checks.
const TOLD: usize = 5;

/// Writes xml ids, whose rows get ids of the target's own; how many. One that is there already has to say the same.
pub async fn xml_ids(session: &Session, ids: &[XmlIdCopy]) -> Result<u64> {
    let writing = |e: tokio_postgres::Error| failed("write xml ids", &e);
    let given = "unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::boolean[]) AS s(module, name, model, res_id, noupdate)";
    let statement = format!(
        "INSERT INTO ir_model_data (module, name, model, res_id, noupdate) SELECT s.module, s.name, s.model, s.res_id, s.noupdate \
         FROM {given} WHERE NOT EXISTS (SELECT FROM ir_model_data d WHERE d.module = s.module AND d.name = s.name)"
    );
    let question = format!(
        "SELECT s.module || '.' || s.name, d.model || ' ' || d.res_id FROM {given} \
         JOIN ir_model_data d ON d.module = s.module AND d.name = s.name WHERE d.model <> s.model OR d.res_id <> s.res_id LIMIT 1"
    );
    let mut written = 0;
    for batch in ids.chunks(BATCH) {
        let texts = |of: fn(&XmlIdCopy) -> &str| batch.iter().map(of).collect::<Vec<&str>>();
        let (modules, names, models) = (texts(|id| &id.module), texts(|id| &id.name), texts(|id| &id.model));
        let rows: Vec<i64> = batch.iter().map(|id| id.res_id).collect();
        let fixed: Vec<bool> = batch.iter().map(|id| id.noupdate).collect();
        let values: [(&(dyn ToSql + Sync), Type); 5] = [
            (&modules, Type::TEXT_ARRAY),
            (&names, Type::TEXT_ARRAY),
            (&models, Type::TEXT_ARRAY),
            (&rows, Type::INT8_ARRAY),
            (&fixed, Type::BOOL_ARRAY),
        ];
        written += session.execute_typed(&statement, &values).await.map_err(writing)?;
        if let Some(row) = session.query_typed(&question, &values).await.map_err(writing)?.first() {
            let (name, is): (String, String) = (row.get(0), row.get(1));
            return Err(Error::refused(format!("the xml id {name} is another row's on the target: {is}"))
                .hint("Make the plan again: what both have it decides."));
        }
    }
    Ok(written)
}

/// Makes the paths of a tree anew.
pub async fn paths(session: &Session, tree: &ParentPath) -> Result<u64> {
    let (table, parent) = (ident(&tree.table), ident(&tree.parent));
    let statement = format!(
        "WITH RECURSIVE tree(id, path) AS (SELECT id, id || '/' FROM ONLY {table} WHERE {parent} IS NULL \
         UNION ALL SELECT c.id, tree.path || c.id || '/' FROM ONLY {table} c JOIN tree ON c.{parent} = tree.id) \
         UPDATE ONLY {table} AS t SET parent_path = tree.path FROM tree \
         WHERE t.id = tree.id AND t.parent_path IS DISTINCT FROM tree.path"
    );
    let done = session.execute_typed(&statement, &[]).await;
    done.map_err(|e| failed(format!("make the paths of {} anew", tree.table), &e))
}

/// Fails where a check yields rows.
pub async fn check(session: &Session, checks: &[TransferCheck]) -> Result<()> {
    let mut broken = Vec::new();
    for check in checks {
        let sql = check.sql.trim().trim_end_matches(';');
        let question = format!("SELECT * FROM (\n{sql}\n) AS odpm_check LIMIT {}", TOLD + 1);
        let asked = session.simple_query(&question).await;
        let rows = asked.map_err(|e| failed(format!("ask whether {} holds", check.what), &e))?;
        let rows: Vec<String> = rows.iter().filter_map(told).collect();
        if rows.is_empty() {
            continue;
        }
        let more = if rows.len() > TOLD { "; and more" } else { "" };
        let rows: Vec<String> = rows.into_iter().take(TOLD).collect();
        broken.push(format!("{}: {}{more}", check.what, rows.join("; ")));
    }
    if broken.is_empty() {
        return Ok(());
    }
    let error = Error::refused(format!("what was copied would break {} of what has to hold", broken.len()));
    let error = broken.into_iter().take(TOLD).fold(error, Error::because);
    Err(error.hint("Mend these rows on the source, or leave them out; then make the plan again."))
}

fn told(message: &SimpleQueryMessage) -> Option<String> {
    let SimpleQueryMessage::Row(row) = message else { return None };
    let texts: Vec<&str> = (0..row.len()).filter_map(|at| row.get(at)).collect();
    Some(texts.join(", "))
}

/// Lets the planner know what the tables hold now.
pub async fn analyze(session: &Session, tables: &[&str]) -> Result<()> {
    for table in tables {
        let analyze = format!("ANALYZE {}", ident(table));
        session.batch_execute(&analyze).await.map_err(|e| failed(format!("look through {table}"), &e))?;
    }
    Ok(())
}
