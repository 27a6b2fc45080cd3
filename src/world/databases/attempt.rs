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

/// Whether an earlier attempt was committed, though it could not say so any more.
pub async fn was_committed(session: &Session, path: &Path) -> Result<bool> {
    if !path.exists() {
        return Ok(false);
    }
    let text = std::fs::read(path).map_err(|e| cannot("read", path, &e))?;
    let wrong = |e| Error::input(format!("{} cannot be understood", path.display())).caused_by(&e);
    let attempt: Attempt = serde_json::from_slice(&text).map_err(wrong)?;
    Ok(fate(session, &attempt.transaction).await? == Fate::Committed)
}
