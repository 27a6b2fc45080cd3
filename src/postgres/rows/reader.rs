//! Lines of rows on their way from a server, over several connections.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use futures_util::TryStreamExt;
use tokio_postgres::error::SqlState;

use super::{BEGIN, Source};
use crate::base::quote::literal;
use crate::error::{Error, Result};
use crate::postgres::connect::Session;
use crate::postgres::probe::words;
use crate::rows::Layout;

/// How many blocks of a part wait to be taken at most.
const AHEAD: usize = 32;

/// A block of lines is handed on when it is as long.
const BLOCK: usize = 1 << 18;

/// How the lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Canonical JSON.
    Json,
    /// The text of `COPY`.
    Copy,
}

type Block = io::Result<Vec<u8>>;

/// Lines of rows on their way from a server. Reading it blocks: it belongs on a thread of its own.
pub struct RowReader {
    parts: std::vec::IntoIter<Receiver<Block>>,
    part: Option<Receiver<Block>>,
    block: Vec<u8>,
    at: usize,
    counts: Counts,
}

impl RowReader {
    pub(super) fn start(
        place: Place,
        units: Vec<(usize, String)>,
        layouts: Vec<Arc<Layout>>,
        form: Form,
        jobs: usize,
    ) -> Self {
        let counts = Counts(Arc::new(layouts.iter().map(|_| AtomicU64::new(0)).collect()));
        let (senders, receivers): (Vec<_>, Vec<_>) = units.iter().map(|_| sync_channel(AHEAD)).unzip();
        let work =
            units.into_iter().zip(senders).map(|((section, sql), sender)| Unit { section, sql, sender });
        let work: Arc<Vec<Unit>> = Arc::new(work.collect());
        let next = Arc::new(AtomicUsize::new(0));
        for _ in 0..jobs.clamp(1, work.len().max(1)) {
            let worker = Worker {
                place: place.clone(),
                work: work.clone(),
                next: next.clone(),
                layouts: layouts.clone(),
                counts: counts.clone(),
                form,
            };
            std::thread::spawn(move || worker.run());
        }
        Self { parts: receivers.into_iter(), part: None, block: Vec::new(), at: 0, counts }
    }

    /// The next lines; `None` at the end.
    fn block(&mut self) -> Option<Block> {
        loop {
            if self.part.is_none() {
                self.part = self.parts.next();
            }
            match self.part.as_ref()?.recv() {
                Ok(block) if block.as_ref().is_ok_and(Vec::is_empty) => self.part = None,
                Ok(block) => return Some(block),
                // A part that ends well says so with an empty block.
                Err(_) => return Some(Err(io::Error::other(Error::internal("a thread died")))),
            }
        }
    }

    /// The numbers of rows, which grow as it is read.
    pub fn counts(&self) -> Counts {
        self.counts.clone()
    }
}

/// How many rows of each section were read.
#[derive(Clone, Debug)]
pub struct Counts(Arc<Vec<AtomicU64>>);

impl Counts {
    /// The numbers by now.
    pub fn read(&self) -> Vec<u64> {
        self.0.iter().map(|count| count.load(Ordering::Relaxed)).collect()
    }
}

