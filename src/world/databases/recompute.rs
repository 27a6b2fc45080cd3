//! Stored fields that are computed from rows which were not copied with theirs: computed anew by Odoo itself.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::Deserialize;

use super::Hands;
use crate::base::size::count;
use crate::engine::{python_literal, shell_progress};
use crate::error::{Error, Result};
use crate::state::{self, cannot};
use crate::step::RecomputeFields;

const SCRIPT: &str = include_str!("../../../templates/recompute.py");

/// Where it is written how far it has come: the last id of each field that has been seen to.
const PROGRESS: &str = "recompute.json";

/// What the script says as it goes on.
#[derive(Deserialize)]
struct Reached {
    field: String,
    id: i64,
}

/// What it says at its end.
#[derive(Deserialize)]
struct Answer {
    computed: BTreeMap<String, u64>,
    failed: BTreeMap<String, String>,
}

pub async fn recompute(step: &RecomputeFields, hands: Hands<'_>) -> Result<Vec<String>> {
    if step.tables.is_empty() && step.fields.is_empty() {
        return Ok(Vec::new());
    }
    let path = step.folder.join(PROGRESS);
    let mut reached = read(&path)?;
    let given = [
        ("_TABLES", python_literal(&step.tables)?),
        ("_WHOLE", python_literal(&step.whole)?),
        ("_FIELDS", python_literal(&step.fields)?),
        ("_PROGRESS", python_literal(&reached)?),
    ];
    let mut lost = None;
    let mut tell = |line: &str| {
        let Ok(Reached { field, id }) = serde_json::from_str::<Reached>(line) else { return };
        hands.meter.tell(format!("{field} up to {id}"));
        reached.insert(field, id);
        // The batch is committed: where this cannot be written the next attempt does it again, which is no harm.
        if let Err(error) = write(&path, &reached) {
            lost = Some(error);
        }
    };
    let said = shell_progress(hands.engine, &step.service, &step.database, &given, SCRIPT, &mut tell).await?;
    if let Some(error) = lost {
        return Err(error);
    }
    let answer: Answer = serde_json::from_str(&said)
        .map_err(|e| Error::environment("cannot understand the Odoo shell").caused_by(&e))?;
    if !answer.failed.is_empty() {
        let what = format!("{} could not be computed anew", count(answer.failed.len() as u64, "field"));
        let told = answer.failed.iter().map(|(field, why)| format!("{field}: {why}"));
        let error = told.take(10).fold(Error::environment(what), Error::because);
        return Err(error.hint("What was computed is kept. Mend it and go on: odpm apply --resume; or leave it so: odpm apply --abandon"));
    }
    let rows: u64 = answer.computed.values().sum();
    Ok(match answer.computed.len() as u64 {
        0 => Vec::new(),
        fields => vec![format!("{} in {}", count(rows, "value"), count(fields, "field"))],
    })
}

fn read(path: &Path) -> Result<BTreeMap<String, i64>> {
    match fs::read_to_string(path) {
        // It says only what need not be done again.
        Ok(text) => Ok(serde_json::from_str(&text).unwrap_or_default()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(e) => Err(cannot("read", path, &e)),
    }
}

fn write(path: &Path, reached: &BTreeMap<String, i64>) -> Result<()> {
    let text =
        serde_json::to_string(reached).map_err(|e| Error::internal("cannot write JSON").caused_by(&e))?;
    state::replace(path, text.as_bytes(), 0o600).map_err(|e| cannot("write", path, &e))
}
