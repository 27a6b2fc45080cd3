//! Sequences: those that number documents come along, those that number rows go on behind the copied ones.

use tokio_postgres::types::{ToSql, Type};

use super::failed;
use crate::base::quote::ident;
use crate::error::{Error, Result};
use crate::facts::SequenceCopy;
use crate::postgres::connect::Session;

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
