//! What was written lately, table by table, and which moment to go back to.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::burst::{Dated, Proposal, by_log, by_traces};
use super::transactions::{Ops, Transaction};
use crate::facts::{FileNode, Known, Trace};

/// What was written in a database since a moment.
#[derive(Clone, Debug)]
pub struct Damage {
    /// The database.
    pub database: String,
    /// The moment.
    pub since: Timestamp,
    /// Who wrote which rows last, from a day before that moment on.
    pub traces: Vec<Trace>,
    /// How many tables do not keep who wrote them.
    pub without: u64,
    /// Tables that could not be read, and why.
    pub unread: Vec<String>,
    /// What the server's log says, where it is kept.
    pub log: Known<LogRead>,
}

/// What was read of the log.
#[derive(Clone, Debug)]
pub struct LogRead {
    /// The transactions that changed most, in the order of their commits.
    pub transactions: Vec<Transaction>,
    /// How many there were.
    pub count: u64,
    /// How many of them updated or deleted so many rows.
    pub sizes: BTreeMap<u64, u64>,
    /// The last commit that was read.
    pub until: Option<Timestamp>,
    /// How many older segments were left out.
    pub left_out: usize,
    /// Tables by their files.
    pub tables: BTreeMap<FileNode, String>,
}

/// What was written in one table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Harm {
    /// The table.
    pub table: String,
    /// Rows that were inserted.
    pub inserted: u64,
    /// Rows that were updated.
    pub updated: u64,
    /// The first and the last minute.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Who wrote how many.
    pub by: BTreeMap<String, u64>,
    /// How many rows an hour were written in the day before.
    pub usual: f64,
}

impl LogRead {
    /// A table by its file.
    pub fn table(&self, file: FileNode) -> String {
        self.tables.get(&file).cloned().unwrap_or_else(|| format!("file {file} (no table has it now)"))
    }

    /// What a transaction did, by table.
    pub fn changes(&self, transaction: &Transaction) -> Vec<(String, Ops)> {
        let mut changes: Vec<(String, Ops)> =
            transaction.changes.iter().map(|(file, ops)| (self.table(*file), *ops)).collect();
        changes.sort_by_key(|(_, ops)| std::cmp::Reverse(ops.rows()));
        changes
    }

    /// The transactions that updated or deleted most.
    pub fn greatest(&self, most: usize) -> Vec<&Transaction> {
        let mut all: Vec<&Transaction> =
            self.transactions.iter().filter(|found| found.lost() > 0 || found.removed()).collect();
        all.sort_by_key(|found| std::cmp::Reverse(found.lost()));
        all.truncate(most);
        all
    }
}

/// The beginning of a moment's minute.
fn minute(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second().div_euclid(60) * 60).unwrap_or(at)
}

impl Damage {
    /// Traces are known by the minute: the one that the moment lies in belongs to what came since.
    fn is_recent(&self, trace: &Trace) -> bool {
        trace.minute >= minute(self.since)
    }

    /// What was written since the moment, most first.
    pub fn harms(&self) -> Vec<Harm> {
        let mut harms: BTreeMap<&str, Harm> = BTreeMap::new();
        for trace in &self.traces {
            let harm = harms.entry(&trace.table).or_default();
            harm.table.clone_from(&trace.table);
            if !self.is_recent(trace) {
                harm.usual += trace.rows() as f64 / 24.0;
                continue;
            }
            harm.inserted += trace.inserted;
            harm.updated += trace.updated;
            let (first, last) = harm.span.unwrap_or((trace.minute, trace.minute));
            harm.span = Some((first.min(trace.minute), last.max(trace.minute)));
            *harm.by.entry(trace.by.clone().unwrap_or_else(|| "nobody".to_owned())).or_default() +=
                trace.rows();
        }
        let mut harms: Vec<Harm> = harms.into_values().filter(|harm| harm.span.is_some()).collect();
        harms.sort_by_key(|harm| std::cmp::Reverse(harm.inserted + harm.updated));
        harms
    }

    /// Rows by the minute, from the moment on up to another one; minutes in which nothing was written are there too.
    pub fn minutes(&self, until: Timestamp) -> Vec<(Timestamp, u64)> {
        let (mut at, end) = (minute(self.since), minute(until));
        let mut minutes = BTreeMap::new();
        while at <= end {
            minutes.insert(at, 0);
            at = at.checked_add(SignedDuration::from_mins(1)).unwrap_or(Timestamp::MAX);
        }
        for trace in self.traces.iter().filter(|trace| self.is_recent(trace)) {
            *minutes.entry(trace.minute).or_default() += trace.rows();
        }
        minutes.into_iter().collect()
    }

    /// The moment to go back to: by the log, which knows the very transaction, else by the traces.
    pub fn proposal(&self) -> Option<Proposal> {
        // Of a log of which the older part was not read nobody knows where it began.
        if let Some(log) = self.log.get().filter(|log| log.left_out == 0)
            && let Some(Dated { first: transaction, before, until }) = by_log(&log.transactions, &log.sizes)
        {
            let changes = log.changes(transaction);
            let what = changes.first().map_or("", |(table, _)| table.as_str());
            let why = format!(
                "transaction {}, committed at {}, changed or deleted {} rows, most of them in {what}, and is the first that stands out",
                transaction.id,
                transaction.at,
                transaction.lost()
            );
            return Some(Proposal { at: before, until, why });
        }
        let recent: Vec<Trace> = self.traces.iter().filter(|trace| self.is_recent(trace)).cloned().collect();
        by_traces(&recent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harm_is_told_beside_what_is_usual() {
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        let trace = |minute, updated, inserted, by: Option<&str>| Trace {
            table: "sale_order".into(),
            minute: at(minute),
            by: by.map(str::to_owned),
            inserted,
            updated,
        };
        let damage = Damage {
            database: "shop".into(),
            since: at(2000) + SignedDuration::from_secs(30),
            traces: vec![
                trace(1000, 24, 24, Some("ada")),
                trace(2001, 400, 0, Some("bot")),
                trace(2003, 1, 2, Some("ada")),
                trace(2003, 5, 0, None),
            ],
            without: 3,
            unread: Vec::new(),
            log: Known::unasked(),
        };
        let harms = damage.harms();
        assert_eq!((harms[0].updated, harms[0].inserted, harms[0].usual), (406, 2, 2.0));
        assert_eq!(harms[0].span, Some((at(2001), at(2003))));
        assert_eq!((harms[0].by["bot"], harms[0].by["nobody"]), (400, 5));
        let minutes: Vec<u64> = damage.minutes(at(2004)).into_iter().map(|(_, rows)| rows).collect();
        assert_eq!(minutes, [0, 400, 0, 8, 0]);
        assert_eq!(damage.proposal().map(|proposal| proposal.at), Some(at(2001)));
    }
}
