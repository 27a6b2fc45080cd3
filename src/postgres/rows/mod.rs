//! Rows of live tables in the order of their keys: several connections, one snapshot.
//!
//! Each connection reads whole parts of a table, so that the parts, put one after the other, are the table in its order. What
//! is read ahead of whoever takes it is limited, so that a table of any size takes little memory.

mod keyed;
mod reader;

use std::collections::BTreeMap;
use std::time::Duration;

use super::connect::{Session, connect, connect_sliced};
use super::probe::words;
use crate::base::Secret;
use crate::error::{Error, Result};
use crate::facts::Catalog;
use crate::rows::{Range, Section};
use crate::step::Endpoint;

pub(in crate::postgres) use keyed::rows_by;
pub use keyed::{keys_where, missing, rows_of};
use reader::Place;
pub use reader::{Counts, Form, RowReader};

/// How long a login may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// How many rows of a table are read as one part.
const PART: u64 = 32_768;

/// What makes values read the same everywhere: ISO 8601 in UTC, floats with these digits.
macro_rules! plain {
    ($digits:literal) => {
        concat!(
            "SET LOCAL extra_float_digits = ",
            $digits,
            "; SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL timezone = 'UTC'; SET LOCAL intervalstyle = 'iso_8601'; ",
            "SET LOCAL bytea_output = 'hex'; SET LOCAL statement_timeout = 0; ",
            "SET LOCAL idle_in_transaction_session_timeout = 0; ",
            "SELECT set_config(t, '0', true) FROM (VALUES ('transaction_timeout')) v(t) WHERE current_setting(t, true) IS NOT NULL"
        )
    };
}

/// Floats with 15 digits: what differs only in the digit after them is the same.
pub(in crate::postgres) const PLAIN: &str = plain!("0");

/// Floats with as many digits as it takes to be read back as they are.
pub(in crate::postgres) const EXACT: &str = plain!("1");

/// How many ranges are asked for in one question.
const RANGES: usize = 100;

/// A database, and who reads it.
#[derive(Clone, Debug)]
pub struct Source {
    /// The server.
    pub endpoint: Endpoint,
    /// The role.
    pub role: String,
    /// Its password.
    pub secret: Secret,
    /// The database.
    pub database: String,
}

impl Source {
    /// Logs in.
    pub async fn connect(&self) -> Result<Session> {
        let login = connect(&self.endpoint, &self.role, &self.secret, &self.database, DEADLINE).await;
        login.map_err(|failure| failure.into_error(&self.endpoint, &self.role))
    }

    /// Likewise, for copies of rows of any width.
    async fn connect_sliced(&self) -> Result<Session> {
        let login = connect_sliced(&self.endpoint, &self.role, &self.secret, &self.database, DEADLINE).await;
        login.map_err(|failure| failure.into_error(&self.endpoint, &self.role))
    }

    fn failed(&self, what: &str) -> Error {
        Error::environment(format!("cannot read {what} of {}", self.database))
    }
}

/// One moment of a database, held as long as this lives. Nothing can be written through it.
pub struct Moment {
    source: Source,
    session: Session,
    snapshot: String,
    plain: &'static str,
}

impl Moment {
    /// Begins to hold the moment.
    pub async fn of(source: Source) -> Result<Self> {
        Self::saying(source, PLAIN).await
    }

    /// Begins to hold the moment, to read values that can be written back as they are.
    pub async fn exact(source: Source) -> Result<Self> {
        Self::saying(source, EXACT).await
    }

    async fn saying(source: Source, plain: &'static str) -> Result<Self> {
        let session = source.connect().await?;
        let failed = |e: tokio_postgres::Error| source.failed("a moment").because(words(&e));
        session.batch_execute(&format!("{BEGIN}; {plain}")).await.map_err(failed)?;
        let rows = session.query_typed("SELECT pg_export_snapshot()", &[]).await.map_err(failed)?;
        let snapshot = rows.first().map(|row| row.get(0)).unwrap_or_default();
        Ok(Self { source, session, snapshot, plain })
    }

    fn place(&self) -> Place {
        Place { source: self.source.clone(), snapshot: self.snapshot.clone(), plain: self.plain }
    }

    /// The session that holds it, for questions.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Another session that sees the database as it is at this moment.
    pub async fn another(&self) -> Result<Session> {
        self.place().enter(self.source.connect().await?).await
    }

