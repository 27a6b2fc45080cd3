//! A transaction that is about to be committed, by its number: a later attempt asks the server what became of it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::postgres::Session;
use crate::postgres::trial::{Fate, fate, number};
use crate::state::{self, cannot};

#[derive(Debug, Serialize, Deserialize)]
struct Attempt {
    /// Its number.
    transaction: String,
}

/// Writes the number of the transaction at hand down, before it is committed; nothing where it has written nothing.
pub async fn about_to_commit(session: &Session, path: &Path) -> Result<bool> {
    let Some(transaction) = number(session).await? else { return Ok(false) };
    state::replace_json(path, &Attempt { transaction }, 0o600)?;
    Ok(true)
}

/// How an attempt that could not say so any more has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended<T> {
    /// It was committed, and has done this.
    Committed(T),
    /// It came to nothing.
    Undone,
    /// The server has forgotten its transaction.
    Forgotten,
}

/// Whether an earlier attempt was committed, though it could not say so any more.
pub async fn was_committed(session: &Session, path: &Path) -> Result<bool> {
    match ended(session, path).await? {
        Ended::Committed(_) => Ok(true),
        Ended::Undone => Ok(false),
        Ended::Forgotten => Err(Error::refused("it cannot be told any more whether it was committed")
            .because("the server has forgotten its transaction")
            .because(format!("its number is in {}", path.display()))
            .hint("Look at the rows themselves; then give the run up: odpm apply --abandon")),
    }
}

/// How the earlier attempt has ended whose transaction was written down there.
pub async fn ended(session: &Session, path: &Path) -> Result<Ended<()>> {
    if !path.exists() {
        return Ok(Ended::Undone);
    }
    let text = std::fs::read(path).map_err(|e| cannot("read", path, &e))?;
    let wrong = |e| Error::input(format!("{} cannot be understood", path.display())).caused_by(&e);
    let attempt: Attempt = serde_json::from_slice(&text).map_err(wrong)?;
    Ok(match fate(session, &attempt.transaction).await? {
        Fate::Committed => Ended::Committed(()),
        Fate::Undone => Ended::Undone,
        Fate::Forgotten => Ended::Forgotten,
    })
}
