//! What belongs to copied rows beside them: xml ids, sequences, paths, statistics; and whether all of it holds.

use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::types::{ToSql, Type};

use super::failed;
use crate::base::quote::ident;
use crate::error::{Error, Result};
use crate::facts::{ParentPath, SequenceCopy, TransferCheck, XmlIdCopy};
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

/// Gives sequences that number documents where they are missing, and has the others go on where the source's are, never before where
/// they are; how many were made or moved. A sequence restarted in a transaction is as it was when that comes to nothing.
pub async fn sequences(source: &Session, target: &Session, copies: &[SequenceCopy]) -> Result<u64> {
    let mut moved = 0;
    for SequenceCopy { from, to } in copies {
        let reading =
            |e: tokio_postgres::Error| failed(format!("read the sequence {from} on the source"), &e);
        let writing = |e: tokio_postgres::Error| failed(format!("set the sequence {to}"), &e);
        let Some((next, step)) = next(source, &ident(from)).await.map_err(reading)? else {
            return Err(Error::refused(format!("the source has no sequence {from} any more"))
                .hint("Make the plan again: odpm migrate plan"));
        };
        let name = ident(to);
        let statement = match self::next(target, &name).await.map_err(writing)? {
            None => format!("CREATE SEQUENCE {name} INCREMENT BY {step} START WITH {next}"),
            Some((is, was)) if ahead(next, is, step) || was != step => {
                let next = if ahead(next, is, step) { next } else { is };
                format!("ALTER SEQUENCE {name} INCREMENT BY {step} RESTART WITH {next}")
            }
            Some(_) => continue,
        };
        target.batch_execute(&statement).await.map_err(writing)?;
        moved += 1;
    }
    Ok(moved)
}

fn ahead(one: i64, other: i64, step: i64) -> bool {
    if step < 0 { one < other } else { one > other }
}

/// What a sequence, quoted, will say next, and its step; `None` where there is none of this name.
async fn next(session: &Session, name: &str) -> Result<Option<(i64, i64)>, tokio_postgres::Error> {
    let there = "SELECT s.seqincrement FROM pg_sequence s WHERE s.seqrelid = to_regclass($1)";
    let Some(row) = session.query_opt(there, &[&name]).await? else { return Ok(None) };
    let step: i64 = row.get(0);
    let row = session.query_one(&format!("SELECT last_value, is_called FROM {name}"), &[]).await?;
    let (last, called): (i64, bool) = (row.get(0), row.get(1));
    Ok(Some((if called { last.saturating_add(step) } else { last }, step)))
}

/// Has the sequences that number rows of these tables go on after the highest there is; how many were moved.
pub async fn serials(session: &Session, tables: &[&str]) -> Result<u64> {
    let moving = |e: tokio_postgres::Error| failed("move a sequence past the rows", &e);
    // Those that belong to a column, and those that a column's default asks.
    let question = "SELECT DISTINCT c.relname::text, a.attname::text, \
         quote_ident(n.nspname) || '.' || quote_ident(s.relname), q.seqincrement FROM pg_class c \
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) \
         LEFT JOIN pg_attrdef f ON f.adrelid = c.oid AND f.adnum = a.attnum \
         JOIN pg_depend d ON (d.classid, d.refclassid, d.refobjid, d.refobjsubid) = ('pg_class'::regclass, 'pg_class'::regclass, c.oid, a.attnum) AND d.deptype IN ('a', 'i') \
         OR (d.classid, d.objid, d.refclassid) = ('pg_attrdef'::regclass, f.oid, 'pg_class'::regclass) \
         JOIN pg_class s ON s.relkind = 'S' AND s.oid = CASE WHEN d.classid = 'pg_class'::regclass THEN d.objid ELSE d.refobjid END \
         JOIN pg_namespace n ON n.oid = s.relnamespace JOIN pg_sequence q ON q.seqrelid = s.oid \
         WHERE c.relname = ANY ($1) AND c.relkind = 'r' AND pg_table_is_visible(c.oid) AND q.seqincrement > 0 ORDER BY 1, 2";
    let names = (&tables as &(dyn ToSql + Sync), Type::TEXT_ARRAY);
    let mut moved = 0;
    for row in session.query_typed(question, &[names]).await.map_err(moving)? {
        let (table, column, sequence): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        let highest = format!("SELECT max({})::bigint FROM ONLY {}", ident(&column), ident(&table));
        let highest: Option<i64> = session.query_one(&highest, &[]).await.map_err(moving)?.get(0);
        let next = next(session, &sequence).await.map_err(moving)?;
        let (Some(highest), Some((next, _))) = (highest, next) else { continue };
        if highest < next {
            continue;
        }
        let restart = format!("ALTER SEQUENCE {sequence} RESTART WITH {}", highest.saturating_add(1));
        session.batch_execute(&restart).await.map_err(moving)?;
        moved += 1;
    }
    Ok(moved)
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
