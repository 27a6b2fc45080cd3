//! Whether copied rows are the same on both sides: how many, and a digest that knows no order.

use std::cell::{Cell, RefCell};

use futures_util::future::try_join_all;

use super::failed;
use super::fill::listed;
use super::pipe::{Gauge, PIECE, pipe};
use crate::base::quote::{ident, literal};
use crate::error::Result;
use crate::facts::{TableCopy, Transfer};
use crate::postgres::connect::Session;
use crate::postgres::rows::{EXACT, Moment, Source};

/// How many sessions read each side.
const LANES: usize = 2;

/// A table whose rows are not the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unlike {
    /// The table.
    pub table: String,
    /// How many rows the source yields.
    pub source: u64,
    /// How many of them the target has.
    pub target: u64,
}

/// Compares every table of a transfer, each side in one moment of it; how many rows were compared, and which tables are not the same.
pub async fn compare(
    source: &Moment,
    target: &Source,
    transfer: &Transfer,
    gauge: &Gauge,
) -> Result<(u64, Vec<Unlike>)> {
    let first = target.connect().await?;
    // Keys are written, to tables of the session's own; all of it is rolled back by its end.
    let begin = format!("BEGIN ISOLATION LEVEL REPEATABLE READ, READ WRITE; {EXACT}");
    let failing = |e: tokio_postgres::Error| failed("hold a moment of the target", &e);
    first.batch_execute(&begin).await.map_err(failing)?;
    let snapshot: String = first.query_one("SELECT pg_export_snapshot()", &[]).await.map_err(failing)?.get(0);
    let (next, rows, unlike) = (Cell::new(0), Cell::new(0), RefCell::new(Vec::new()));
    let lane = async || -> Result<()> {
        let (from, to) = (source.another().await?, target.connect().await?);
        let see = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ WRITE; SET TRANSACTION SNAPSHOT";
        to.batch_execute(&format!("{see} {}; {EXACT}", literal(&snapshot))).await.map_err(failing)?;
        loop {
            let at = next.replace(next.get() + 1);
            let Some(table) = transfer.tables.get(at) else { return Ok(()) };
            let tree = transfer.parent_paths.iter().any(|tree| tree.table == table.table);
            let (here, there) = digests((&from, &to), table, tree, gauge).await?;
            rows.set(rows.get() + here.0);
            if here != there {
                let unlike_one = Unlike { table: table.table.clone(), source: here.0, target: there.0 };
                unlike.borrow_mut().push(unlike_one);
            }
        }
    };
    try_join_all((0..LANES).map(|_| lane())).await?;
    drop(first);
    let mut unlike = unlike.into_inner();
    unlike.sort_by(|one, other| one.table.cmp(&other.table));
    Ok((rows.get(), unlike))
}

type Digest = (u64, String);

/// Both digests of a table. Paths that were made anew are the target's own.
async fn digests(
    (source, target): (&Session, &Session),
    copy: &TableCopy,
    tree: bool,
    gauge: &Gauge,
) -> Result<(Digest, Digest)> {
    gauge.table();
    let queries: Vec<&str> = [&copy.fresh, &copy.merged].into_iter().flatten().map(String::as_str).collect();
    let none = || (0, "0".to_owned());
    if queries.is_empty() {
        return Ok((none(), none()));
    }
    let columns = listed(&copy.columns, "");
    let yielded: Vec<String> =
        queries.iter().map(|query| format!("SELECT * FROM ({query}) AS o({columns})")).collect();
    let yielded = yielded.join(" UNION ALL ");
    let compared: Vec<String> =
        copy.columns.iter().filter(|name| !(tree && *name == "parent_path")).cloned().collect();
    let digest = |rows: &str| {
        format!(
            "SELECT count(*), coalesce(sum(hashtextextended(c::text, 0)), 0)::text FROM (SELECT {} FROM {rows}) c",
            listed(&compared, "s.")
        )
    };
    let looking = |e: tokio_postgres::Error| failed(format!("compare {}", copy.table), &e);
    let (table, keys) = (ident(&copy.table), listed(&copy.key, ""));
    let make = format!("CREATE TEMP TABLE \"odpm_keys\" AS SELECT {keys} FROM ONLY {table} WITH NO DATA");
    target.batch_execute(&make).await.map_err(looking)?;
    let query = format!("SELECT {keys} FROM ({yielded}) k");
    let waiting = "pg_temp.\"odpm_keys\"";
    pipe((source, target), &query, (&copy.table, &format!("{waiting} ({keys})")), PIECE, gauge).await?;
    target.batch_execute(&format!("ANALYZE {waiting}")).await.map_err(looking)?;
    let same: Vec<String> = copy.key.iter().map(|key| format!("k.{0} = s.{0}", ident(key))).collect();
    let there = format!("ONLY {table} s WHERE EXISTS (SELECT FROM {waiting} k WHERE {})", same.join(" AND "));
    let (here_sql, there_sql) = (digest(&format!("({yielded}) s")), digest(&there));
    let (here, there) = tokio::join!(source.query_one(&here_sql, &[]), target.query_one(&there_sql, &[]));
    let read = |row: tokio_postgres::Row| {
        (u64::try_from(row.get::<_, i64>(0)).unwrap_or_default(), row.get::<_, String>(1))
    };
    let both = (read(here.map_err(looking)?), read(there.map_err(looking)?));
    target.batch_execute(&format!("DROP TABLE {waiting}")).await.map_err(looking)?;
    Ok(both)
}
