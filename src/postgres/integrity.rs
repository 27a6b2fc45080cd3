//! How the rows of a database refer to each other: what its catalogs say, and many questions answered in few statements.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use futures_util::future::try_join_all;
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;

use super::catalog::{catalog, every_table, models, references, serials};
use super::connect::Session;
use super::probe::words;
use crate::error::{Error, Result};
use crate::facts::{Answer, FileNamed, Wiring};

/// How long a statement waits for a table that somebody else has locked.
const LOCKED: &str = "SET LOCAL lock_timeout = '2s'";

fn failed(e: &tokio_postgres::Error) -> Error {
    Error::environment("cannot ask the database for its references").because(words(e))
}

/// What a database says of its references.
pub async fn wiring(session: &Session) -> Result<Wiring> {
    let models = models(session).await?;
    let mut catalog = catalog(session, &models, &[]).await?;
    catalog.tables = every_table(session).await?;
    let mut wiring = Wiring {
        references: references(session).await?,
        serials: serials(session).await?,
        models: models.into_iter().collect(),
        catalog,
        ..Wiring::default()
    };
    let names = async |question: &str| -> Result<Vec<Row>> {
        session.query_typed(question, &[]).await.map_err(|e| failed(&e))
    };
    let views = "SELECT relname::text FROM pg_class WHERE relkind IN ('v', 'm') AND pg_table_is_visible(oid)";
    wiring.views = names(views).await?.iter().map(|row| row.get(0)).collect();
    if wiring.catalog.has("ir_model", "transient") {
        let transient = "SELECT model::text FROM ir_model WHERE transient";
        wiring.transient = names(transient).await?.iter().map(|row| row.get(0)).collect();
    }
    if wiring.catalog.has("ir_model_constraint", "model") {
        // A constraint that Odoo has made for a field of a model, on a table that is not called as the model is.
        let elsewhere = "SELECT m.model::text, min(c.relname::text) FROM ir_model_constraint k JOIN ir_model m ON m.id = k.model \
             JOIN pg_constraint p ON p.conname = k.name AND p.contype = 'f' AND cardinality(p.conkey) = 1 \
             JOIN pg_class c ON c.oid = p.conrelid AND pg_table_is_visible(c.oid) AND c.relname <> replace(m.model, '.', '_') \
             JOIN pg_attribute a ON a.attrelid = p.conrelid AND a.attnum = p.conkey[1] \
             JOIN ir_model_fields f ON f.model = m.model AND f.name = a.attname AND f.ttype = 'many2one' \
             WHERE p.conname = c.relname || '_' || f.name || '_fkey' GROUP BY 1 HAVING count(DISTINCT c.oid) = 1";
        wiring.elsewhere = names(elsewhere).await?.iter().map(|row| (row.get(0), row.get(1))).collect();
    }
    Ok(wiring)
}

/// A question as it is put.
#[derive(Clone, Copy, Debug)]
pub struct Put<'a> {
    /// Its number.
    pub number: usize,
    /// The tables that it reads.
    pub tables: &'a [String],
    /// Its SQL: how many, which row, what is missing, what else.
    pub sql: &'a str,
}

/// What was answered, by the numbers of the questions, or why nothing was.
pub type Answers = BTreeMap<usize, Result<Vec<Answer>, String>>;

/// Has groups of questions answered, each as one statement, by sessions that are in one snapshot. A question that fails, takes longer
/// than so many seconds or wants a table that somebody has locked spoils no other.
pub async fn answers(sessions: &[&Session], groups: Vec<Vec<Put<'_>>>, seconds: u64) -> Result<Answers> {
    let work =
        Work { groups: RefCell::new(groups.into()), locked: RefCell::default(), answers: RefCell::default() };
    // Many small plans: compiling them would take longer than running them.
    let begin = format!("SET LOCAL jit = off; SET LOCAL statement_timeout = '{seconds}s'; {LOCKED}");
    try_join_all(sessions.iter().map(async |session| {
        session.batch_execute(&begin).await.map_err(|e| failed(&e))?;
        loop {
            let Some(group) = work.groups.borrow_mut().pop_front() else { return Ok(()) };
            work.answer(session, group).await?;
        }
    }))
    .await?;
    Ok(work.answers.into_inner())
}

struct Work<'a> {
    groups: RefCell<VecDeque<Vec<Put<'a>>>>,
    /// Tables that somebody keeps locked.
    locked: RefCell<BTreeSet<String>>,
    answers: RefCell<Answers>,
}

