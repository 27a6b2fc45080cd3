//! What comes of the inquiry: which rows come as what, what stands in the way, and what is copied then.

use serde::Serialize;

use super::pin::Difference;
use super::request::{Conflicts, Dangling, Shared};
use super::selection::LeftOut;
use super::transactions::OpenWork;
use crate::facts::Transfer;
use crate::plan::Block;

/// All that was decided.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// What stands in the way; where there is none of it, `transfer` can be carried out.
    pub blocks: Vec<Block>,
    /// What is to be told, and stops nothing.
    pub warnings: Vec<String>,
    /// What is not the same on both sides.
    pub differences: Vec<Difference>,
    /// What becomes of each table's rows.
    pub tables: Vec<TableDecided>,
    /// Ids that are another row's on the target.
    pub conflicts: Vec<Conflict>,
    /// Xml ids that name different rows.
    pub xml_conflicts: Vec<XmlConflict>,
    /// References to rows that do not come and that the target has not.
    pub dangling: Vec<Dangles>,
    /// References that lead to a row of another id on the target.
    pub mapped: Vec<Mapped>,
    /// Rows that may not be beside each other.
    pub clashes: Vec<Clash>,
    /// Tables that stay behind.
    pub left_out: Vec<LeftOut>,
    /// What the source has at work.
    pub open: Vec<OpenWork>,
    /// Business rows that the target has.
    pub holds: Vec<Held>,
    /// The files of attachments that come: paths within a filestore.
    pub files: Vec<String>,
    /// What is copied.
    pub transfer: Transfer,
}

impl Decision {
    /// How many rows are copied, at most.
    pub fn coming(&self) -> u64 {
        let of = |name: &str| self.tables.iter().find(|table| table.table == name).map(|table| table.rows);
        self.transfer.tables.iter().map(|copy| copy.rows.or_else(|| of(&copy.table)).unwrap_or(0)).sum()
    }
}

/// What becomes of a table's rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableDecided {
    /// The table.
    pub table: String,
    /// Rows of the source that would come.
    pub rows: u64,
    /// Rows that both have.
    pub both: u64,
    /// What becomes of those.
    pub shared: Shared,
    /// How many of those stay as the target has them, whatever becomes of the others.
    pub kept: u64,
    /// Rows that get another id.
    pub renumbered: u64,
    /// Rows that stay behind because their id is another row's.
    pub behind: u64,
    /// Whether it was counted how many of them both have; otherwise `both` and `stay` say nothing.
    pub counted: bool,
    /// Rows that only the target has, and that stay.
    pub stay: u64,
}

/// A row whose id is another row's on the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// The table.
    pub table: String,
    /// The id.
    pub id: i64,
    /// The source's row: its natural key.
    pub from: Option<String>,
    /// The target's.
    pub to: Option<String>,
    /// What becomes of the source's row.
    pub choice: Conflicts,
}

/// An xml id that names different rows, or one row that has two of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct XmlConflict {
    /// The xml id.
    pub name: String,
    /// What is wrong.
    pub why: String,
}

/// References to rows that do not come and that the target has not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dangles {
    /// The column: `res_partner.country_id`.
    pub at: String,
    /// The table that it leads to.
    pub to: String,
    /// How many rows refer so.
    pub rows: u64,
    /// How many rows are missing.
    pub missing: u64,
    /// The first of them.
    pub first: Vec<i64>,
    /// How many of them the source has not either.
    pub broken: u64,
    /// Whether the column may not be empty.
    pub required: bool,
    /// What becomes of them.
    pub choice: Dangling,
    /// Flags with which they would lead somewhere or become nothing, each a way of its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ways: Vec<String>,
}

impl Dangles {
    /// The table that refers to them.
    pub fn table(&self) -> &str {
        self.at.split_once('.').map_or(&self.at, |(table, _)| table)
    }
}

impl std::fmt::Display for Dangles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rows = if self.rows == 1 { "row" } else { "rows" };
        write!(f, "{} -> {}: {} {rows}", self.at, self.to, self.rows)
    }
}

/// References that lead to a row of another id on the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mapped {
    /// The table.
    pub table: String,
    /// The ids: the source's, the target's.
    pub ids: Vec<(i64, i64)>,
}

/// A row that comes and a row of the target, which may not both be there as they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Clash {
    /// The table.
    pub table: String,
    /// The unique index.
    pub index: String,
    /// The source's row.
    pub from: i64,
    /// The target's.
    pub to: i64,
    /// The source's row that the target's becomes; then that one gives up what both have, but maybe too late. Without it, it stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub becomes: Option<i64>,
    /// What both have.
    pub value: String,
}

/// Business rows of the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The table.
    pub table: String,
    /// How many.
    pub rows: u64,
}
