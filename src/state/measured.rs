//! What was measured and what was verified: lines and figures that later runs reckon with.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{StateDir, cannot, make_dir, replace_json, replace_lines};
use crate::error::Result;
use crate::facts::{Rate, Verified};

/// How many figures are kept.
const KEPT: usize = 60;

/// How many lines on backups are kept.
const LINES: usize = 1000;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Rates {
    format_version: u32,
    measured: Vec<Rate>,
}

/// What copies and restores took, oldest first. Figures that cannot be understood are none: they are measured anew.
pub fn rates(file: &Path) -> Vec<Rate> {
    let text = fs::read_to_string(file).unwrap_or_default();
    serde_json::from_str::<Rates>(&text).map(|rates| rates.measured).unwrap_or_default()
}

/// Adds a figure.
pub fn keep_rate(file: &Path, rate: Rate) -> Result<()> {
    let mut measured = rates(file);
    measured.push(rate);
    let measured = measured.split_off(measured.len().saturating_sub(KEPT));
    let folder = file.parent().unwrap_or(file);
    make_dir(folder, 0o700).map_err(|e| cannot("make", folder, &e))?;
    replace_json(file, &Rates { format_version: 1, measured }, 0o600)
}

/// The backups that were read whole and found good, in that order.
pub fn verified(state: &StateDir) -> Vec<Verified> {
    let text = fs::read_to_string(state.verified()).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Adds one.
pub fn keep_verified(state: &StateDir, found: Verified) -> Result<()> {
    super::create(state)?;
    let mut all = verified(state);
    all.push(found);
    let kept = all.iter().skip(all.len().saturating_sub(LINES));
    replace_lines(&state.verified(), kept, 0o600)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Measured;

    #[test]
    fn figures_are_kept_up_to_a_number_and_damaged_ones_are_none() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("cache/rates.json");
        let rate = |ms| Rate { what: Measured::Copy, bytes: 1, ms, at: "2026-11-20T21:13:33+00:00".into() };
        for ms in 0..70 {
            keep_rate(&file, rate(ms)).unwrap();
        }
        let kept = rates(&file);
        assert_eq!((kept.len(), kept[0].ms, kept[59].ms), (60, 10, 69));
        fs::write(&file, "{").unwrap();
        assert_eq!(rates(&file), []);
        let later = r#"{"format_version":1,"measured":[{"what":"teleport","bytes":1,"ms":2,"at":""}]}"#;
        fs::write(&file, later).unwrap();
        assert_eq!(rates(&file)[0].what, Measured::Other);
    }
}
