use std::collections::BTreeSet;

use crate::error::{Error, Result};
use crate::observe::keys_where_any;
use crate::rows::Key;
use crate::watch::Watched;

/// Which rows of which tables are meant.
#[derive(Debug, clap::Args)]
pub struct Filter {
    /// A table, several times for several; every one unless given
    #[arg(long = "table", value_name = "TABLE")]
    pub tables: Vec<String>,
    /// Only these rows of the one table, by their ids: 7,12,100-250
    #[arg(long = "rows", value_name = "IDS", value_delimiter = ',')]
    ids: Vec<String>,
    /// Only rows of the one table for which this holds, before the damage, after it or now: "state = 'cancel'"
    #[arg(long = "where", value_name = "CONDITION", conflicts_with = "ids")]
    condition: Option<String>,
}

impl Filter {
    /// Refuses names of tables and columns that no side has.
    pub fn known(&self, sides: &[&Watched], columns: &[String]) -> Result<()> {
        for table in &self.tables {
            if !sides.iter().any(|side| side.catalog.tables.contains_key(table)) {
                return Err(Error::refused(format!("there is no table {table} in the database")));
            }
        }
        let has = |column: &String| {
            sides
                .iter()
                .flat_map(|side| &side.resolved.sections)
                .any(|section| section.field(column).is_some())
        };
        match columns.iter().find(|column| !has(column)) {
            Some(column) => Err(Error::refused(format!("none of the tables has a column {column}"))),
            None => Ok(()),
        }
    }

    /// The rows that are meant; all when `None`.
    pub async fn rows(&self, sides: &[&Watched]) -> Result<Option<BTreeSet<Key>>> {
        if self.ids.is_empty() && self.condition.is_none() {
            return Ok(None);
        }
        let [table] = self.tables.as_slice() else {
            return Err(Error::usage("rows are named of one table").hint("Name it: --table sale_order"));
        };
        if let Some(condition) = &self.condition {
            return keys_where_any(sides, table, condition).await.map(Some);
        }
        let mut keys = BTreeSet::new();
        for text in &self.ids {
            let range = range(text).ok_or_else(|| {
                Error::usage(format!("`{text}` are no ids")).hint("Write them as: --rows 7,12,100-250")
            })?;
            keys.extend(range.map(Key::One));
        }
        Ok(Some(keys))
    }
}

/// `7`, or `100-250`; no more than a million.
fn range(text: &str) -> Option<std::ops::RangeInclusive<i64>> {
    let (first, last) = text.trim().split_once('-').unwrap_or((text.trim(), text.trim()));
    let (first, last): (i64, i64) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last && last - first < 1_000_000).then_some(first..=last)
}
