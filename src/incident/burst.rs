//! When the damage began: the minute, or the very transaction, from which on far more was written than usual.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::transactions::Transaction;
use crate::facts::Trace;

/// How many times the usual makes a burst.
const TIMES: u64 = 8;

/// What is a smaller part of the greatest than one in so many is not where it began.
const PART: u64 = 10;

/// Fewer rows than this are no burst.
const FEW: u64 = 30;

/// A moment to go back to, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The moment.
    pub at: Timestamp,
    /// When the last of what stands out was written.
    pub until: Timestamp,
    /// Why, in a sentence.
    pub why: String,
}

/// What of the log stands out.
#[derive(Clone, Copy, Debug)]
pub struct Dated<'a> {
    /// The first transaction that does.
    pub first: &'a Transaction,
    /// The moment just before it was committed.
    pub before: Timestamp,
    /// When the last one that does was committed.
    pub until: Timestamp,
}

/// By the log: just before the first commit that changed or deleted far more rows than commits usually do, and no small part of
/// what the greatest did; where there is none, before the first that removed a table's file.
pub fn by_log<'a>(transactions: &'a [Transaction], sizes: &BTreeMap<u64, u64>) -> Option<Dated<'a>> {
    let greatest = transactions.iter().map(Transaction::lost).max().unwrap_or_default();
    let limit = (middle(sizes) * TIMES).max(FEW).max(greatest / PART);
    let stands_out = |found: &&Transaction| found.lost() > limit;
    let (first, last) = match transactions.iter().find(stands_out) {
        Some(first) => (first, transactions.iter().rfind(stands_out)?),
        None => transactions.iter().find(|found| found.removed()).map(|found| (found, found))?,
    };
    let before = first.at.checked_sub(SignedDuration::from_micros(1)).ok()?;
    Some(Dated { first, before, until: last.at })
}

/// The median of values by how often they are.
fn middle(sizes: &BTreeMap<u64, u64>) -> u64 {
    let all: u64 = sizes.values().sum();
    let mut seen = 0;
    let reached = |count: &u64| {
        seen += count;
        2 * seen >= all
    };
    let mut reached = reached;
    let found = sizes.iter().find(|(_, count)| reached(count)).map(|(size, _)| *size);
    found.filter(|_| all > 1).unwrap_or_default()
}

/// By `write_date`: the beginning of the first minute in which far more rows were last written than usually.
pub fn by_traces(traces: &[Trace]) -> Option<Proposal> {
    let mut minutes: BTreeMap<Timestamp, u64> = BTreeMap::new();
    for trace in traces {
        *minutes.entry(trace.minute).or_default() += trace.updated;
    }
    let mut usual: Vec<u64> = minutes.values().copied().collect();
    usual.sort_unstable();
    let limit = limit(&usual);
    let (minute, rows) = minutes.iter().find(|(_, rows)| **rows > limit)?;
    let last = minutes.iter().rfind(|(_, rows)| **rows > limit).map_or(*minute, |(minute, _)| *minute);
    let until = last.checked_add(SignedDuration::from_micros(59_999_999)).unwrap_or(last);
    let in_it = |trace: &&Trace| trace.minute == *minute && trace.updated > 0;
    let most = traces.iter().filter(in_it).max_by_key(|trace| trace.updated)?;
    let by = most.by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
    let why = format!(
        "{rows} rows were last written in the minute that begins then, {} of {}{by}; {} a minute are usual",
        most.updated,
        most.table,
        median(&usual)
    );
    Some(Proposal { at: *minute, until, why })
}

fn median(sorted: &[u64]) -> u64 {
    // Of few the lower one: two minutes of which one is the burst have a usual one.
    sorted.get((sorted.len().max(1) - 1) / 2).copied().filter(|_| sorted.len() > 1).unwrap_or_default()
}

fn limit(sorted: &[u64]) -> u64 {
    (median(sorted) * TIMES).max(FEW)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::transactions::Ops;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn transaction(at: i64, updated: u64) -> Transaction {
        let ops = Ops { updated, ..Ops::default() };
        Transaction { id: at as u32, at: second(at), changes: [(1, ops)].into() }
    }

    fn dated(all: &[Transaction]) -> Option<u32> {
        let mut sizes = BTreeMap::new();
        all.iter().for_each(|found| *sizes.entry(found.lost()).or_default() += 1);
        by_log(all, &sizes).map(|found| found.first.id)
    }

    #[test]
    fn the_first_commit_that_stands_out_is_the_one() {
        let quiet = || (0..50).map(|n| transaction(n, 3));
        let end = [transaction(55, 31), transaction(60, 400), transaction(61, 2), transaction(62, 900)];
        let all: Vec<_> = quiet().chain(end).collect();
        assert_eq!(dated(&all), Some(60), "thirty-one rows are little beside nine hundred");
        let found = by_log(&all, &BTreeMap::new()).unwrap();
        assert_eq!(found.before, "1970-01-01T00:00:59.999999Z".parse().unwrap());
        assert_eq!(found.until, second(62), "the last one that stands out");
        assert_eq!(dated(&quiet().collect::<Vec<_>>()), None);
        assert_eq!(dated(&[]), None);
        // One alone stands out against nothing.
        assert!(dated(&[transaction(1, 31)]).is_some() && dated(&[transaction(1, 30)]).is_none());
        // A shop in which every commit writes much has bursts of its own size.
        let busy: Vec<_> = (0..50).map(|n| transaction(n, 100)).chain([transaction(70, 500)]).collect();
        assert_eq!(dated(&busy), None);
        // A table that was emptied changed no row.
        let emptied = Transaction {
            changes: [(1, Ops { removed: true, ..Ops::default() })].into(),
            ..transaction(80, 0)
        };
        assert_eq!(dated(&[transaction(70, 3), emptied]), Some(80));
    }

    #[test]
    fn the_minute_is_told_with_table_and_writer() {
        let trace = |minute: i64, table: &str, updated| Trace {
            table: table.into(),
            minute: second(minute * 60),
            by: Some("bot".into()),
            inserted: 0,
            updated,
        };
        let mut all: Vec<Trace> = (0..20).map(|n| trace(n, "sale_order", 4)).collect();
        all.extend([trace(20, "sale_order", 400), trace(20, "res_partner", 60), trace(21, "sale_order", 5)]);
        let found = by_traces(&all).unwrap();
        assert_eq!(found.at, second(1200));
        assert!(
            found.why.contains("460 rows") && found.why.contains("400 of sale_order by bot; 4 a minute"),
            "{}",
            found.why
        );
        assert_eq!(by_traces(&all[..20]), None);
    }
}
