//! Sessions in the server.

use jiff::Timestamp;
use serde::Serialize;

/// A session of somebody's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionSeen {
    /// Its process.
    pub pid: i32,
    /// The role that logged in.
    pub role: String,
    /// The database that it is in.
    pub database: String,
    /// What calls itself so.
    pub application: String,
    /// Where it comes from; empty on this machine's own socket.
    pub address: String,
    /// When it began: a process's number may be another one's later.
    pub began: Timestamp,
    /// Since when it is in the state that it is in.
    pub since: Option<Timestamp>,
    /// Since when its transaction goes on.
    pub transaction: Option<Timestamp>,
    /// `active`, `idle in transaction`.
    pub state: String,
    /// What it waits for: `Lock: transactionid`.
    pub waits: Option<String>,
    /// Who keeps it waiting.
    pub blocked_by: Vec<i32>,
    /// Its statement, in one line.
    pub query: String,
}
