//! Rows into one table: those that the target has none of straight, those that it may have through a table of their own.

use super::own::merged;
use super::pipe::{Gauge, PIECE, WHOLE, pipe};
use super::{Filled, failed};
use crate::base::quote::ident;
use crate::error::{Error, Result};
use crate::facts::TableCopy;
use crate::postgres::connect::Session;

/// Where rows wait that the target may have; it is gone with the transaction.
const WAITING: &str = "pg_temp.\"odpm_merged\"";

/// Names with commas between, each quoted and perhaps of a table.
pub(super) fn listed(names: &[String], of: &str) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("{of}{}", ident(name))).collect();
    names.join(", ")
}

/// Copies a table's rows. Unless it is `looped`, with references to rows of its own that stay in place, those that are there become
/// equal before others come: one of these may have what had to be unique in one of those.
pub async fn fill(
    between: (&Session, &Session),
    table: &TableCopy,
    looped: bool,
    gauge: &Gauge,
) -> Result<Filled> {
    gauge.table();
    let mut filled = Filled::default();
    if !looped {
        merge(between, table, &mut filled, gauge).await?;
    }
    if let Some(query) = &table.fresh {
        let into = format!("{} ({})", ident(&table.table), listed(&table.columns, ""));
        let piece = if looped { WHOLE } else { PIECE };
        filled.fresh = pipe(between, query, (&table.table, &into), piece, gauge).await?;
    }
    if looped {
        merge(between, table, &mut filled, gauge).await?;
    }
    Ok(filled)
}

async fn merge(
    between: (&Session, &Session),
    copy: &TableCopy,
    filled: &mut Filled,
    gauge: &Gauge,
) -> Result<()> {
    let Some(query) = &copy.merged else { return Ok(()) };
    let (target, table) = (between.1, ident(&copy.table));
    if copy.key.is_empty() {
        return Err(Error::internal(format!("nothing tells the rows of {} apart", copy.table)));
    }
    let merging = |e: tokio_postgres::Error| failed(format!("merge rows of {}", copy.table), &e);
    let columns = listed(&copy.columns, "");
    let make = format!(
        "CREATE TEMP TABLE \"odpm_merged\" ON COMMIT DROP AS SELECT {columns} FROM ONLY {table} WITH NO DATA"
    );
    target.batch_execute(&make).await.map_err(merging)?;
    let into = format!("{WAITING} ({columns})");
    pipe(between, query, (&copy.table, &into), PIECE, gauge).await?;
    target.batch_execute(&format!("ANALYZE {WAITING}")).await.map_err(merging)?;
    let same: Vec<String> = copy.key.iter().map(|key| format!("t.{0} = s.{0}", ident(key))).collect();
    let same = same.join(" AND ");
    let others: Vec<String> = copy.columns.iter().filter(|name| !copy.key.contains(name)).cloned().collect();
    if !others.is_empty() {
        let becomes: Vec<String> = others.iter().map(|name| merged(copy, name)).collect();
        let set: Vec<String> =
            others.iter().zip(&becomes).map(|(name, value)| format!("{} = {value}", ident(name))).collect();
        // Compared as they are stored: 1.0 is not 1.00, and types without an order can be told apart, too.
        let update = format!(
            "UPDATE ONLY {table} AS t SET {} FROM {WAITING} s WHERE {same} \
             AND ROW({})::record OPERATOR(pg_catalog.*<>) ROW({})::record",
            set.join(", "),
            listed(&others, "t."),
            becomes.join(", ")
        );
        filled.altered = target.execute_typed(&update, &[]).await.map_err(merging)?;
    }
    let insert = format!(
        "INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {} FROM {WAITING} s \
         WHERE NOT EXISTS (SELECT FROM ONLY {table} AS t WHERE {same})",
        listed(&copy.columns, "s.")
    );
    filled.added = target.execute_typed(&insert, &[]).await.map_err(merging)?;
    target.batch_execute(&format!("DROP TABLE {WAITING}")).await.map_err(merging)
}
