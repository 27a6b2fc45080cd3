//! What a person wants of a migration, and how the planner asks both databases what it has to know.

use std::collections::BTreeMap;

use serde::Serialize;

/// What is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Sets, shipped or the project's own.
    pub sets: Vec<String>,
    /// Further tables.
    pub tables: Vec<String>,
    /// Tables of sets that are left out.
    pub without: Vec<String>,
    /// Tables that are never copied, and are to be all the same.
    pub force: Vec<String>,
    /// What to do with references that would dangle, by `table.column`, or by the table that they lead to.
    pub references: BTreeMap<String, Dangling>,
    /// What to do with rows that both sides have, by table.
    pub shared: BTreeMap<String, Shared>,
    /// What to do with an id that is another row's on the target.
    pub conflicts: Conflicts,
    /// Whether orders, pickings and invoices come, too.
    pub with_transactions: bool,
    /// Whether rows come over several connections, into a copy of the target that takes its place.
    pub staged: bool,
}

/// What becomes of a reference to a row that does not come along and that the target has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Dangling {
    /// The plan stops.
    #[default]
    Stop,
    /// The table is copied, too.
    Add,
    /// It becomes a reference to the target's row with the same xml id, or the same natural key.
    Map,
    /// It becomes nothing.
    Null,
}

/// What becomes of a row that both sides have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Shared {
    /// The target's becomes what the source's is; its id stays.
    #[default]
    Take,
    /// The target's stays as it is.
    Keep,
    /// No row of the table is copied: references to it lead to the target's.
    Map,
}

/// What becomes of a row whose id is another row's on the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Conflicts {
    /// The plan stops and lists them.
    #[default]
    Stop,
    /// It takes the other one's place; where that one stays as it is, it gets a new id.
    Take,
    /// It stays behind, and so do references to it.
    Keep,
    /// It gets a new id, and references to it follow.
    Renumber,
}

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Where rows come from.
    From,
    /// Where they go.
    To,
}

/// A question to one of the two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Whom.
    pub end: End,
    /// The SQL; each of its columns is text.
    pub sql: String,
}

/// The rows of an answer.
pub type Told = Vec<Vec<Option<String>>>;
