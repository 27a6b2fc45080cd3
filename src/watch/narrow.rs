//! Finds where two databases differ without bringing their rows here: digests of ranges of keys, made inside the servers.

use std::collections::BTreeMap;

use super::Watched;
use crate::error::Result;
use crate::postgres::rows::RangeDigest;
use crate::rows::{Range, Section};

/// Into how many parts a range that differs is divided.
const PARTS: i64 = 64;

/// A range with so few rows is brought here rather than divided.
const FEW: u64 = 500;

/// From how many bytes a second on bringing all rows here is quicker than having the servers digest them: measured, a digest
/// costs a server about what a COPY does, and a descent doubles that.
const QUICK: f64 = 10e6;

/// Whether the slower of the two links is too slow to bring all rows over it.
pub async fn is_slow(left: &Watched, right: &Watched) -> Result<bool> {
    let (left, right) = tokio::try_join!(left.moment.throughput(), right.moment.throughput())?;
    Ok(left.min(right) < QUICK)
}

/// The ranges of keys in which the two differ, in order.
pub async fn differing(left: &Watched, right: &Watched, section: &Section) -> Result<Vec<Range>> {
    let bounds = tokio::try_join!(left.moment.bounds(section), right.moment.bounds(section))?;
    let Some((first, last)) = (match bounds {
        (Some(l), Some(r)) => Some((l.0.min(r.0), l.1.max(r.1))),
        (one, two) => one.or(two),
    }) else {
        return Ok(Vec::new());
    };
    let mut found: Vec<Range> = Vec::new();
    // The first is on top, so that what is found stays in order; with each whether it has few rows.
    let mut open = vec![((first, last.saturating_add(1)), false)];
    while let Some((range, few)) = open.pop() {
        if few {
            match found.last_mut() {
                Some(last) if last.1 == range.0 => last.1 = range.1,
                _ => found.push(range),
            }
            continue;
        }
        let width = range.1.saturating_sub(range.0).div_euclid(PARTS).saturating_add(1);
        let (l, r) = tokio::try_join!(
            left.moment.digests(section, range, width),
            right.moment.digests(section, range, width),
        )?;
        for part in (0..PARTS).rev().filter(|part| l.get(part) != r.get(part)) {
            let rows =
                |digests: &BTreeMap<i64, RangeDigest>| digests.get(&part).map_or(0, |digest| digest.rows);
            let from = range.0.saturating_add(part.saturating_mul(width));
            let few = width == 1 || rows(&l).max(rows(&r)) <= FEW;
            open.push(((from, from.saturating_add(width).min(range.1)), few));
        }
    }
    Ok(found)
}
