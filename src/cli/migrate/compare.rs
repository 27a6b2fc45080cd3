//! Rows of two databases beside each other.

use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use super::carried::{Carried, carried};
use super::sides;
use crate::cli::session::Session;
use crate::error::Result;
use crate::migrate::{Comparison, TableCompared};
use crate::observe;

/// What came of the comparison with where rows came from.
#[derive(Debug, Serialize)]
pub struct Compared {
    /// Where rows came from.
    pub from: String,
    /// The tables of both.
    pub tables: Vec<TableCompared>,
    /// Those of one alone.
    pub only: Vec<String>,
    #[serde(skip)]
    /// How long it took.
    pub seconds: f64,
}

impl Compared {
    /// Whether every row is the same.
    pub fn is_clean(&self) -> bool {
        self.tables.iter().all(|table| table.equal)
    }
}

/// Compares: rows as they were copied, where that is known and no table is named, else rows of the same key.
pub async fn compare(
    (wanted, seconds): (&[String], u64),
    session: &mut Session,
    from: &str,
    to: &observe::Reached,
    start: &Path,
) -> Result<(Option<Compared>, Option<Carried>)> {
    let begun = Instant::now();
    let from = observe::reach(&mut session.loaded, from, start)?;
    let pair = observe::pair(from, to.clone(), seconds).await?;
    sides::differ(&pair)?;
    if wanted.is_empty()
        && let Some(seen) = carried(session, (&pair.from.reached, &pair.from.seen.identity), to).await?
    {
        return Ok((None, Some(seen)));
    }
    let tables = sides::known(wanted, &pair)?;
    let mut comparison = Comparison::new(&pair.from.seen, &pair.to.seen, &tables);
    pair.inquire(&mut |told| comparison.next(told)).await?;
    let only = comparison.only.clone();
    let (from, seconds) = (pair.from.seen.place.clone(), begun.elapsed().as_secs_f64());
    Ok((Some(Compared { from, tables: comparison.found(), only, seconds }), None))
}
