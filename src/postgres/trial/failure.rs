//! How a failing statement is told: with its place in the script.

use tokio_postgres::error::{DbError, ErrorPosition, SqlState};

use crate::error::Error;
use crate::postgres::probe::words;
use crate::script::{Script, Statement};

/// A question of odpm's own that failed.
pub(super) fn failed(what: &str) -> impl Fn(tokio_postgres::Error) -> Error + '_ {
    move |e| told(what, &e)
}

fn told(what: &str, e: &tokio_postgres::Error) -> Error {
    let error = Error::environment(format!("cannot {what}")).because(words(e));
    match e.as_db_error().and_then(DbError::detail) {
        Some(detail) => error.because(detail),
        None => error,
    }
}

/// A statement of the script that failed.
pub(super) fn of(script: &Script, statement: &Statement, e: &tokio_postgres::Error) -> Error {
    let Some(db) = e.as_db_error() else { return told("run the script", e) };
    let within = match db.position() {
        Some(ErrorPosition::Original(at)) => {
            let at = usize::try_from(*at).unwrap_or(1).saturating_sub(1);
            statement.text.char_indices().nth(at).map_or(0, |(at, _)| at)
        }
        _ => 0,
    };
    let message = format!("{} (SQLSTATE {})", db.message(), db.code().code());
    let problem = script.problem(statement.at + within, message);
    let error = Error::input("a statement of the script failed").with_problems(vec![problem]);
    let error = [db.detail(), db.where_()].into_iter().flatten().fold(error, Error::because);
    advised(error, db, statement).hint("All of it was taken back.")
}

fn advised(error: Error, db: &DbError, statement: &Statement) -> Error {
    match db.code() {
        code if *code == SqlState::T_R_SERIALIZATION_FAILURE => {
            error.hint("Somebody wrote the same rows meanwhile. Rehearse it again.")
        }
        code if *code == SqlState::LOCK_NOT_AVAILABLE => error
            .hint("Somebody holds what it needs: odpm incident sessions")
            .hint("Wait longer with: --lock-timeout SECONDS"),
        code if *code == SqlState::QUERY_CANCELED => error.hint("Give it more time with: --timeout SECONDS"),
        code if *code == SqlState::READ_ONLY_SQL_TRANSACTION => {
            error.hint("The database is held read-only on purpose: find out by whom before anything else.")
        }
        code if *code == SqlState::INVALID_TRANSACTION_TERMINATION => {
            error.hint("All of a script is one transaction: call by itself what ends one: odpm psql")
        }
        // What PostgreSQL recommends here would empty everything that refers to the table.
        _ if statement.truncate.is_some() => {
            error.hint("Delete the rows that are meant instead: DELETE FROM ... WHERE ...")
        }
        _ => match db.hint() {
            Some(hint) => error.hint(hint),
            None => error,
        },
    }
}
