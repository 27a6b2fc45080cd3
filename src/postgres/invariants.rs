//! What has to hold in a database: queries that return the rows that break it.

use std::collections::BTreeMap;

use tokio_postgres::SimpleQueryMessage;

use super::connect::Session;
use super::probe::words;
use crate::error::{Error, Result};

/// An invariant that rows break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Its name.
    pub name: String,
    /// How many rows break it.
    pub rows: u64,
    /// The first of them, its columns as text.
    pub first: String,
}

/// Asks one of them, in the transaction at hand: a query that fails, or takes longer than so many seconds, spoils no other. The outer
/// error is that the database cannot be asked at all.
pub async fn ask(session: &Session, name: &str, query: &str, seconds: u32) -> Result<Result<Option<Broken>>> {
    let failed = |e: tokio_postgres::Error| Error::environment("cannot ask the database").caused_by(&e);
    let begin = format!("SAVEPOINT gate; SET LOCAL statement_timeout = '{seconds}s'");
    session.batch_execute(&begin).await.map_err(failed)?;
    let asked = broken(session, &BTreeMap::from([(name.to_owned(), query.to_owned())])).await;
    session.batch_execute("ROLLBACK TO gate").await.map_err(failed)?;
    Ok(asked.map(|found| found.into_iter().next()))
}

/// Which of the invariants are broken, in the transaction at hand.
pub async fn broken(session: &Session, checks: &BTreeMap<String, String>) -> Result<Vec<Broken>> {
    let mut found = Vec::new();
    for (name, query) in checks {
        let failed = |e: tokio_postgres::Error| {
            Error::input(format!("the check {name} cannot be asked"))
                .because(words(&e))
                .hint("Mend its query under checks in odpm.yaml: it returns the rows that break it.")
        };
        let mut broken = Broken { name: name.clone(), rows: 0, first: String::new() };
        for message in session.simple_query(query).await.map_err(failed)? {
            let SimpleQueryMessage::Row(row) = message else { continue };
            if broken.rows == 0 {
                let texts = (0..row.len()).map(|at| row.get(at).unwrap_or("NULL").to_owned());
                broken.first = texts.collect::<Vec<_>>().join(", ");
            }
            broken.rows += 1;
        }
        if broken.rows > 0 {
            found.push(broken);
        }
    }
    Ok(found)
}
