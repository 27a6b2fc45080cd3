//! The rows that a script touched, before and after.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::types::{ToSql, Type};

use super::Trial;
use super::failure::failed;
use crate::error::{Error, Result};
use crate::postgres::connect::Session;
use crate::postgres::rows::rows_of;
use crate::rows::{Change, Key, Row, Section};

/// How many rows are laid side by side at once.
const BATCH: usize = 5_000;

/// How many changed rows are kept at most: they are kept in memory.
const MOST: usize = 1_000_000;

/// The rows of tables as they were before, where nobody can read them any more once the script has begun.
pub type Kept = BTreeMap<String, BTreeMap<Key, Row>>;

impl Trial {
    /// Keeps the rows of these tables, before the script begins.
    pub async fn keep(&self, sections: &[Section]) -> Result<Kept> {
        if sections.is_empty() {
            return Ok(Kept::new());
        }
        self.as_records().await?;
        let (mut kept, mut rows) = (Kept::new(), 0);
        for section in sections {
            let keys = keys(&self.session, section, "true").await?;
            rows += keys.len();
            few(rows)?;
            let all = kept.entry(section.table.clone()).or_default();
            for batch in keys.chunks(BATCH) {
                all.extend(rows_of(&self.session, section, batch).await?);
            }
        }
        self.as_scripts().await?;
        Ok(kept)
    }

    /// Every row of these tables that is not as it was, in the order of the tables and keys.
    pub async fn changes(&self, sections: &[Section], kept: &Kept) -> Result<Vec<Change>> {
        let mut changes = Vec::new();
        for section in sections {
            for batch in self.suspects(section, kept.get(&section.table)).await?.chunks(BATCH) {
                let mut before = match kept.get(&section.table) {
                    Some(kept) => {
                        batch.iter().filter_map(|key| Some((*key, kept.get(key)?.clone()))).collect()
                    }
                    None => rows_of(&self.witness, section, batch).await?,
                };
                let mut after = rows_of(&self.session, section, batch).await?;
                for id in batch {
                    let (before, after) = (before.remove(id), after.remove(id));
                    if before != after {
                        changes.push(
                            Change { model: section.model.clone(), id: *id, before, after }.essential(),
                        );
                    }
                }
                few(changes.len())?;
            }
        }
        Ok(changes)
    }

    /// The keys of rows that may be other ones: those that are the transaction's own, and those that the witness still sees
    /// though somebody has marked them as gone, locked, or replaced.
    async fn suspects(&self, section: &Section, kept: Option<&BTreeMap<Key, Row>>) -> Result<Vec<Key>> {
        let mut suspects: BTreeSet<Key> =
            keys(&self.session, section, &self.own("t.xmin")).await?.into_iter().collect();
        match kept {
            Some(kept) => suspects.extend(kept.keys()),
            None => suspects.extend(keys(&self.witness, section, "t.xmax::text <> '0'").await?),
        }
        Ok(suspects.into_iter().collect())
    }
}

fn few(rows: usize) -> Result<()> {
    if rows <= MOST {
        return Ok(());
    }
    let error =
        Error::refused(format!("the script touches more than {MOST} rows, too many to be kept for an undo"));
    Err(error.hint("Nothing was changed. Do it in parts, or without an undo: --without-undo"))
}

async fn keys(session: &Session, section: &Section, condition: &str) -> Result<Vec<Key>> {
    let none: [(&(dyn ToSql + Sync), Type); 0] = [];
    let rows = session.query_typed(&section.keys_sql(condition), &none).await;
    let key = |row: &tokio_postgres::Row| match row.len() {
        1 => Key::One(row.get(0)),
        _ => Key::Two(row.get(0), row.get(1)),
    };
    Ok(rows.map_err(failed("read the rows that the script touched"))?.iter().map(key).collect())
}
