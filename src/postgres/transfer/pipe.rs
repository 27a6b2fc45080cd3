//! Rows from one server to another, as they come, and how far they are.

use std::cell::Cell;
use std::io::Write;

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, TryStreamExt};

use super::failed;
use crate::base::Meter;
use crate::base::size::thousands;
use crate::error::{Error, Result};
use crate::postgres::connect::Session;

/// How much is handed on in one message: a row alone is often less than what a message costs.
const BLOCK: usize = 1 << 16;

/// How far a transfer is.
pub struct Gauge {
    meter: Meter,
    tables: usize,
    at: Cell<usize>,
    total: Option<u64>,
    rows: Cell<u64>,
}

impl Gauge {
    /// So many tables, and rows where they were counted.
    pub fn new(meter: Meter, tables: usize, total: Option<u64>) -> Self {
        Self { meter, tables, at: Cell::new(0), total, rows: Cell::new(0) }
    }

    /// Another table begins.
    pub(super) fn table(&self) {
        self.at.set(self.at.get() + 1);
    }

    fn rows(&self, table: &str, more: u64) {
        self.rows.set(self.rows.get() + more);
        self.tell(&format!("copying {table}"));
    }

    /// What is done now.
    pub fn tell(&self, what: &str) {
        let of = self.total.map_or_else(String::new, |total| format!(" of {}", thousands(total)));
        let (at, rows) = (self.at.get(), thousands(self.rows.get()));
        self.meter.tell(format!("{what}, table {at} of {}, {rows}{of} rows", self.tables));
    }
}

/// Copies what a query yields on the source into columns of a table on the target; how many rows.
pub(super) async fn pipe(
    (source, target): (&Session, &Session),
    query: &str,
    (table, into): (&str, &str),
    gauge: &Gauge,
) -> Result<u64> {
    let reading = |e: tokio_postgres::Error| failed(format!("read {table} on the source"), &e);
    let writing = |e: tokio_postgres::Error| failed(format!("copy {table}"), &e);
    let out = format!("COPY ({query}) TO STDOUT (FORMAT binary)");
    let out = source.copy_out(&out).await.map_err(reading)?;
    let sink = target.copy_in(&format!("COPY {into} FROM STDIN (FORMAT binary)")).await.map_err(writing)?;
    let (mut out, mut sink) = (std::pin::pin!(out), std::pin::pin!(sink));
    let (mut block, mut rows) = (BytesMut::with_capacity(BLOCK + BLOCK / 4), 0);
    while let Some(mut row) = out.try_next().await.map_err(reading)? {
        rows += 1;
        // A wide row goes in slices of what it came in: where messages end says nothing of rows.
        while row.len() >= BLOCK {
            hand_on(&mut sink, &mut block).await.map_err(writing)?;
            sink.feed(row.split_to(BLOCK)).await.map_err(writing)?;
        }
        block.extend_from_slice(&row);
        if block.len() >= BLOCK {
            hand_on(&mut sink, &mut block).await.map_err(writing)?;
            gauge.rows(table, std::mem::take(&mut rows));
        }
    }
    hand_on(&mut sink, &mut block).await.map_err(writing)?;
    let written = sink.as_mut().finish().await.map_err(writing)?;
    // The end of a binary copy comes by itself, like a row.
    gauge.rows(table, rows.saturating_sub(1));
    Ok(written)
}

async fn hand_on(
    sink: &mut std::pin::Pin<&mut tokio_postgres::CopyInSink<Bytes>>,
    block: &mut BytesMut,
) -> Result<(), tokio_postgres::Error> {
    if block.is_empty() {
        return Ok(());
    }
    let full = std::mem::replace(block, BytesMut::with_capacity(BLOCK + BLOCK / 4));
    sink.feed(full.freeze()).await
}

/// Writes a table as it is to a file; how many bytes.
pub async fn save(session: &Session, table: &str, to: &mut impl Write) -> Result<u64> {
    let reading = |e: tokio_postgres::Error| failed(format!("read {table}"), &e);
    let name = crate::base::quote::ident(table);
    let out =
        session.copy_out(&format!("COPY {name} TO STDOUT (FORMAT csv, HEADER)")).await.map_err(reading)?;
    let (mut out, mut bytes) = (std::pin::pin!(out), 0);
    while let Some(chunk) = out.try_next().await.map_err(reading)? {
        bytes += chunk.len() as u64;
        to.write_all(&chunk).map_err(|e| Error::environment(format!("cannot save {table}")).caused_by(&e))?;
    }
    Ok(bytes)
}
