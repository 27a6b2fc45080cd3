//! Whether what happened to the tables since the last reading is usual for them.
//!
//! Rates are an hour's, and what is usual is taken from the table's own history by its median and the deviations from that,
//! which one bad day does not move. What has happened twice is usual, too: a nightly job is no incident.

use jiff::{SignedDuration, Timestamp};

use crate::base::size::thousands;
use crate::facts::{Reading, TableReading};
use crate::project::Project;

/// The tables that matter to most shops.
const TABLES: [&str; 12] = [
    "account_move",
    "account_move_line",
    "account_payment",
    "product_product",
    "product_template",
    "purchase_order",
    "res_partner",
    "res_users",
    "sale_order",
    "sale_order_line",
    "stock_move",
    "stock_quant",
];

/// How many readings are kept, and for how long.
const KEPT: usize = 400;
const LONGEST: SignedDuration = SignedDuration::from_hours(60 * 24);

/// How many intervals of a table, and over how many hours, tell what is usual: a day and a night have to be among them.
pub const INTERVALS: usize = 8;
/// See [`INTERVALS`].
pub const HOURS: f64 = 24.0;

/// What happens within minutes is no hour's rate yet.
const SHORTEST: f64 = 1.0 / 6.0;

/// How many deviations from the median are still usual; 1.4826 makes them those of a normal distribution.
const DEVIATIONS: f64 = 6.0 * 1.4826;

/// How much more than what has happened twice is still usual.
const TWICE: f64 = 2.0;

/// Fewer rows than these are noise.
const LEAST_WRITTEN: u64 = 200;
const LEAST_GONE: u64 = 20;

/// A smaller part of a table's rows than this one of so many may go.
const SHARE: u64 = 20;

/// Before anything is learned: a table of so many rows that loses more than half of them.
const EMPTIED: u64 = 50;

/// The tables that a project has watched.
pub fn watched(project: &Project) -> Vec<String> {
    project.incident.watch.clone().unwrap_or_else(|| TABLES.map(str::to_owned).to_vec())
}

/// Something that is not usual.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Alarm {
    /// The table.
    pub table: String,
    /// What happened to it.
    pub what: String,
    /// What is usual.
    pub usual: String,
}

/// How things stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nobody knows yet what is usual.
    Learning,
    /// Nothing unusual happened.
    Quiet,
    /// Something did.
    Alarm,
}

/// What is to be said of a reading.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// How things stand.
    pub standing: Standing,
    /// The reading before; `None` for the first.
    pub since: Option<Timestamp>,
    /// Why earlier readings do not count.
    pub anew: Option<&'static str>,
    /// How many intervals are known, and over how many hours.
    pub learned: (usize, f64),
    /// How many rows were written since.
    pub written: u64,
    /// What is not usual.
    pub alarms: Vec<Alarm>,
    /// What could not be judged.
    pub notes: Vec<String>,
}

/// What happened to a table between two readings.
struct Interval {
    hours: f64,
    /// Inserted, updated, deleted; `None` where the server's statistics do not reach over both.
    writes: Option<[u64; 3]>,
    /// Rows before and after; `None` where they were not counted both times.
    rows: Option<[u64; 2]>,
}

impl Interval {
    fn lost(&self) -> Option<u64> {
        self.rows.map(|[before, after]| before.saturating_sub(after))
    }

    fn rate(&self, rows: u64) -> f64 {
        rows as f64 / self.hours.max(SHORTEST)
    }
}

fn interval(earlier: &Reading, later: &Reading, table: &str) -> Option<Interval> {
    let (a, b) = (earlier.tables.get(table)?, later.tables.get(table)?);
    let since = |of: fn(&TableReading) -> u64| of(b).checked_sub(of(a));
    let writes = || Some([since(|t| t.inserted)?, since(|t| t.updated)?, since(|t| t.deleted)?]);
    let comparable = a.oid == b.oid && earlier.reset == later.reset;
    Some(Interval {
        hours: later.at.duration_since(earlier.at).as_secs_f64() / 3600.0,
        writes: comparable.then(writes).flatten(),
        rows: (a.exact && b.exact).then_some([a.rows, b.rows]),
    })
}

