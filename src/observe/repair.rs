//! What of the damage can be taken back: the rows before it, after it, and as they are now.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Result};
use crate::incident::{Gathered, Wanted, dangling, referred};
use crate::postgres::rows::{keys_where, missing, rows_of};
use crate::rows::{Change, Key};
use crate::watch::{self, Side, Watched, Way};

/// How many rows are looked at as they are now at once.
const BATCH: usize = 5_000;

/// How many changes are gathered at most: they are kept in memory.
const MOST: usize = 1_000_000;

/// The sides of a repair.
pub struct Sides {
    /// The database before the damage.
    pub before: Watched,
    /// The database right after it; where there is none, as it is now.
    pub after: Option<Watched>,
    /// The database as it is now.
    pub now: Watched,
}

/// The keys of rows for which the condition holds on any side.
pub async fn keys_where_any(sides: &[&Watched], table: &str, condition: &str) -> Result<BTreeSet<Key>> {
    let mut keys = BTreeSet::new();
    for side in sides {
        let Some(section) = side.resolved.sections.iter().find(|section| section.table == table) else {
            continue;
        };
        keys.extend(keys_where(side.moment.session(), section, condition).await?);
    }
    Ok(keys)
}

/// What was found.
pub struct Found {
    /// What is to be done.
    pub gathered: Gathered,
    /// The database as it is now.
    pub now: Watched,
    /// Tables and columns that one side has and the other has not, and what else is not compared.
    pub notes: Vec<String>,
}

impl Sides {
    /// All of them.
    pub fn all(&self) -> Vec<&Watched> {
        [Some(&self.before), self.after.as_ref(), Some(&self.now)].into_iter().flatten().collect()
    }

    /// What of the damage is to be taken back. `common`: tables and columns that only one side has are passed over.
    pub async fn gather(self, wanted: &Wanted, common: bool) -> Result<Found> {
        let Self { before, after, now } = self;
        let (damaged, now) = match after {
            Some(after) => (after, Some(now)),
            None => (now, None),
        };
        let (left, right) = (Side::Live(Box::new(before)), Side::Live(Box::new(damaged)));
        let comparable = left.comparable(&right);
        let mut notes = comparable.notes.clone();
        if !comparable.apart.is_empty() && !common {
            let named = comparable.apart.iter().take(8).map(|apart| apart.what.clone());
            let error = Error::refused("the tables changed between the two moments");
            return Err(error
                .because(format!("only one side has {}", named.collect::<Vec<_>>().join(", ")))
                .hint("Repair what both have: --common-columns; or name tables that are the same: --table"));
        }
        notes.extend(comparable.apart.iter().map(|apart| format!("{} is on one side only.", apart.what)));
        let state = (Vec::new(), wanted.clone());
        let ((changes, _), _) =
            watch::compare(&left, &right, comparable, Way::Measured, state, |(changes, wanted), change| {
                let Some(change) = wanted.narrow(change) else { return Ok(()) };
                if changes.len() >= MOST {
                    let error = Error::refused(format!("more than {MOST} rows differ"));
                    return Err(error.hint("Repair them table by table: --table, --where"));
                }
                changes.push(change);
                Ok(())
            })
            .await?;
        let now = match (now, right) {
            (Some(now), _) => now,
            (None, Side::Live(now)) => *now,
            (None, Side::File(_)) => return Err(Error::internal("the primary is not live")),
        };
        let mut gathered = Gathered::default();
        let mut of_table: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
        for change in &changes {
            of_table.entry(&change.model).or_default().push(change);
        }
        for (table, changes) in of_table {
            let Some(section) = now.resolved.sections.iter().find(|section| section.table == table) else {
                notes.push(format!("{table} is gone from the primary: nothing of it is put back."));
                continue;
            };
            for batch in changes.chunks(BATCH) {
                let keys: Vec<Key> = batch.iter().map(|change| change.id).collect();
                let rows = rows_of(now.moment.session(), section, &keys).await?;
                batch.iter().for_each(|change| gathered.see(change, rows.get(&change.id), section, wanted));
            }
        }
        let links = now.links().await?;
        let mut gone = BTreeMap::new();
        for (table, ids) in referred(&gathered.changes, &links) {
            let ids: Vec<i64> = ids.into_iter().collect();
            let missing = missing(now.moment.session(), &table, &ids).await?;
            gone.insert(table, missing.into_iter().collect());
        }
        let dangling = dangling(&gathered.changes, &links, gone);
        gathered.leave_dangling(dangling);
        notes.extend(
            now.resolved.skipped.iter().map(|left| format!("{} is left out: {}.", left.model, left.why)),
        );
        Ok(Found { gathered, now, notes })
    }
}
