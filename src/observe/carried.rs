//! Rows that a migration has brought over, as they are on both sides now.

use crate::base::Meter;
use crate::error::Result;
use crate::facts::Transfer;
use crate::postgres::rows::{Moment, Source};
use crate::postgres::transfer::{self, Gauge};

/// How many sessions read each side.
const JOBS: u16 = 2;

/// A table whose copied rows are not what they are on the source.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Unlike {
    /// The table.
    pub table: String,
    /// How many rows the source yields.
    pub from: u64,
    /// How many of them the target has.
    pub to: u64,
}

/// Compares what a transfer copies, ids that are others on the target included: how many rows, and which tables are not the same.
pub async fn carried(from: Source, to: Source, transfer: &Transfer) -> Result<(u64, Vec<Unlike>)> {
    let moment = Moment::exact(from).await?;
    let gauge = Gauge::comparing(Meter::default(), transfer.tables.len());
    let (rows, unlike) = transfer::compare(&moment, &to, transfer, JOBS, &gauge).await?;
    let one = |one: transfer::Unlike| Unlike { table: one.table, from: one.source, to: one.target };
    Ok((rows, unlike.into_iter().map(one).collect()))
}