/// What is usual of one kind of change, by its rates.
struct Usual {
    median: f64,
    /// The second highest.
    twice: f64,
    limit: f64,
}

fn usual(mut rates: Vec<f64>) -> Usual {
    let middle = |sorted: &[f64]| sorted.get(sorted.len() / 2).copied().unwrap_or_default();
    rates.sort_by(f64::total_cmp);
    let median = middle(&rates);
    let mut apart: Vec<f64> = rates.iter().map(|rate| (rate - median).abs()).collect();
    apart.sort_by(f64::total_cmp);
    let twice = rates.iter().rev().nth(1).copied().unwrap_or_default();
    Usual { median, twice, limit: (median + DEVIATIONS * middle(&apart)).max(TWICE * twice) }
}

impl Usual {
    fn told(&self) -> String {
        let an_hour = |rate: f64| match rate {
            ..1.0 => "less than one an hour".to_owned(),
            _ => format!("{} an hour", thousands(rate.round() as u64)),
        };
        match (self.median > 0.0, self.twice > 0.0) {
            (_, false) => "usually none".to_owned(),
            (false, true) => format!("usually none, at times {}", an_hour(self.twice)),
            (true, true) if self.median.round() == self.twice.round() => {
                format!("usually {}", an_hour(self.median))
            }
            (true, true) => format!("usually {}, at times {}", an_hour(self.median), an_hour(self.twice)),
        }
    }
}

/// What is to be said of a reading after the earlier ones, oldest first.
pub fn judge(history: &[Reading], now: &Reading, wanted: Option<&[String]>) -> Verdict {
    let before: Vec<&Reading> = comparable(history, now).collect();
    let known: Vec<&Reading> = before.iter().copied().chain([now]).collect();
    let other = !history.is_empty() && before.is_empty();
    let mut verdict = Verdict {
        standing: Standing::Learning,
        since: before.last().map(|reading| reading.at),
        anew: other.then_some("it is another database than at the last reading, restored or made anew"),
        learned: (
            before.len().saturating_sub(1),
            before.first().map_or(0.0, |first| hours(first, before.last())),
        ),
        written: 0,
        alarms: Vec::new(),
        notes: Vec::new(),
    };
    let lacks = wanted.into_iter().flatten().filter(|name| !now.tables.contains_key(*name));
    verdict.notes.extend(lacks.map(|name| format!("there is no table {name}")));
    if let Some(last) = before.last() {
        if last.reset != now.reset {
            verdict.notes.push(
                "the server's statistics were set back, so that writes are not judged this time".into(),
            );
        }
        for (table, earlier) in &last.tables {
            verdict.table(table, earlier, &known);
        }
    }
    let enough = verdict.learned.0 >= INTERVALS && verdict.learned.1 >= HOURS;
    verdict.standing = match (verdict.alarms.is_empty(), enough) {
        (false, _) => Standing::Alarm,
        (true, true) => Standing::Quiet,
        (true, false) => Standing::Learning,
    };
    verdict
}

fn hours(first: &Reading, last: Option<&&Reading>) -> f64 {
    last.map_or(0.0, |last| last.at.duration_since(first.at).as_secs_f64() / 3600.0)
}

/// The earlier readings of the same database, by the same clock.
fn comparable<'a>(history: &'a [Reading], now: &Reading) -> impl Iterator<Item = &'a Reading> {
    history.iter().filter(|reading| reading.same_database(now) && reading.at < now.at)
}

impl Verdict {
    /// Judges a table of the last reading but this one; `known` ends with this one.
    fn table(&mut self, table: &str, earlier: &TableReading, known: &[&Reading]) {
        let pairs = known.windows(2).map(|pair| match pair {
            [a, b] => interval(a, b, table),
            _ => None,
        });
        let mut intervals: Vec<Option<Interval>> = pairs.collect();
        let Some(last) = intervals.pop().flatten() else {
            let what = format!("{table} is gone, with its {} rows", thousands(earlier.rows));
            return self.alarm(table, what, "it was there at the last reading".to_owned());
        };
        self.written += last.writes.map_or(0, |writes| writes.iter().sum());
        let past: Vec<Interval> = intervals.into_iter().flatten().collect();
        let lost = self.lost(table, &last, &past);
        for (at, word) in ["inserted", "updated", "deleted"].iter().enumerate() {
            // Rows that are lost have been told.
            if !(lost && *word == "deleted") {
                self.written(table, word, at, &last, &past);
            }
        }
    }