impl<'a> Work<'a> {
    async fn answer(&self, session: &Session, group: Vec<Put<'a>>) -> Result<()> {
        let (waits, group): (Vec<_>, Vec<_>) = group
            .into_iter()
            .map(|put| (self.locked_of(&put), put))
            .partition(|(locked, _)| locked.is_some());
        for (locked, put) in waits {
            let why = format!("{} is locked by another session", locked.unwrap_or_default());
            self.answers.borrow_mut().insert(put.number, Err(why));
        }
        let group: Vec<Put<'_>> = group.into_iter().map(|(_, put)| put).collect();
        if group.is_empty() {
            return Ok(());
        }
        // Taken back in any case: that gives the locks of its tables back, of which a server has not many.
        session.batch_execute("SAVEPOINT questions").await.map_err(|e| failed(&e))?;
        let asked = session.query_typed(&statement(&group), &[]).await;
        session.batch_execute("ROLLBACK TO questions; RELEASE questions").await.map_err(|e| failed(&e))?;
        let e = match asked {
            Ok(rows) => {
                self.keep(&group, &rows);
                return Ok(());
            }
            Err(e) => e,
        };
        if e.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) {
            let more = locked(session).await?;
            self.locked.borrow_mut().extend(more);
            if group.iter().any(|put| self.locked_of(put).is_some()) {
                self.groups.borrow_mut().push_front(group);
                return Ok(());
            }
        }
        match group.as_slice() {
            [one] => {
                let why = match e.code() {
                    Some(&SqlState::QUERY_CANCELED) => {
                        "it took too long: --timeout gives it more time".to_owned()
                    }
                    _ => words(&e),
                };
                self.answers.borrow_mut().insert(one.number, Err(why));
            }
            many => self.groups.borrow_mut().extend(many.iter().map(|put| vec![*put])),
        }
        Ok(())
    }

    fn locked_of(&self, put: &Put<'_>) -> Option<String> {
        let locked = self.locked.borrow();
        put.tables.iter().find(|table| locked.contains(*table)).cloned()
    }

    fn keep(&self, group: &[Put<'_>], rows: &[Row]) {
        let mut answers = self.answers.borrow_mut();
        for put in group {
            answers.insert(put.number, Ok(Vec::new()));
        }
        for row in rows {
            let number = usize::try_from(row.get::<_, i32>(0)).unwrap_or_default();
            let answer = Answer {
                rows: u64::try_from(row.get::<_, i64>(1)).unwrap_or_default(),
                row: row.get(2),
                missing: row.get(3),
                beside: row.get(4),
            };
            if let Some(Ok(kept)) = answers.get_mut(&number) {
                kept.push(answer);
            }
        }
    }
}

/// Several questions as one; each row of the answer begins with its question's number.
fn statement(group: &[Put<'_>]) -> String {
    let parts = group.iter().map(|put| format!("SELECT {}::integer, q.* FROM ({}) q", put.number, put.sql));
    parts.collect::<Vec<_>>().join(" UNION ALL ")
}

/// The tables that nobody else may read now, or soon.
async fn locked(session: &Session) -> Result<Vec<String>> {
    let question = "SELECT c.relname::text FROM pg_locks l LEFT JOIN pg_index i ON i.indexrelid = l.relation \
         JOIN pg_class c ON c.oid = coalesce(i.indrelid, l.relation) \
         WHERE l.mode = 'AccessExclusiveLock' AND l.pid <> pg_backend_pid() \
         AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let rows = session.query_typed(question, &[]).await.map_err(|e| failed(&e))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// The files that attachments name; those of other stores are left out, and counted.
pub async fn files(session: &Session) -> Result<(Vec<FileNamed>, u64)> {
    let here = "SELECT to_regclass('ir_attachment') IS NOT NULL AND EXISTS (SELECT FROM pg_attribute \
         WHERE attrelid = to_regclass('ir_attachment') AND attname = 'store_fname' AND NOT attisdropped)";
    let here = session.query_typed(here, &[]).await.map_err(|e| failed(&e))?;
    if !here.first().is_some_and(|row| row.get(0)) {
        return Ok((Vec::new(), 0));
    }
    let question = "SELECT id::bigint, store_fname::text, checksum::text FROM ir_attachment WHERE store_fname <> '' ORDER BY id";
    let rows = session.query_typed(question, &[]).await.map_err(|e| failed(&e))?;
    let named = rows.iter().map(|row| FileNamed {
        attachment: row.get(0),
        path: row.get(1),
        checksum: row.get(2),
        wrong: None,
    });
    // Other stores of files put an address there: s3://bucket/key.
    let (elsewhere, named): (Vec<_>, Vec<_>) = named.partition(|file| file.path.contains("://"));
    Ok((named, elsewhere.len() as u64))
}
