//! Values that only Odoo can compute, asked of its shell.

use std::collections::{BTreeMap, HashMap};

use super::Watched;
use crate::engine::{Engine, python_literal, shell_output};
use crate::error::{Error, Result};
use crate::rows::{Further, Origin, Row};
use crate::step::ServiceSpec;

const SCRIPT: &str = include_str!("../../templates/read_fields.py");

impl Watched {
    /// The fields that only the shell can tell, by model.
    pub fn wanted_of_shell(&self) -> BTreeMap<String, Vec<String>> {
        let mut wanted: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for section in &self.resolved.sections {
            for field in section.fields.iter().filter(|field| field.origin == Origin::Shell) {
                wanted.entry(section.model.clone()).or_default().push(field.name.clone());
            }
        }
        wanted
    }

    /// Asks the shell for them. It looks a moment later than the queries do.
    pub async fn ask_shell(&mut self, engine: &dyn Engine, shell: &ServiceSpec) -> Result<()> {
        let given = [("_WANTED", python_literal(&self.wanted_of_shell())?)];
        let said = shell_output(engine, shell, &self.database.name, &given, SCRIPT).await?;
        let answer: BTreeMap<String, Vec<(i64, Row)>> = serde_json::from_str(&said)
            .map_err(|e| Error::environment("cannot understand the Odoo shell").caused_by(&e))?;
        let rows = |rows: Vec<(i64, Row)>| rows.into_iter().collect::<HashMap<_, _>>();
        self.further = answer.into_iter().map(|(model, found)| (model, rows(found))).collect::<Further>();
        Ok(())
    }
}
