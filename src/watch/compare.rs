//! Merges two sides and hands on what differs.

use std::collections::BTreeMap;
use std::io::Read;

use super::{Watched, narrow};
use crate::error::Result;
use crate::facts::{SectionTaken, SnapshotManifest, SnapshotSeen};
use crate::postgres::rows::{Counts, Form};
use crate::process::blocking;
use crate::rows::{Change, Dialect, Difference, Lines, join};
use crate::snapshot_file;
use crate::watchdog::{Comparable, SideTold, View};

/// The word for a database as it is.
pub const LIVE: &str = "live";

/// One side of a comparison.
pub enum Side {
    /// A snapshot.
    File(Box<SnapshotSeen>),
    /// A database as it is.
    Live(Box<Watched>),
}

impl Side {
    /// What it has.
    pub fn sections(&self) -> Vec<SectionTaken> {
        match self {
            Self::File(seen) => seen.manifest.sections.clone(),
            Self::Live(watched) => watched.sections(&[]),
        }
    }

    /// What of it can be compared.
    pub fn comparable(&self, other: &Self) -> Comparable {
        let (left, right) = (self.sections(), other.sections());
        Comparable::of(&self.view(&left), &other.view(&right))
    }

    fn view<'a>(&'a self, sections: &'a [SectionTaken]) -> View<'a> {
        match self {
            Self::File(seen) => {
                View { database: &seen.manifest.database, sections, spec: Some(&seen.manifest.spec) }
            }
            Self::Live(watched) => View { database: &watched.database, sections, spec: None },
        }
    }

    /// The side for people.
    pub fn told(&self) -> SideTold {
        let second = |at: &str| format!("{} UTC", at.chars().take(19).collect::<String>().replace('T', " "));
        let (name, database, at) = match self {
            Self::File(seen) => {
                let SnapshotManifest { file, database, taken_at, .. } = &seen.manifest;
                (snapshot_file::stem(file), database, second(taken_at))
            }
            Self::Live(watched) => (LIVE, &watched.database, second(&watched.at.to_string())),
        };
        SideTold { name: name.to_owned(), database: database.name.clone(), at }
    }

    /// Its rows; of a live one their numbers too, which grow as they are read.
    async fn lines(&self) -> Result<(Lines<Box<dyn Read + Send>>, Option<Counts>)> {
        Ok(match self {
            Self::File(seen) => (snapshot_file::open(seen)?.boxed(), None),
            Self::Live(watched) => {
                let (lines, counts) = watched.lines().await?;
                (Lines::new(lines, format!("the database {}", watched.database.name)), Some(counts))
            }
        })
    }
}

/// How two live databases are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// As the links allow, by a measurement.
    Measured,
    /// All rows of both are brought here and merged.
    Stream,
    /// The servers digest ranges of keys; only rows of ranges that differ are brought here.
    Digests,
}

/// Rows of the first side, by model, as far as all of them were read.
pub type Rows = BTreeMap<String, u64>;

/// Tells `state` every change from the left to the right that is of what can be compared, in the order of models and ids.
pub async fn compare<T: Send + 'static>(
    left: &Side,
    right: &Side,
    comparable: Comparable,
    way: Way,
    mut state: T,
    tell: fn(&mut T, Change) -> Result<()>,
) -> Result<(T, Rows)> {
    if let (Side::Live(left), Side::Live(right)) = (left, right)
        && left.resolved.sections == right.resolved.sections
        && left.wanted_of_shell().is_empty()
    {
        let digests = match way {
            Way::Measured => narrow::is_slow(left, right).await?,
            Way::Stream => false,
            Way::Digests => true,
        };
        return live_with_live(left, right, comparable, digests, state, tell).await;
    }
    let sections = left.sections();
    let ((mut left, counts), (mut right, _)) = (left.lines().await?, right.lines().await?);
    let state = blocking(move || {
        join(&mut left, &mut right, &Dialect::Json, &mut |difference| {
            hand_on(difference, &comparable, &mut state, tell)
        })?;
        Ok(state)
    })
    .await?;
    let counts =
        counts.map_or_else(|| sections.iter().map(|section| section.rows).collect(), |counts| counts.read());
    Ok((state, sections.into_iter().map(|section| section.model).zip(counts).collect()))
}

/// Two live databases that answer the same queries: their rows are merged as the servers write them.
async fn live_with_live<T: Send + 'static>(
    left: &Watched,
    right: &Watched,
    comparable: Comparable,
    digests: bool,
    mut state: T,
    tell: fn(&mut T, Change) -> Result<()>,
) -> Result<(T, Rows)> {
    let mut rows = Rows::new();
    for section in &left.resolved.sections {
        let one = std::slice::from_ref(section);
        let (l, r) = if digests && section.divides() {
            let ranges = narrow::differing(left, right, section).await?;
            let read = |watched: &Watched| watched.moment.read_ranges(section, &ranges, 1);
            (read(left), read(right))
        } else {
            tokio::try_join!(
                left.moment.read(one, &left.catalog, Form::Copy, 1),
                right.moment.read(one, &right.catalog, Form::Copy, 1),
            )?
        };
        let counts = l.counts();
        let dialect = Dialect::Copy(section.layout());
        let comparable = comparable.clone();
        let (left_name, right_name) = (left.database.name.clone(), right.database.name.clone());
        state = blocking(move || {
            let (mut l, mut r) = (Lines::new(l, left_name), Lines::new(r, right_name));
            join(&mut l, &mut r, &dialect, &mut |difference| {
                hand_on(difference, &comparable, &mut state, tell)
            })?;
            Ok(state)
        })
        .await?;
        if !digests {
            rows.insert(section.model.clone(), counts.read().iter().sum());
        }
    }
    Ok((state, rows))
}

fn hand_on<T>(
    difference: &Difference<'_>,
    comparable: &Comparable,
    state: &mut T,
    tell: fn(&mut T, Change) -> Result<()>,
) -> Result<()> {
    let change = Change::of(difference)?.and_then(|change| comparable.narrow(change));
    change.map_or(Ok(()), |change| tell(state, change))
}
