//! The modules of a database, as its own tables know them.

use std::collections::BTreeMap;

use super::connect::Session;
use super::databases::has_table;
use super::probe::words;
use crate::base::Digest;
use crate::error::{Error, Result};
use crate::facts::{DatabaseModules, MODULE_HASHES, ModuleInDatabase};

fn failed(e: &tokio_postgres::Error) -> Error {
    Error::environment("cannot look at the modules").because(words(e))
}

/// The modules of the session's database; `None` where there is no Odoo in it.
pub async fn modules(session: &Session) -> Result<Option<DatabaseModules>> {
    if !has_table(session, "ir_module_module").await.map_err(|e| failed(&e))? {
        return Ok(None);
    }
    // The column `imported` comes with a module of its own.
    let question = "SELECT name, state, latest_version, coalesce((to_jsonb(m) ->> 'imported')::boolean, false) \
         FROM ir_module_module m WHERE name IS NOT NULL";
    let rows = session.query(question, &[]).await.map_err(|e| failed(&e))?;
    let module = |row: &tokio_postgres::Row| {
        let state: Option<String> = row.get(1);
        let module = ModuleInDatabase {
            state: state.unwrap_or_default(),
            version: row.get(2),
            imported: row.get(3),
            depends: Vec::new(),
        };
        (row.get::<_, String>(0), module)
    };
    let mut modules: BTreeMap<String, ModuleInDatabase> = rows.iter().map(module).collect();
    if has_table(session, "ir_module_module_dependency").await.map_err(|e| failed(&e))? {
        let question = "SELECT m.name, d.name FROM ir_module_module_dependency d \
             JOIN ir_module_module m ON m.id = d.module_id WHERE d.name IS NOT NULL ORDER BY d.id";
        for row in session.query(question, &[]).await.map_err(|e| failed(&e))? {
            if let Some(module) = modules.get_mut(row.get::<_, &str>(0)) {
                module.depends.push(row.get(1));
            }
        }
    }
    Ok(Some(DatabaseModules { modules, hashes: hashes(session).await? }))
}

/// The digests of the modules' files as of their last upgrade; `None` where none that can be read were recorded.
async fn hashes(session: &Session) -> Result<Option<BTreeMap<String, Digest>>> {
    if !has_table(session, "ir_config_parameter").await.map_err(|e| failed(&e))? {
        return Ok(None);
    }
    let question = "SELECT value FROM ir_config_parameter WHERE key = $1";
    let row = session.query_opt(question, &[&MODULE_HASHES]).await.map_err(|e| failed(&e))?;
    let text: Option<String> = row.and_then(|row| row.get(0));
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}
