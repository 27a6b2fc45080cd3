//! Puts altered fields back through the Odoo shell: what is computed from them follows.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Hands;
use super::fields::read;
use crate::engine::{python_literal, shell_output};
use crate::error::{Error, Result};
use crate::postgres::patch::Patched;
use crate::rows::{Change, Conflict, Key, Row, Value};
use crate::step::{RestoreFields, ServiceSpec};

const SCRIPT: &str = include_str!("../../../templates/restore_fields.py");

/// What the script says.
#[derive(Deserialize)]
struct Answer {
    written: Vec<Cell>,
    already: Vec<(String, Key)>,
    conflicts: Vec<Conflict>,
    refused: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct Cell {
    #[serde(rename = "_model")]
    model: String,
    id: Key,
    field: String,
    part: Option<String>,
    seen: Value,
    value: Value,
}

pub async fn restore(step: &RestoreFields, shell: &ServiceSpec, hands: &Hands<'_>) -> Result<Patched> {
    let changes: Vec<Change> = read(&step.changes)?.collect::<Result<_>>()?;
    let mut parts: BTreeMap<&str, BTreeMap<&str, crate::rows::Origin>> = BTreeMap::new();
    for section in &step.sections {
        for field in section.fields.iter().filter(|field| field.origin.has_parts()) {
            parts.entry(&section.model).or_default().insert(&field.name, field.origin);
        }
    }
    let given = [("_CHANGES", python_literal(&changes)?), ("_PARTS", python_literal(&parts)?)];
    let said = shell_output(hands.engine, shell, &step.database, &given, SCRIPT).await?;
    let answer: Answer = serde_json::from_str(&said)
        .map_err(|e| Error::environment("cannot understand the Odoo shell").caused_by(&e))?;
    if !answer.refused.is_empty() {
        let names: Vec<String> = answer.refused.keys().cloned().collect();
        return Err(Error::refused(format!("Odoo lets nobody write {}", names.join(", ")))
            .because("they are computed from other fields")
            .hint("Name the fields to put back: --only MODEL.FIELD"));
    }
    Ok(Patched { written: rows(answer.written), already: answer.already, conflicts: answer.conflicts })
}

/// Cells of a row as one change; of values by company or language, those that were written.
fn rows(cells: Vec<Cell>) -> Vec<Change> {
    let mut found: BTreeMap<(String, Key), (Row, Row)> = BTreeMap::new();
    type Parts = BTreeMap<String, Value>;
    let mut parts: BTreeMap<(String, Key, String), (Parts, Parts)> = BTreeMap::new();
    for cell in cells {
        match cell.part {
            None => {
                let (before, after) = found.entry((cell.model, cell.id)).or_default();
                before.insert(cell.field.clone(), cell.seen);
                after.insert(cell.field, cell.value);
            }
            Some(part) => {
                let (before, after) = parts.entry((cell.model, cell.id, cell.field)).or_default();
                before.insert(part.clone(), cell.seen);
                after.insert(part, cell.value);
            }
        }
    }
    for ((model, id, field), (seen, value)) in parts {
        let (before, after) = found.entry((model, id)).or_default();
        before.insert(field.clone(), Value::object(&seen));
        after.insert(field, Value::object(&value));
    }
    found
        .into_iter()
        .map(|((model, id), (before, after))| Change { model, id, before: Some(before), after: Some(after) })
        .collect()
}
