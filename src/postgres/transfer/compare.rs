//! Whether copied rows are the same on both sides: how many, and a digest that knows no order.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use tokio_postgres::types::{ToSql, Type};

use super::failed;
use super::fill::listed;
use super::own::compared;
use super::pipe::{Gauge, PIECE, pipe};
use crate::base::quote::{ident, literal};
use crate::error::Result;
use crate::facts::{TableCopy, Transfer};
use crate::postgres::connect::Session;
use crate::postgres::rows::{EXACT, Moment, Source};

/// Where the source's keys wait on the target.
const KEYS: &str = "pg_temp.\"odpm_keys\"";

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

/// How many rows there are, and the sum of their hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    rows: u64,
    sum: String,
}

/// Compares every table of a transfer over as many sessions of each side, each in one moment of it; how many rows were compared,
/// and which tables are not the same.
pub async fn compare(
    source: &Moment,
    target: &Source,
    transfer: &Transfer,
    jobs: u16,
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
            let Some(copy) = transfer.tables.get(at) else { return Ok(()) };
            let look = Look::of(copy, transfer);
            look.begin((&from, &to), look.was_empty, gauge).await?;
            let (here, there) = tokio::try_join!(look.source(&from), look.target(&to, look.was_empty))?;
            rows.set(rows.get() + here.rows);
            let judged = look.judge((&from, &to), &here, there, gauge).await?;
            unlike.borrow_mut().extend(judged);
        }
    };
    try_join_all((0..jobs).map(|_| lane())).await?;
    drop(first);
    let mut unlike = unlike.into_inner();
    unlike.sort_by(|one, other| one.table.cmp(&other.table));
    Ok((rows.get(), unlike))
}

/// What the source yields of each table, asked on a session of its own: meanwhile others may copy it.
pub async fn digests(source: &Moment, transfer: &Transfer) -> Result<Vec<Digest>> {
    let session = source.another().await?;
    let mut digests = Vec::new();
    for copy in &transfer.tables {
        digests.push(Look::of(copy, transfer).source(&session).await?);
    }
    Ok(digests)
}

/// Compares what the transaction at hand has written with what the source yields, before others can see it; likewise.
pub async fn compare_uncommitted(
    between: (&Session, &Session),
    transfer: &Transfer,
    yielded: &[Digest],
    gauge: &Gauge,
) -> Result<(u64, Vec<Unlike>)> {
    let (mut rows, mut unlike) = (0, Vec::new());
    for (copy, here) in transfer.tables.iter().zip(yielded) {
        let look = Look::of(copy, transfer);
        look.begin(between, look.was_empty, gauge).await?;
        let there = look.target(between.1, look.was_empty).await?;
        rows += here.rows;
        unlike.extend(look.judge(between, here, there, gauge).await?);
    }
    Ok((rows, unlike))
}

/// The triggers of these tables that run when their rows are written, `table.trigger`.
pub async fn triggers(session: &Session, unlike: &[Unlike]) -> Result<BTreeMap<String, Vec<String>>> {
    let question = "SELECT c.relname::text, array_agg(t.tgname::text ORDER BY t.tgname) FROM pg_trigger t \
         JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relname = ANY ($1) AND pg_table_is_visible(c.oid) \
         AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') GROUP BY 1";
    let names: Vec<&str> = unlike.iter().map(|one| one.table.as_str()).collect();
    let rows = session.query_typed(question, &[(&names as &(dyn ToSql + Sync), Type::TEXT_ARRAY)]).await;
    let rows = rows.map_err(|e| failed("look at the target's triggers", &e))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// How a table is looked at.
struct Look<'a> {
    copy: &'a TableCopy,
    /// All that the source yields of it; empty where nothing comes.
    yielded: String,
    /// What is digested of a row. Paths that were made anew are the target's own.
    columns: Vec<String>,
    /// Nothing but keys: of these each counts once, however often a side has it.
    distinct: bool,
    /// Whether the target had no rows of its own: then all that it has came.
    was_empty: bool,
}

