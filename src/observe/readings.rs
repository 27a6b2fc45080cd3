//! Gathers how much is in the tables of a database, without waiting for anybody.

use std::time::Duration;

use super::{Loaded, source};
use crate::error::{Error, Result};
use crate::facts::Reading;
use crate::postgres::readings;
use crate::postgres::rows::Source;

/// How long all of it may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// The tables of these names that there are in a database.
pub async fn reading(loaded: &Loaded, database: &str, tables: &[String]) -> Result<Reading> {
    reading_of(&source(loaded, database)?, tables).await
}

/// The same, of any database.
pub async fn reading_of(source: &Source, tables: &[String]) -> Result<Reading> {
    let read = async {
        let session = source.connect().await?;
        readings::reading(&session, tables).await
    };
    tokio::time::timeout(DEADLINE, read).await.unwrap_or_else(|_| {
        Err(Error::environment(format!("cannot read how much is in {}", source.database))
            .because(format!("the server does not answer within {} s", DEADLINE.as_secs()))
            .hint("See who is at work: odpm incident sessions"))
    })
}
