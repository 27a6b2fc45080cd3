//! Upgrades: a folder each, with what was to be done, what was before, Odoo's log, the verdict, and how it ended.

use std::fs;
use std::io;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::{cannot, entries};
use crate::base::StateDir;
use crate::error::{Error, Result};
use crate::facts::{Before, DatabaseModules, UpgradeRecord, UpgradeSeen};

/// The upgrades, oldest first.
pub fn upgrades(state: &StateDir) -> Result<Vec<UpgradeSeen>> {
    let mut found = Vec::new();
    for entry in entries(&state.upgrades())? {
        found.extend(upgrade(state, &entry.path())?);
    }
    // Two that began within a second are told apart by when their records were written.
    found.sort_by_key(|seen| {
        let written = fs::metadata(seen.folder.join("upgrade.json")).and_then(|meta| meta.modified()).ok();
        (seen.record.begun.clone(), written)
    });
    Ok(found)
}

/// One upgrade; `None` where the folder holds no record of one.
fn upgrade(state: &StateDir, folder: &Path) -> Result<Option<UpgradeSeen>> {
    let record: Option<UpgradeRecord> = read(&folder.join("upgrade.json"))?;
    let Some(record) = record else { return Ok(None) };
    let diagnosis: Option<serde_json::Value> = understood(&folder.join("diagnosis.json"))?;
    let cause = diagnosis.as_ref().and_then(|seen| seen.pointer("/failure/cause"));
    let journal = super::find_journal(state, &record.run)?;
    Ok(Some(UpgradeSeen {
        stopped: journal.and_then(|journal| Some(format!("{}: {}", journal.stopped_in?, journal.error?))),
        folder: folder.to_owned(),
        record,
        begun: folder.join("state.json").exists(),
        verdict: understood(&folder.join("verdict.json"))?,
        diagnosis: cause.and_then(|cause| cause.as_str()).map(str::to_owned),
        outcome: read(&folder.join("outcome.json"))?,
    }))
}

/// The modules that a database had before an upgrade; `None` where that was killed before it had looked.
pub fn recorded_modules(seen: &UpgradeSeen) -> Result<Option<DatabaseModules>> {
    let path = seen.folder.join("state.json");
    path.exists().then(|| database_before(&path).map(|before| before.modules)).transpose()
}

/// What is on record of a database before an upgrade.
pub fn database_before(path: &Path) -> Result<Before> {
    let missing = || Error::input(format!("{} is not there", path.display()));
    read(path)?.ok_or_else(missing)
}

/// A record without which the upgrade cannot be told.
fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let Some(text) = text(path)? else { return Ok(None) };
    serde_json::from_slice(&text).map(Some).map_err(|e| {
        Error::input(format!("{} cannot be understood", path.display()))
            .caused_by(&e)
            .hint("Look at it; moved away, it is out of the history.")
    })
}

/// A record that only adds to it: one that cannot be understood counts as not there.
fn understood<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    Ok(text(path)?.and_then(|text| serde_json::from_slice(&text).ok()))
}

fn text(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&e.kind()) => Ok(None),
        Err(e) => Err(cannot("read", path, &e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::samples;

    #[test]
    fn a_record_that_was_edited_hides_no_upgrade() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::of(folder.path());
        let record = samples::upgrade();
        let own = state.upgrades().join(record.run.as_str());
        fs::create_dir_all(&own).unwrap();
        fs::write(own.join("upgrade.json"), serde_json::to_vec(&record).unwrap()).unwrap();
        for name in ["verdict.json", "diagnosis.json"] {
            fs::write(own.join(name), "{\"seconds\": ").unwrap();
        }
        let [seen] = upgrades(&state).unwrap().try_into().unwrap();
        assert_eq!((seen.record, seen.verdict, seen.diagnosis), (record, None, None));
        // How it ended says which database there is: nobody guesses that.
        fs::write(own.join("outcome.json"), "{}").unwrap();
        let error = upgrades(&state).unwrap_err().to_string();
        assert!(error.contains("outcome.json cannot be understood"), "{error}");
    }
}
