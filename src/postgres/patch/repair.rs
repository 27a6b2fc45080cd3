//! Whole repairs: lost rows come back, altered fields get their values back, rows that came go; all of it, or nothing.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::types::{ToSql, Type};

use super::write::{Table, expect, written};
use super::{failed, has_parts};
use crate::base::quote::ident;
use crate::error::{Error, Result};
use crate::facts::Reference;
use crate::postgres::connect::Session;
use crate::rows::{BOOKS, Cell, Change, Conflict, Key, Row, Value, decide};
use crate::step::RepairTable;

/// How many rows are written at once.
const BATCH: usize = 5_000;

/// How many rows that are not as they were seen are told.
const TOLD: usize = 5;

/// What was done.
#[derive(Debug, Default)]
pub struct Repaired {
    /// What was written: from the rows that were there to those that are there now.
    pub written: Vec<Change>,
    /// How many rows were as they are wanted already.
    pub already: u64,
}

/// What is to be done in one table.
struct Work<'a> {
    table: Table<'a>,
    late: &'a [String],
    wanted: BTreeMap<Key, Option<Row>>,
    inserts: Vec<(Key, Row)>,
    updates: Vec<(Key, Vec<Cell>)>,
    /// What is to go, and what has gone.
    deletes: Vec<(Key, Row)>,
    deleted: Vec<(Key, Row)>,
}

/// Takes the changes back in the transaction at hand: the tables in their order, so that what is referred to comes first.
/// A row that is neither as it was seen nor as it is wanted fails all of it. With `stamp`, what is written is so at this
/// moment, as Odoo's `write_date` says it.
pub async fn repair(
    session: &Session,
    tables: &[RepairTable],
    changes: &[Change],
    references: &[Reference],
    stamp: bool,
) -> Result<Repaired> {
    let mut done = Repaired::default();
    let (mut all, mut moved) = (Vec::new(), Vec::new());
    for wanted in tables {
        let of_it = changes.iter().filter(|change| change.model == wanted.section.model).collect();
        let mut work = Work {
            table: Table::of(session, &wanted.section, stamp).await?,
            late: &wanted.late,
            wanted: BTreeMap::new(),
            inserts: Vec::new(),
            updates: Vec::new(),
            deletes: Vec::new(),
            deleted: Vec::new(),
        };
        work.look(of_it, &mut done, &mut moved).await?;
        all.push(work);
    }
    if !moved.is_empty() {
        return Err(not_as_seen(&moved));
    }
    // What nobody refers to goes first: what comes back may need its unique values.
    for work in all.iter_mut().rev() {
        work.delete_unreferred(session, references).await?;
    }
    for work in &mut all {
        work.insert().await?;
    }
    for work in &all {
        work.update().await?;
    }
    for work in all.iter_mut().rev() {
        work.delete(session, references).await?;
    }
    for work in &all {
        work.check().await?;
    }
    for work in all {
        work.told(&mut done.written);
    }
    Ok(done)
}