impl Read for RowReader {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.at == self.block.len() {
            let Some(block) = self.block() else { return Ok(0) };
            (self.block, self.at) = (block?, 0);
        }
        let count = to.len().min(self.block.len() - self.at);
        to[..count].copy_from_slice(&self.block[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

/// A part that one connection reads in one go.
struct Unit {
    section: usize,
    sql: String,
    sender: SyncSender<Block>,
}

/// A database at a moment, and how its values are written.
#[derive(Clone)]
pub struct Place {
    pub(super) source: Source,
    pub(super) snapshot: String,
    pub(super) plain: &'static str,
}

impl Place {
    /// Has a session see the database as it is at that moment.
    pub(super) async fn enter(&self, session: Session) -> Result<Session> {
        let Self { source, snapshot, plain } = self;
        let begin = format!("{BEGIN}; SET TRANSACTION SNAPSHOT {}; {plain}", literal(snapshot));
        let begun = session.batch_execute(&begin).await;
        begun.map_err(|e| source.failed("a moment").because(words(&e)))?;
        Ok(session)
    }
}

struct Worker {
    place: Place,
    work: Arc<Vec<Unit>>,
    next: Arc<AtomicUsize>,
    layouts: Vec<Arc<Layout>>,
    counts: Counts,
    form: Form,
}

/// Nobody takes the lines any more.
struct Gone;

impl Worker {
    fn run(self) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let result = match runtime {
            Ok(runtime) => runtime.block_on(self.work()),
            Err(e) => Err(Error::environment("cannot begin").caused_by(&e)),
        };
        let Err(error) = result else { return };
        // Every part that nobody reads any more has to end, and one of them has to say why.
        let mut error = Some(error);
        while let Some(unit) = self.take() {
            let said = error.take().unwrap_or_else(|| Error::internal("another part failed"));
            let _ = unit.sender.send(Err(io::Error::other(said)));
        }
    }

    fn take(&self) -> Option<&Unit> {
        self.work.get(self.next.fetch_add(1, Ordering::Relaxed))
    }

    async fn work(&self) -> Result<()> {
        let session = self.place.enter(self.place.source.connect().await?).await?;
        while let Some(unit) = self.take() {
            match self.read(&session, unit).await {
                Ok(Ok(())) => {}
                Ok(Err(Gone)) => return Ok(()),
                Err(e) => {
                    let _ = unit.sender.send(Err(io::Error::other(e)));
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    async fn read(&self, session: &Session, unit: &Unit) -> Result<Result<(), Gone>> {
        let layout = &self.layouts[unit.section];
        let failed = |e: tokio_postgres::Error| {
            let mut error = self.place.source.failed(layout.model()).because(words(&e));
            if let Some(detail) = e.as_db_error().and_then(|db| db.detail().or(db.hint())) {
                error = error.because(detail);
            }
            if e.code() == Some(&SqlState::CHARACTER_NOT_IN_REPERTOIRE) {
                error = error.hint("A text there is no UTF-8: mend it, or watch only models that have none.");
            }
            error
        };
        let copy = session.copy_out(&format!("COPY ({}) TO STDOUT", unit.sql)).await.map_err(failed)?;
        let mut copy = std::pin::pin!(copy);
        let (mut block, mut rows) = (Vec::with_capacity(BLOCK + BLOCK / 4), 0);
        let mut carried: Vec<u8> = Vec::new();
        while let Some(chunk) = copy.try_next().await.map_err(failed)? {
            let mut rest = &chunk[..];
            match self.form {
                Form::Copy => {
                    rows += memchr::memchr_iter(b'\n', rest).count() as u64;
                    block.extend_from_slice(rest);
                }
                Form::Json => {
                    while let Some(end) = memchr::memchr(b'\n', rest) {
                        // A server sends a row at a time, and promises nothing.
                        let line = if carried.is_empty() {
                            &rest[..end]
                        } else {
                            carried.extend_from_slice(&rest[..end]);
                            &carried[..]
                        };
                        layout.encode(line, &mut block)?;
                        carried.clear();
                        rows += 1;
                        rest = &rest[end + 1..];
                    }
                    carried.extend_from_slice(rest);
                }
            }
            if block.len() >= BLOCK {
                let full = std::mem::replace(&mut block, Vec::with_capacity(BLOCK + BLOCK / 4));
                if self.send(unit, full, &mut rows).is_err() {
                    return Ok(Err(Gone));
                }
            }
        }
        if !block.is_empty() && self.send(unit, block, &mut rows).is_err() {
            return Ok(Err(Gone));
        }
        Ok(unit.sender.send(Ok(Vec::new())).map_err(|_| Gone))
    }

    fn send(&self, unit: &Unit, block: Vec<u8>, rows: &mut u64) -> Result<(), Gone> {
        self.counts.0[unit.section].fetch_add(std::mem::take(rows), Ordering::Relaxed);
        unit.sender.send(Ok(block)).map_err(|_| Gone)
    }
}