    /// Another one, to copy rows of any width from.
    pub async fn copier(&self) -> Result<Session> {
        self.place().enter(self.source.connect_sliced().await?).await
    }

    /// As many of these as the server lets in: fewer will do.
    pub async fn others(&self, wanted: usize) -> Vec<Session> {
        let mut others = Vec::new();
        for _ in 0..wanted {
            let Ok(other) = self.another().await else { break };
            others.push(other);
        }
        others
    }

    /// Begins to read the sections in their order, as this form has it, over as many connections.
    pub async fn read(
        &self,
        sections: &[Section],
        catalog: &Catalog,
        form: Form,
        jobs: usize,
    ) -> Result<RowReader> {
        let mut units = Vec::new();
        for (at, section) in sections.iter().enumerate() {
            let rows = catalog.tables.get(&section.table).and_then(|table| table.rows);
            for range in self.parts(section, rows).await? {
                units.push((at, section.sql(range)));
            }
        }
        let layouts = sections.iter().map(Section::layout).collect();
        Ok(RowReader::start(self.place(), units, layouts, form, jobs))
    }

    /// Begins to read ranges of one section, in their order, as `COPY` writes them.
    pub fn read_ranges(&self, section: &Section, ranges: &[Range], jobs: usize) -> RowReader {
        let units = ranges.chunks(RANGES).map(|ranges| (0, section.sql_within(ranges))).collect();
        let layouts = vec![section.layout()];
        RowReader::start(self.place(), units, layouts, Form::Copy, jobs)
    }

    /// The first and the last of a section's keys; `None` where it has no rows.
    pub async fn bounds(&self, section: &Section) -> Result<Option<Range>> {
        let failed = |e: tokio_postgres::Error| self.source.failed(&section.model).because(words(&e));
        let rows = self.session.query_typed(&section.bounds_sql(), &[]).await.map_err(failed)?;
        Ok(rows.first().and_then(|row| row.get::<_, Option<i64>>(0).zip(row.get::<_, Option<i64>>(1))))
    }

    /// Digests of the parts of a range, by their numbers; a part without rows has none.
    pub async fn digests(
        &self,
        section: &Section,
        range: Range,
        width: i64,
    ) -> Result<BTreeMap<i64, RangeDigest>> {
        let failed = |e: tokio_postgres::Error| self.source.failed(&section.model).because(words(&e));
        let rows = self.session.query_typed(&section.digest_sql(range, width), &[]).await.map_err(failed)?;
        let digest = |row: &tokio_postgres::Row| {
            let rows = u64::try_from(row.get::<_, i64>(1)).unwrap_or_default();
            (row.get(0), RangeDigest { rows, sum: row.get(2) })
        };
        Ok(rows.iter().map(digest).collect())
    }

    /// How many bytes a second come from the server, by a small measurement.
    pub async fn throughput(&self) -> Result<f64> {
        const BYTES: u32 = 1 << 19;
        let failed = |e: tokio_postgres::Error| self.source.failed("a measurement").because(words(&e));
        let begun = std::time::Instant::now();
        let question = format!("SELECT repeat('x', {BYTES})");
        let _ = self.session.query_typed(&question, &[]).await.map_err(failed)?;
        Ok(f64::from(BYTES) / begun.elapsed().as_secs_f64().max(1e-6))
    }

    /// The ranges in which a section is read; `None` is all of it.
    async fn parts(&self, section: &Section, rows: Option<u64>) -> Result<Vec<Option<Range>>> {
        if !section.divides() {
            return Ok(vec![None]);
        }
        let Some((first, last)) = self.bounds(section).await? else { return Ok(vec![None]) };
        let span = last.abs_diff(first).saturating_add(1);
        let parts = rows.unwrap_or(span).min(span).div_ceil(PART).clamp(1, 256);
        if parts == 1 {
            return Ok(vec![None]);
        }
        let width = i64::try_from(span.div_ceil(parts)).unwrap_or(i64::MAX);
        let mut ranges = Vec::new();
        let mut from = first;
        while from <= last {
            let to = from.saturating_add(width);
            ranges.push(Some((from, to)));
            if to == i64::MAX {
                break;
            }
            from = to;
        }
        Ok(ranges)
    }
}

/// What a server says of a range of rows without showing them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeDigest {
    /// How many there are.
    pub rows: u64,
    /// The sum of their hashes.
    pub sum: String,
}

const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