impl<'a> Look<'a> {
    fn of(copy: &'a TableCopy, transfer: &Transfer) -> Self {
        let tree = transfer.parent_paths.iter().any(|tree| tree.table == copy.table);
        let columns = listed(&copy.columns, "");
        let yields = [&copy.fresh, &copy.merged].into_iter().flatten();
        let yields: Vec<String> =
            yields.map(|query| format!("SELECT * FROM ({query}) AS o({columns})")).collect();
        let digested = copy.columns.iter().filter(|name| !(tree && *name == "parent_path"));
        Self {
            copy,
            yielded: yields.join(" UNION ALL "),
            columns: digested.cloned().collect(),
            distinct: copy.columns.iter().all(|name| copy.key.contains(name)),
            was_empty: transfer.target.get(&copy.table).is_some_and(|state| state.rows == 0),
        }
    }

    async fn source(&self, source: &Session) -> Result<Digest> {
        self.digest(source, &format!("({}) s", self.yielded)).await
    }

    /// Brings the source's keys to the target, unless a `whole` table is looked at.
    async fn begin(&self, between: (&Session, &Session), whole: bool, gauge: &Gauge) -> Result<()> {
        gauge.table();
        gauge.tell(&format!("comparing {}", self.copy.table));
        if whole || self.yielded.is_empty() {
            return Ok(());
        }
        let (table, keys) = (ident(&self.copy.table), listed(&self.copy.key, ""));
        let make = format!("CREATE TEMP TABLE \"odpm_keys\" AS SELECT {keys} FROM ONLY {table} WITH NO DATA");
        self.run(between.1, &make).await?;
        let query = format!("SELECT {keys} FROM ({}) k", self.yielded);
        let into = format!("{KEYS} ({keys})");
        pipe(between, &query, (&self.copy.table, &into), PIECE, gauge).await?;
        self.run(between.1, &format!("ANALYZE {KEYS}")).await
    }

    /// What the target has of it: the `whole` table, or the rows with the keys that were brought.
    async fn target(&self, target: &Session, whole: bool) -> Result<Digest> {
        let table = ident(&self.copy.table);
        if whole || self.yielded.is_empty() {
            return self.digest(target, &format!("ONLY {table} s")).await;
        }
        let same: Vec<String> =
            self.copy.key.iter().map(|key| format!("k.{0} = s.{0}", ident(key))).collect();
        let there =
            format!("ONLY {table} s WHERE EXISTS (SELECT FROM {KEYS} k WHERE {})", same.join(" AND "));
        let digest = self.digest(target, &there).await?;
        self.run(target, &format!("DROP TABLE {KEYS}")).await?;
        Ok(digest)
    }

    async fn run(&self, target: &Session, statement: &str) -> Result<()> {
        let done = target.batch_execute(statement).await;
        done.map_err(|e| failed(format!("compare {}", self.copy.table), &e))
    }

    /// Whether both are the same. Where a whole table is not, rows that somebody has beside what came may be all there is to it.
    async fn judge(
        &self,
        between: (&Session, &Session),
        here: &Digest,
        mut there: Digest,
        gauge: &Gauge,
    ) -> Result<Option<Unlike>> {
        if self.was_empty && *here != there {
            self.begin(between, false, gauge).await?;
            there = self.target(between.1, false).await?;
        }
        let unlike = || Unlike { table: self.copy.table.clone(), source: here.rows, target: there.rows };
        Ok((*here != there).then(unlike))
    }

    async fn digest(&self, session: &Session, rows: &str) -> Result<Digest> {
        if self.yielded.is_empty() {
            return Ok(Digest { rows: 0, sum: "0".to_owned() });
        }
        let distinct = if self.distinct { "DISTINCT " } else { "" };
        let columns: Vec<String> = self.columns.iter().map(|name| compared(self.copy, name)).collect();
        let question = format!(
            "SELECT count(*), coalesce(sum(hashtextextended(c::text, 0)), 0)::text FROM (SELECT {distinct}{} FROM {rows}) c",
            columns.join(", ")
        );
        let row = session.query_one(&question, &[]).await;
        let row = row.map_err(|e| failed(format!("compare {}", self.copy.table), &e))?;
        Ok(Digest { rows: u64::try_from(row.get::<_, i64>(0)).unwrap_or_default(), sum: row.get(1) })
    }
}
