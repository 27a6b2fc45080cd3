//! What a migration copies, row for row: a file beside the plan, named in it by its digest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::quote::ident;

/// All that goes from one database to another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// The version of this form: 1.
    pub format_version: u32,
    /// The tables, in the order in which they are copied.
    pub tables: Vec<TableCopy>,
    /// Xml ids that come along with the rows that they name. The ids of their own rows are the target's to give.
    pub xml_ids: Vec<XmlIdCopy>,
    /// Sequences that number documents, which exist beside the rows of `ir_sequence`.
    pub sequences: Vec<SequenceCopy>,
    /// Tables whose `parent_path` is made anew from the ids of parents, because ids of rows were altered on the way.
    pub parent_paths: Vec<ParentPath>,
    /// What has to hold on the target before anything is committed.
    pub checks: Vec<TransferCheck>,
    /// What the target's tables were when this was made: work begins only while they still are.
    pub target: BTreeMap<String, TableState>,
    /// The highest ids of the source's tables then. A row that came later has an id of which nobody knows whose it is on the target.
    #[serde(default)]
    pub source: BTreeMap<String, i64>,
    /// What the source's rows that come referred to then. One that refers to another row since may refer to one of which nobody knows
    /// which the target's is.
    #[serde(default)]
    pub referring: Vec<Referring>,
    /// The sums of the target's next numbers then, of tables of numbering that are written over: see [`Transfer::next_numbers`].
    #[serde(default)]
    pub numbers: BTreeMap<String, String>,
}

impl Transfer {
    /// The question how far the numbering of a table is: one text.
    pub fn next_numbers(table: &str) -> String {
        format!("SELECT coalesce(sum(t.number_next), 0)::text FROM ONLY {} t", ident(table))
    }
}

/// Rows of the source that come, with what they refer to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Referring {
    /// The table.
    pub table: String,
    /// A query on the source: of the rows that come what tells them apart, and all columns that refer to others.
    pub query: String,
    /// How many rows it has yielded.
    pub rows: u64,
    /// The sum of their hashes, which knows no order.
    pub digest: String,
}

impl Referring {
    /// The question what a query yields: how many rows, and their digest; both as text.
    pub fn question(query: &str) -> String {
        format!(
            "SELECT count(*)::text, coalesce(sum(hashtextextended(c::text, 0)), 0)::text FROM ({query}) c"
        )
    }
}

/// A table's rows on their way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableCopy {
    /// The table, on both sides.
    pub table: String,
    /// The columns that are written, in the order in which the queries yield them.
    pub columns: Vec<String>,
    /// The columns that tell rows apart: `id`, or both sides of a many2many.
    pub key: Vec<String>,
    /// A query on the source: rows that the target has none of. They are copied straight into the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fresh: Option<String>,
    /// A query on the source: rows whose key the target may have. They go through a table that is gone with the transaction: those
    /// that are there are made equal, the others added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged: Option<String>,
    /// How many rows the two queries yield together; `None` where that was not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Whether the table's indexes and foreign keys are taken down while it is filled and put back afterwards: it pays where most of
    /// its rows are new.
    pub rebuild: bool,
    /// Columns that refer to tables that are copied later: their foreign keys are taken down while the tables are filled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ahead: Vec<String>,
    /// What rows that are made equal keep of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<OwnKeys>,
}

/// Keys of objects of JSON whose values stay as the target has them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnKeys {
    /// The columns, of `jsonb`.
    pub columns: Vec<String>,
    /// The keys: ids of companies that the source does not have.
    pub keys: Vec<String>,
}

/// An xml id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct XmlIdCopy {
    /// The module that it belongs to: `base`, `__export__`.
    pub module: String,
    /// Its name within it.
    pub name: String,
    /// The model of the row.
    pub model: String,
    /// The row's id on the target.
    pub res_id: i64,
    /// Whether an update of the module leaves the row alone.
    pub noupdate: bool,
}

/// A sequence of PostgreSQL's that numbers documents: `ir_sequence_017`, `ir_sequence_017_003` for a range of dates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequenceCopy {
    /// Its name on the source.
    pub from: String,
    /// Its name on the target; it is made where it is not there.
    pub to: String,
}

/// A table with paths through parents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentPath {
    /// The table.
    pub table: String,
    /// The column with the parent's id.
    pub parent: String,
}

/// Something that has to hold on the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferCheck {
    /// What: `product_template.categ_id -> product_category`.
    pub what: String,
    /// A query that yields no row where it holds, and otherwise rows of how many, which row, what is missing, what else, as the
    /// questions of `migrate::Question` do.
    pub sql: String,
}

/// What can be told quickly of a table's rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableState {
    /// How many there are.
    pub rows: u64,
    /// The highest id; 0 where there is none, and of tables without one.
    pub highest: i64,
}
