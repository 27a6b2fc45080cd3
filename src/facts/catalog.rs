//! What a database has to be watched: its models with their fields, its tables with their columns.

use std::collections::{BTreeMap, BTreeSet};

/// A database as its own registry and PostgreSQL's catalog describe it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    /// The installed modules, with the versions that are installed.
    pub modules: BTreeMap<String, String>,
    /// The fields of the models that were asked for; a model that is not installed has none.
    pub fields: BTreeMap<String, BTreeMap<String, FieldSeen>>,
    /// Tables, by name: those of the models, and those that derivations want.
    pub tables: BTreeMap<String, TableSeen>,
}

/// A field, as `ir_model_fields` describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSeen {
    /// Its row.
    pub id: i64,
    /// Its type: `many2one`, `float`.
    pub ttype: String,
    /// Whether it is stored.
    pub stored: bool,
    /// Whether each company has a value of its own.
    pub company_dependent: bool,
    /// Whether each language has one.
    pub translated: bool,
    /// The model that it refers to.
    pub relation: Option<String>,
    /// The path that it follows: `product_tmpl_id.list_price`.
    pub related: Option<String>,
    /// Of a many2many: the table between the two models.
    pub between: Option<Between>,
}

/// The table of a many2many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Between {
    /// Its name.
    pub table: String,
    /// The column with ids of the field's own model.
    pub own: String,
    /// The column with ids of the model that it refers to.
    pub other: String,
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableSeen {
    /// Its columns with their types, as `format_type` writes them.
    pub columns: BTreeMap<String, String>,
    /// The columns of its primary key.
    pub key: Vec<String>,
    /// Columns that PostgreSQL computes itself; nobody can write them.
    pub generated: BTreeSet<String>,
    /// How many rows PostgreSQL believes it has; `None` where it has not looked yet.
    pub rows: Option<u64>,
}

/// The name of a model's table, as Odoo gives it unless the model says otherwise.
pub fn table_of_model(model: &str) -> String {
    model.replace('.', "_")
}

impl Catalog {
    /// The table of a model.
    pub fn table_of(&self, model: &str) -> Option<(String, &TableSeen)> {
        let name = table_of_model(model);
        self.tables.get(&name).map(|table| (name, table))
    }

    /// Whether a table has a column.
    pub fn has(&self, table: &str, column: &str) -> bool {
        self.tables.get(table).is_some_and(|table| table.columns.contains_key(column))
    }
}

/// A reference from one table to another, of which PostgreSQL knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The table that refers.
    pub table: String,
    /// Its column.
    pub column: String,
    /// The table that is referred to.
    pub to: String,
    /// Whether a row goes with the one that it refers to.
    pub cascades: bool,
    /// Whether the column may refer to nothing.
    pub nullable: bool,
    /// Whether PostgreSQL keeps it for every row: all were looked at, and nobody has turned its triggers off.
    pub kept: bool,
}

/// A column that a sequence fills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serial {
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// The sequence.
    pub sequence: String,
}
