//! Rows from one server to another, as they come, and how far they are.

use std::cell::Cell;
use std::io::Write;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, TryStreamExt};

use super::failed;
use crate::base::Meter;
use crate::base::size::thousands;
use crate::error::{Error, Result};
use crate::postgres::connect::Session;
use crate::postgres::sliced::SLICE;

/// How much is handed on in one message: a row alone is often less than what a message costs.
const BLOCK: usize = 1 << 16;

/// How many bytes go in before the target is asked whether it took them: until then it throws away what comes after an error.
pub(super) const PIECE: usize = 32 << 20;

/// It is asked at the end alone: until then rows may refer to others of the same table that are still to come.
pub(super) const WHOLE: usize = usize::MAX;

/// What a binary copy begins with: its mark, flags, and how long what follows of that is, which is nothing in every version yet.
const HEAD: usize = 19;

/// What it ends with.
const END: [u8; 2] = [0xff, 0xff];

/// How far a transfer is.
pub struct Gauge {
    meter: Meter,
    tables: usize,
    at: Cell<usize>,
    total: Option<u64>,
    rows: Cell<u64>,
    /// What is done to a table: `copying`.
    doing: &'static str,
}

impl Gauge {
    /// So many tables, and rows where they were counted.
    pub fn new(meter: Meter, tables: usize, total: Option<u64>) -> Self {
        Self { meter, tables, at: Cell::new(0), total, rows: Cell::new(0), doing: "copying" }
    }

    /// Of rows that are compared.
    pub fn comparing(meter: Meter, tables: usize) -> Self {
        Self { doing: "comparing", ..Self::new(meter, tables, None) }
    }

    /// Another table begins.
    pub(super) fn table(&self) {
        self.at.set(self.at.get() + 1);
    }

    fn rows(&self, table: &str, more: u64) {
        self.rows.set(self.rows.get() + more);
        self.tell(&format!("{} {table}", self.doing));
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
    piece: usize,
    gauge: &Gauge,
) -> Result<u64> {
    let reading = |e: tokio_postgres::Error| failed(format!("read {table} on the source"), &e);
    let writing = |e: tokio_postgres::Error| failed(format!("copy {table}"), &e);
    let out = format!("COPY ({query}) TO STDOUT (FORMAT binary)");
    let out = source.copy_out(&out).await.map_err(reading)?;
    let mut out = std::pin::pin!(out);
    let statement = format!("COPY {into} FROM STDIN (FORMAT binary)");
    let mut inlet = Inlet::open(target, statement, piece).await.map_err(writing)?;
    let mut rows = 0;
    // A server sends each row in a message of its own, of which a wide one may come in slices; before the first one stands what every
    // binary copy begins with.
    let mut begins = true;
    while let Some(row) = out.try_next().await.map_err(reading)? {
        rows += u64::from(begins);
        let goes_on = source.is_sliced() && row.len() == SLICE;
        let first = std::mem::replace(&mut begins, !goes_on);
        if inlet.row(row, first).await.map_err(writing)? {
            gauge.rows(table, std::mem::take(&mut rows));
        }
    }
    let written = inlet.close().await.map_err(writing)?;
    // The end of a binary copy comes by itself, like a row.
    gauge.rows(table, rows.saturating_sub(1));
    Ok(written)
}

type Sink = Pin<Box<tokio_postgres::CopyInSink<Bytes>>>;

/// Where rows go in. An error of the target's is told where a copy ends, so a long one is several.
struct Inlet<'a> {
    target: &'a Session,
    statement: String,
    piece: usize,
    sink: Sink,
    /// What a copy begins with.
    head: Bytes,
    block: BytesMut,
    /// Bytes of the copy at hand.
    sent: usize,
    /// Rows of those that have ended.
    written: u64,
}

impl<'a> Inlet<'a> {
    async fn open(
        target: &'a Session,
        statement: String,
        piece: usize,
    ) -> Result<Self, tokio_postgres::Error> {
        let sink = Box::pin(target.copy_in(&statement).await?);
        Ok(Self {
            target,
            statement,
            piece,
            sink,
            head: Bytes::new(),
            block: empty_block(),
            sent: 0,
            written: 0,
        })
    }

    /// Takes a row, or what comes at the beginning and at the end, or of one of them a slice, which may be the first; whether something
    /// was handed on.
    async fn row(&mut self, mut row: Bytes, first: bool) -> Result<bool, tokio_postgres::Error> {
        if self.head.is_empty() {
            self.head = Bytes::copy_from_slice(&row[..row.len().min(HEAD)]);
        } else if first && self.sent >= self.piece {
            self.block.extend_from_slice(&END);
            self.hand_on().await?;
            self.written += self.sink.as_mut().finish().await?;
            self.sink = Box::pin(self.target.copy_in(&self.statement).await?);
            self.block.extend_from_slice(&self.head);
            self.sent = 0;
        }
        self.sent += row.len();
        // A wide row goes in slices of what it came in: where messages end says nothing of rows.
        while row.len() >= BLOCK {
            self.hand_on().await?;
            self.sink.feed(row.split_to(BLOCK)).await?;
        }
        self.block.extend_from_slice(&row);
        let full = self.block.len() >= BLOCK;
        if full {
            self.hand_on().await?;
        }
        Ok(full)
    }

    async fn hand_on(&mut self) -> Result<(), tokio_postgres::Error> {
        if self.block.is_empty() {
            return Ok(());
        }
        let full = std::mem::replace(&mut self.block, empty_block());
        self.sink.feed(full.freeze()).await
    }

    async fn close(mut self) -> Result<u64, tokio_postgres::Error> {
        self.hand_on().await?;
        Ok(self.written + self.sink.as_mut().finish().await?)
    }
}

fn empty_block() -> BytesMut {
    BytesMut::with_capacity(BLOCK + BLOCK / 4)
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