impl Work<'_> {
    /// Locks the rows, reads them, and decides.
    async fn look(
        &mut self,
        changes: Vec<&Change>,
        done: &mut Repaired,
        moved: &mut Vec<Conflict>,
    ) -> Result<()> {
        for batch in changes.chunks(BATCH) {
            let keys: Vec<Key> = batch.iter().map(|change| change.id).collect();
            let mut now = self.table.lock(&keys).await?;
            for change in batch {
                let decision =
                    decide(change, now.get(&change.id), &|name| has_parts(self.table.section, name));
                let books = |conflict: &Conflict| BOOKS.contains(&conflict.field.as_str());
                moved.extend(decision.conflicts.into_iter().filter(|conflict| !books(conflict)));
                let current = now.remove(&change.id);
                if decision.insert {
                    let row = change.before.clone().unwrap_or_default();
                    self.wanted.insert(change.id, Some(row.clone()));
                    self.inserts.push((change.id, row));
                } else if decision.delete {
                    self.wanted.insert(change.id, None);
                    self.deletes.push((change.id, current.unwrap_or_default()));
                } else if !decision.cells.is_empty() {
                    self.wanted.insert(change.id, current);
                    self.updates.push((change.id, decision.cells));
                } else if decision.already > 0 {
                    done.already += 1;
                }
            }
        }
        expect(&mut self.wanted, &self.updates);
        Ok(())
    }

    /// Columns that refer to rows that are not there yet are filled in behind.
    async fn insert(&mut self) -> Result<()> {
        let mut behind: Vec<(Key, Vec<Cell>)> = Vec::new();
        let mut rows = self.inserts.clone();
        for (key, row) in &mut rows {
            let mut cells = Vec::new();
            for column in self.late {
                let Some(value) = row.get_mut(column).filter(|value| !value.is_null()) else { continue };
                let value = std::mem::replace(value, Value::null());
                cells.push(Cell { field: column.clone(), seen: Value::null(), value });
            }
            if !cells.is_empty() {
                behind.push((*key, cells));
            }
        }
        for batch in rows.chunks(BATCH) {
            self.table.insert(batch).await?;
        }
        // They come before the others: what was there already may refer to them.
        self.updates.splice(0..0, behind);
        Ok(())
    }

    async fn update(&self) -> Result<()> {
        for batch in self.updates.chunks(BATCH) {
            self.table.update(batch).await?;
        }
        Ok(())
    }

    /// Deletes those rows that nobody refers to.
    async fn delete_unreferred(&mut self, session: &Session, references: &[Reference]) -> Result<()> {
        let referred: BTreeSet<i64> =
            self.referred(session, references).await?.into_iter().flat_map(|(_, ids)| ids).collect();
        let free =
            |key: &Key| self.table.section.keys.len() > 1 || !key.parts().any(|id| referred.contains(&id));
        let (free, left): (Vec<_>, Vec<_>) = self.deletes.drain(..).partition(|(key, _)| free(key));
        self.deletes = left;
        let keys: Vec<Key> = free.iter().map(|(key, _)| *key).collect();
        for batch in keys.chunks(BATCH) {
            self.table.delete(batch).await?;
        }
        self.deleted.extend(free);
        Ok(())
    }

    /// A row that others refer to takes them with it, or leaves them with nothing: not here.
    async fn delete(&mut self, session: &Session, references: &[Reference]) -> Result<()> {
        let table = self.table.section.table.clone();
        if let Some((reference, ids)) = self.referred(session, references).await?.first() {
            let Reference { table: other, column, .. } = reference;
            let error = Error::refused(format!("rows of {table} that came with the damage are referred to"));
            return Err(error
                .because(format!("rows of {other} name {} of them in {column}", ids.len()))
                .hint("Nothing was changed. Leave these rows out, or decide about the others first."));
        }
        self.delete_unreferred(session, references).await
    }

    /// By which references others refer to rows that are to go, and which rows those are.
    async fn referred<'r>(
        &self,
        session: &Session,
        references: &'r [Reference],
    ) -> Result<Vec<(&'r Reference, Vec<i64>)>> {
        let table = &self.table.section.table;
        let ids: Vec<i64> = self.deletes.iter().filter_map(|(key, _)| key.parts().next()).collect();
        let own = self.table.section.keys.len() == 1 && !ids.is_empty();
        let mut found = Vec::new();
        for reference in references.iter().filter(|reference| own && reference.to == *table) {
            let itself = if reference.table == *table { " AND NOT id = ANY ($1)" } else { "" };
            let column = ident(&reference.column);
            let question = format!(
                "SELECT DISTINCT {column}::bigint FROM ONLY {} WHERE {column} = ANY ($1){itself}",
                ident(&reference.table)
            );
            let rows =
                session.query_typed(&question, &[(&ids as &(dyn ToSql + Sync), Type::INT8_ARRAY)]).await;
            let rows = rows.map_err(|e| failed(&format!("look who refers to {table}"), &e))?;
            if !rows.is_empty() {
                found.push((reference, rows.iter().map(|row| row.get(0)).collect()));
            }
        }
        Ok(found)
    }

    async fn check(&self) -> Result<()> {
        let wanted: Vec<_> = self.wanted.iter().collect();
        for batch in wanted.chunks(BATCH) {
            let batch = batch.iter().map(|(key, row)| (**key, (*row).clone())).collect();
            self.table.check(&batch).await?;
        }
        Ok(())
    }

    fn told(self, out: &mut Vec<Change>) {
        let section = self.table.section;
        let inserted: BTreeSet<Key> = self.inserts.iter().map(|(key, _)| *key).collect();
        let whole = |id, before, after| Change { model: section.model.clone(), id, before, after };
        let updates = self.updates.into_iter().filter(|(key, _)| !inserted.contains(key));
        out.extend(updates.map(|(key, cells)| written(section, key, cells)));
        out.extend(self.inserts.into_iter().map(|(key, row)| whole(key, None, Some(row))));
        out.extend(self.deleted.into_iter().map(|(key, row)| whole(key, Some(row), None)));
    }
}

fn not_as_seen(moved: &[Conflict]) -> Error {
    let error = Error::refused(format!("{} rows or fields are not as the plan saw them", moved.len()));
    let told = moved.iter().take(TOLD).map(|conflict| {
        let Conflict { model, id, field, .. } = conflict;
        match field == crate::rows::ROW {
            true => format!("{model} {id} as a whole"),
            false => format!("{model} {id} {field}"),
        }
    });
    told.fold(error, Error::because)
        .hint("Somebody has written them since. Nothing was changed: make the plan again.")
}
