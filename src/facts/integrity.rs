//! How the rows of a database refer to each other, and what was answered when that was asked.

use std::collections::{BTreeMap, BTreeSet};

use super::{Catalog, Reference, Serial, TableSeen, table_of_model};

/// What a database says of the references in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wiring {
    /// Every table, and every field of every model.
    pub catalog: Catalog,
    /// The references that PostgreSQL knows.
    pub references: Vec<Reference>,
    /// The columns that sequences fill.
    pub serials: Vec<Serial>,
    /// The models of the registry.
    pub models: BTreeSet<String>,
    /// Those of them whose rows are wizards at work and go by themselves.
    pub transient: BTreeSet<String>,
    /// Models whose tables have other names than theirs, with those names.
    pub elsewhere: BTreeMap<String, String>,
    /// The views.
    pub views: BTreeSet<String>,
}

/// Odoo's own models whose tables have other names: the actions, whose tables inherit from one.
const ELSEWHERE: [(&str, &str); 8] = [
    ("ir.actions.actions", "ir_actions"),
    ("ir.actions.act_window_close", "ir_actions"),
    ("ir.actions.act_window", "ir_act_window"),
    ("ir.actions.act_window.view", "ir_act_window_view"),
    ("ir.actions.act_url", "ir_act_url"),
    ("ir.actions.client", "ir_act_client"),
    ("ir.actions.report", "ir_act_report_xml"),
    ("ir.actions.server", "ir_act_server"),
];

impl Wiring {
    /// The table of a model, whatever it is called.
    pub fn table_of(&self, model: &str) -> Option<(String, &TableSeen)> {
        let known = || ELSEWHERE.iter().find(|(named, _)| *named == model).map(|(_, table)| *table);
        let other = || known().or(self.elsewhere.get(model).map(String::as_str));
        self.catalog.table_of(model).or_else(|| {
            let name = other()?;
            self.catalog.tables.get(name).map(|seen| (name.to_owned(), seen))
        })
    }

    /// Why a model has no table.
    pub fn tableless(&self, model: &str) -> &'static str {
        match (self.views.contains(&table_of_model(model)), self.models.contains(model)) {
            (true, _) => "it is a view",
            (false, true) => "it has no table",
            (false, false) => "there is no such model",
        }
    }
}

/// What was answered to a question: a row for which it is not as it should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// How many such rows there are.
    pub rows: u64,
    /// The row: its id, or what tells it apart.
    pub row: Option<String>,
    /// What it refers to, and is not there.
    pub missing: Option<String>,
    /// What else is to be said of it.
    pub beside: Option<String>,
}

/// A file that an attachment names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileNamed {
    /// The attachment.
    pub attachment: i64,
    /// The path in the filestore.
    pub path: String,
    /// The SHA-1 that it should have.
    pub checksum: Option<String>,
    /// What of it is wrong.
    pub wrong: Option<String>,
}
