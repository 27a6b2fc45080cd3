//! `incident`: the tables whose rows and writes are watched for what is not usual.

use schemars::JsonSchema;
use serde::Deserialize;

use super::rules::Rules;

/// What damage shows by.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IncidentFile {
    /// The tables that `incident watch` reads: sale_order, or sale.order; those that matter to most shops unless given.
    pub watch: Option<Vec<String>>,
}

/// `incident`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Incident {
    /// The tables that `incident watch` reads; `None` for the usual ones.
    pub watch: Option<Vec<String>>,
}

/// The part of the project; what is wrong goes into `rules`.
pub fn build(file: Option<IncidentFile>, rules: &mut Rules<'_>) -> Incident {
    let watch = file.and_then(|file| file.watch).map(|names| {
        if names.is_empty() {
            rules.no_tables();
        }
        for (at, name) in names.iter().enumerate() {
            let letter = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
            if name.is_empty() || !name.chars().all(letter) {
                rules.no_table(at, name);
            }
        }
        // A table by the name of its model is meant too.
        let mut names: Vec<String> = names.iter().map(|name| name.replace('.', "_")).collect();
        names.sort();
        names.dedup();
        names
    });
    Incident { watch }
}
