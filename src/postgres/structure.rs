//! What a migration has to know of a database and its tables beyond their columns: what is required, unique, inherited, set off.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::Row;

use super::connect::Session;
use super::databases::has_table;
use super::probe::words;
use crate::error::{Error, Result};
use crate::facts::{SideSeen, Structure, UniqueSeen, XmlIdCopy};

fn failed(e: &tokio_postgres::Error) -> Error {
    Error::environment("cannot ask the database what it is made of").because(words(e))
}

async fn ask(session: &Session, question: &str) -> Result<Vec<Row>> {
    session.query_typed(question, &[]).await.map_err(|e| failed(&e))
}

/// The tables of the session's database that are Odoo's own to see: `c` in the questions below.
const TABLES: &str = "c.relkind = 'r' AND c.relpersistence = 'p' AND pg_table_is_visible(c.oid) \
     AND c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)'";

/// The tables, with what the catalog of columns does not say of them.
pub async fn structure(session: &Session) -> Result<BTreeMap<String, Structure>> {
    let mut found: BTreeMap<String, Structure> = BTreeMap::new();
    let tables = format!(
        "SELECT c.relname::text, pg_table_size(c.oid), \
         ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.attnotnull \
               AND NOT a.attisdropped), \
         ARRAY(SELECT t.tgname::text FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled <> 'D' \
               ORDER BY 1), \
         ARRAY(SELECT i.inhrelid::regclass::text FROM pg_inherits i WHERE i.inhparent = c.oid ORDER BY 1) \
         FROM pg_class c WHERE {TABLES}"
    );
    for row in ask(session, &tables).await? {
        let (table, bytes): (String, Option<i64>) = (row.get(0), row.get(1));
        let structure = Structure {
            required: row.get::<_, Vec<String>>(2).into_iter().collect(),
            unique: Vec::new(),
            triggers: row.get(3),
            children: row.get(4),
            bytes: bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default(),
        };
        found.insert(table, structure);
    }
    // `indnullsnotdistinct` came with PostgreSQL 15.
    let unique = format!(
        "SELECT c.relname::text, x.relname::text, \
         ARRAY(SELECT pg_get_indexdef(i.indexrelid, k, true) FROM generate_series(1, i.indnkeyatts) k ORDER BY k), \
         pg_get_expr(i.indpred, i.indrelid, true), \
         coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false), i.indisprimary \
         FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class c ON c.oid = i.indrelid \
         WHERE i.indisunique AND i.indislive AND {TABLES} ORDER BY 1, i.indisprimary DESC, 2"
    );
    for row in ask(session, &unique).await? {
        let seen = UniqueSeen {
            name: row.get(1),
            terms: row.get(2),
            predicate: row.get(3),
            nulls_alike: row.get(4),
            primary: row.get(5),
        };
        found.entry(row.get(0)).or_default().unique.push(seen);
    }
    Ok(found)
}

/// Which database the session is in: the cluster's identifier and the database's number.
pub async fn identity(session: &Session) -> Result<String> {
    let may = "SELECT has_function_privilege('pg_control_system()', 'EXECUTE'), \
         (SELECT oid::text FROM pg_database WHERE datname = current_database())";
    let row = ask(session, may).await?;
    let row = row.first().ok_or_else(|| Error::internal("a database without a number"))?;
    let (may, number): (bool, String) = (row.get(0), row.get(1));
    let cluster = match may {
        true => ask(session, "SELECT system_identifier::text FROM pg_control_system()").await?,
        false => Vec::new(),
    };
    let cluster: String = cluster.first().map_or_else(|| "?".to_owned(), |row| row.get(0));
    Ok(format!("{cluster}/{number}"))
}

/// What there is to know of the session's database as a whole, put into what was seen of it.
pub async fn whole(session: &Session, seen: &mut SideSeen) -> Result<()> {
    let question = format!(
        "SELECT current_database()::text, current_setting('server_version_num')::integer / 10000, \
         pg_encoding_to_char((SELECT encoding FROM pg_database WHERE datname = current_database()))::text, \
         coalesce((SELECT bool_and(pg_has_role(c.relowner, 'USAGE')) FROM pg_class c WHERE {TABLES}), true), \
         (SELECT count(*) FROM pg_largeobject_metadata), \
         ARRAY(SELECT c.relname::text FROM pg_class c WHERE c.relkind = 'S' AND pg_table_is_visible(c.oid) \
               AND c.relname ~ '^ir_sequence_[0-9]+(_[0-9]+)?$')"
    );
    let rows = ask(session, &question).await?;
    let row = rows.first().ok_or_else(|| Error::internal("a database that says nothing of itself"))?;
    seen.database = row.get(0);
    seen.major = u32::try_from(row.get::<_, i32>(1)).unwrap_or_default();
    seen.encoding = row.get(2);
    seen.owned = row.get(3);
    seen.large_objects = u64::try_from(row.get::<_, i64>(4)).unwrap_or_default();
    seen.sequences = row.get::<_, Vec<String>>(5).into_iter().collect::<BTreeSet<_>>();
    seen.identity = identity(session).await?;
    if has_table(session, "ir_config_parameter").await.map_err(|e| failed(&e))? {
        let uuid = "SELECT value::text FROM ir_config_parameter WHERE key = 'database.uuid'";
        seen.uuid = ask(session, uuid).await?.first().and_then(|row| row.get(0));
    }
    Ok(())
}

/// The xml ids that name a row.
pub async fn xml_ids(session: &Session) -> Result<Vec<XmlIdCopy>> {
    if !has_table(session, "ir_model_data").await.map_err(|e| failed(&e))? {
        return Ok(Vec::new());
    }
    let question = "SELECT module::text, name::text, model::text, res_id::bigint, coalesce(noupdate, false) FROM ir_model_data \
         WHERE module IS NOT NULL AND name IS NOT NULL AND model IS NOT NULL AND res_id IS NOT NULL ORDER BY 1, 2";
    let of = |row: &Row| XmlIdCopy {
        module: row.get(0),
        name: row.get(1),
        model: row.get(2),
        res_id: row.get(3),
        noupdate: row.get(4),
    };
    Ok(ask(session, question).await?.iter().map(of).collect())
}
