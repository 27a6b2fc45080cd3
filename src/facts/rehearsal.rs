//! What a script did when it was rehearsed.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What happens to the rows of one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Touched {
    /// Rows that come.
    pub inserted: u64,
    /// Rows that are written.
    pub updated: u64,
    /// Rows that go.
    pub deleted: u64,
    /// Rows that go with a TRUNCATE.
    #[serde(default, skip_serializing_if = "is_none")]
    pub emptied: u64,
}

fn is_none(rows: &u64) -> bool {
    *rows == 0
}

impl Touched {
    /// How many rows that are.
    pub fn rows(&self) -> u64 {
        self.inserted + self.updated + self.deleted + self.emptied
    }
}

impl fmt::Display for Touched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inserted, updated, deleted, emptied } = *self;
        let parts =
            [(inserted, "inserted"), (updated, "updated"), (deleted, "deleted"), (emptied, "emptied")];
        let parts = parts.iter().filter(|(rows, _)| *rows > 0).map(|(rows, what)| format!("{rows} {what}"));
        let parts: Vec<String> = parts.collect();
        f.write_str(if parts.is_empty() { "nothing" } else { "" })?;
        f.write_str(&parts.join(", "))
    }
}

/// A reference between two touched tables, and what it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tie {
    /// The table that refers.
    pub table: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// The table that is referred to.
    pub to: String,
    /// PostgreSQL's letter for what a deletion does: `c` takes the row along, `n` and `d` write it.
    pub on_delete: char,
    /// The same for a write of what is referred to.
    pub on_update: char,
}

impl Tie {
    /// The reference for people.
    pub fn told(&self) -> String {
        let action = |letter| match letter {
            'c' => "CASCADE",
            'n' => "SET NULL",
            'd' => "SET DEFAULT",
            _ => "NO ACTION",
        };
        let (columns, deleted) = (self.columns.join(", "), action(self.on_delete));
        let updated = match self.on_update {
            'c' | 'n' | 'd' => format!(" ON UPDATE {}", action(self.on_update)),
            _ => String::new(),
        };
        format!("{columns} -> {} ON DELETE {deleted}{updated}", self.to)
    }
}

/// What goes in a table that the script does not name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cascade {
    /// The table.
    pub table: String,
    /// Rows that are written.
    pub updated: u64,
    /// Rows that go.
    pub deleted: u64,
    /// The references by which that may be; without any a trigger or a function does it.
    pub by: Vec<String>,
}

/// A trigger on a table that is touched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trigger {
    /// The table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// What it calls.
    pub function: String,
    /// Whether one of its events happened while it is switched on.
    pub runs: bool,
}

/// The strongest lock on a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LockTaken {
    /// The table.
    pub table: String,
    /// The lock, as SQL says it: `ROW EXCLUSIVE`.
    pub mode: String,
    /// What others have to wait with.
    pub blocks: String,
}

/// What a script did before it was rolled back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rehearsal {
    /// 1.
    pub format_version: u32,
    /// The database.
    pub database: String,
    /// How many statements ran.
    pub statements: u64,
    /// How long they took, in milliseconds.
    pub took_ms: u64,
    /// Bytes of the server's log meanwhile, those of others included.
    pub wal_bytes: u64,
    /// Whether it writes anything.
    pub writes: bool,
    /// What happened to rows, by table.
    pub tables: BTreeMap<String, Touched>,
    /// What went by reference in tables that the script does not name.
    pub cascades: Vec<Cascade>,
    /// Triggers on the touched tables.
    pub triggers: Vec<Trigger>,
    /// The strongest lock on each table.
    pub locks: Vec<LockTaken>,
    /// Sequences that were advanced or set: they stay so.
    pub sequences: Vec<String>,
    /// Definitions that it alters: tables, functions.
    pub definitions: Vec<String>,
    /// Touched tables that nobody else could even read: of these the rows before are read first.
    pub exclusive: Vec<String>,
    /// Touched tables whose rows cannot be told apart, and why.
    pub keyless: Vec<String>,
    /// Checks of the project that it breaks.
    pub broken: Vec<String>,
    /// What else there is to be said.
    pub notes: Vec<String>,
}