    fn lost(&mut self, table: &str, last: &Interval, past: &[Interval]) -> bool {
        let Some([before, after]) = last.rows else { return false };
        let lost = before.saturating_sub(after);
        let percent = lost * 100 / before.max(1);
        let what = || format!("{table} lost {} of {} rows, {percent} %", thousands(lost), thousands(before));
        let rates = past.iter().filter_map(|one| Some((one.hours, one.rate(one.lost()?)))).collect();
        let Some(usual) = learned(rates) else {
            let emptied = before >= EMPTIED && after * 2 < before;
            if emptied {
                self.alarm(table, what(), "what is usual is not learned yet".to_owned());
            }
            return emptied;
        };
        let unusual = lost >= LEAST_GONE && lost * SHARE >= before && last.rate(lost) > usual.limit;
        if unusual {
            self.alarm(table, what(), usual.told());
        }
        unusual
    }

    fn written(&mut self, table: &str, word: &str, at: usize, last: &Interval, past: &[Interval]) {
        let of = |one: &Interval| one.writes.and_then(|writes| writes.get(at).copied());
        let Some(rows) = of(last) else { return };
        let rates = past.iter().filter_map(|one| Some((one.hours, one.rate(of(one)?)))).collect();
        let Some(usual) = learned(rates) else { return };
        let least = if word == "deleted" { LEAST_GONE } else { LEAST_WRITTEN };
        if rows >= least && last.rate(rows) > usual.limit {
            self.alarm(table, format!("{} rows of {table} were {word}", thousands(rows)), usual.told());
        }
    }

    fn alarm(&mut self, table: &str, what: String, usual: String) {
        self.alarms.push(Alarm { table: table.to_owned(), what, usual });
    }
}

/// What is usual, by intervals of so many hours with their rates; `None` where they are too few.
fn learned(rates: Vec<(f64, f64)>) -> Option<Usual> {
    let hours: f64 = rates.iter().map(|(hours, _)| hours).sum();
    let enough = rates.len() >= INTERVALS && hours >= HOURS;
    enough.then(|| usual(rates.into_iter().map(|(_, rate)| rate).collect()))
}

/// What is kept for the next time. Where there are too many the closest neighbours are merged: counters go on, so that what
/// lies between two readings stays known, if not when.
pub fn kept(history: &[Reading], now: &Reading) -> Vec<Reading> {
    let young = |reading: &&Reading| now.at.duration_since(reading.at) <= LONGEST;
    let mut all: Vec<Reading> = comparable(history, now).filter(young).chain([now]).cloned().collect();
    while all.len() > KEPT {
        let gaps = all.windows(3).enumerate().filter_map(|(at, three)| match three {
            [a, _, c] => Some((c.at.duration_since(a.at), at + 1)),
            _ => None,
        });
        let Some((_, closest)) = gaps.min() else { break };
        all.remove(closest);
    }
    all
}

/// The rows of a reading.
pub fn total(reading: &Reading) -> u64 {
    reading.tables.values().map(|table| table.rows).sum()
}

/// Which tables have fewer rows now than by the last count from before a moment: a sentence each.
pub fn fewer(history: &[Reading], now: &Reading, since: Timestamp) -> Vec<String> {
    let before = history.iter().rfind(|reading| reading.at <= since && reading.same_database(now));
    let Some(before) = before else { return Vec::new() };
    let table = |(table, then): (&String, &TableReading)| {
        let rows = now.tables.get(table).map_or(0, |now| now.rows);
        (rows < then.rows)
            .then(|| format!("{table} has {rows} rows, {} were counted at {}", then.rows, before.at))
    };
    before.tables.iter().filter_map(table).collect()
}

#[cfg(test)]
mod tests;
