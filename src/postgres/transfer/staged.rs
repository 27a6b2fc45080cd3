//! A database that nobody uses is filled over several connections: tables, then their indexes and keys, then references.

use std::cell::RefCell;
use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use tokio::sync::Notify;

use super::begin::begin;
use super::pipe::Gauge;
use super::schedule::{Next, Schedule, Unit};
use super::{Down, Filled, analyze, failed, fill, paths};
use crate::error::Result;
use crate::facts::{TableCopy, Transfer};
use crate::postgres::connect::Session;
use crate::postgres::rows::{Moment, Source};

/// What the lanes share.
struct Work<'a> {
    transfer: &'a Transfer,
    down: &'a Down,
    gauge: &'a Gauge,
    schedule: RefCell<Schedule>,
    filled: RefCell<BTreeMap<String, Filled>>,
    news: Notify,
}

/// Fills the target from a moment of the source, over as many connections to each, and puts back what was taken down.
pub async fn staged(
    moment: &Moment,
    target: &Source,
    transfer: &Transfer,
    down: &Down,
    jobs: u16,
    gauge: &Gauge,
) -> Result<BTreeMap<String, Filled>> {
    let schedule = RefCell::new(Schedule::new(transfer, down));
    let work = Work { transfer, down, gauge, schedule, filled: RefCell::default(), news: Notify::new() };
    try_join_all((0..jobs).map(|_| lane(&work, moment, target))).await?;
    Ok(work.filled.into_inner())
}

async fn lane(work: &Work<'_>, moment: &Moment, target: &Source) -> Result<()> {
    let (source, target) = (moment.copier().await?, target.connect().await?);
    begin(&target, false).await?;
    loop {
        // The guard is gone before anything is waited for.
        let next = work.schedule.borrow_mut().take();
        let (at, unit) = match next {
            Next::Done => return Ok(()),
            Next::Wait => {
                work.news.notified().await;
                continue;
            }
            Next::Work(at, unit) => (at, unit),
        };
        work.one(unit, (&source, &target)).await?;
        work.schedule.borrow_mut().done(at);
        work.news.notify_waiters();
    }
}

impl Work<'_> {
    async fn one(&self, unit: Unit, (source, target): (&Session, &Session)) -> Result<()> {
        match unit {
            Unit::Fill(at) => match self.transfer.tables.get(at) {
                Some(table) => self.fill(table, (source, target)).await,
                None => Ok(()),
            },
            Unit::Part(at) => match self.down.parts.get(at) {
                Some(part) => {
                    self.gauge.tell(&format!("putting {} back", part.name()));
                    part.put_back(target, false).await
                }
                None => Ok(()),
            },
            Unit::Prove(at) => match self.down.parts.get(at) {
                Some(part) => {
                    self.gauge.tell(&format!("looking at {}", part.name()));
                    part.prove(target).await
                }
                None => Ok(()),
            },
            Unit::Analyze(at) => {
                let table = self.transfer.tables.get(at).map(|table| table.table.as_str());
                analyze(target, table.as_slice()).await
            }
        }
    }

    async fn fill(&self, table: &TableCopy, (source, target): (&Session, &Session)) -> Result<()> {
        let run = async |statement: &str| {
            let done = target.batch_execute(statement).await;
            done.map_err(|e| failed(format!("copy {}", table.table), &e))
        };
        run("BEGIN").await?;
        let filled = fill((source, target), table, false, self.gauge).await?;
        for tree in self.transfer.parent_paths.iter().filter(|tree| tree.table == table.table) {
            paths(target, tree).await?;
        }
        run("COMMIT").await?;
        self.filled.borrow_mut().insert(table.table.clone(), filled);
        Ok(())
    }
}
