//! `last_run.json` and its companion.

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;

use super::{StateDir, make_dir, replace};
use crate::base::Digest;
use crate::error::{Error, Result};
use crate::facts::{Baseline, BaselineSeen, Companion};

/// Reads the baseline and what stands beside it. What cannot be understood is a fact, not a failure;
/// a file that may not be read is a failure.
pub fn read(state: &StateDir) -> Result<BaselineSeen> {
    let Some(text) = read_optional(&state.baseline())? else { return Ok(BaselineSeen::Absent) };
    let seen = decode(&text);
    let BaselineSeen::Present(baseline, _) = seen else { return Ok(seen) };
    // odpm 4 replaces the baseline alone: a companion of another baseline speaks of another moment.
    let companion = read_optional(&state.companion())?
        .and_then(|text| serde_json::from_str::<Companion>(&text).ok())
        .filter(|companion| companion.baseline.as_ref() == Some(&Digest::of(&text)))
        .unwrap_or_default();
    Ok(BaselineSeen::Present(baseline, Box::new(companion)))
}

fn decode(text: &str) -> BaselineSeen {
    let value: serde_json::Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(e) => return BaselineSeen::Corrupt(format!("it is not JSON: {e}")),
    };
    match value.get("schema_version").and_then(serde_json::Value::as_u64) {
        Some(1) => {}
        Some(later) if later > 1 => return BaselineSeen::Future(later),
        _ => return BaselineSeen::Corrupt("it has no `schema_version` 1".to_owned()),
    }
    match serde_json::from_value::<Baseline>(value) {
        Ok(baseline) if baseline.engine != "postgres" => BaselineSeen::Corrupt(format!(
            "its `engine` is `{}`, and only `postgres` is known",
            baseline.engine
        )),
        Ok(baseline) => BaselineSeen::Present(Box::new(baseline), Box::default()),
        Err(e) => BaselineSeen::Corrupt(e.to_string()),
    }
}

fn read_optional(path: &Path) -> Result<Option<String>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(super::cannot("read", path, &e)),
    }
}

/// The text of `last_run.json`: keys sorted, two spaces, a newline at the end, as odpm 4 writes it.
fn encode<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_value(value)
        .and_then(|value| serde_json::to_string_pretty(&value))
        .map(|text| text + "\n")
        .map_err(|e| Error::internal("cannot write JSON").caused_by(&e))
}

/// Replaces the companion and then the baseline. A crash between the two leaves the old baseline
/// without a companion, which is how odpm 4 leaves it.
pub fn write(state: &StateDir, baseline: &Baseline, companion: &Companion) -> Result<()> {
    let text = encode(baseline)?;
    let companion = encode(&Companion { baseline: Some(Digest::of(&text)), ..companion.clone() })?;
    let put = || -> io::Result<()> {
        if let Some(folder) = state.baseline().parent() {
            make_dir(folder, 0o755)?;
        }
        replace(&state.companion(), companion.as_bytes(), 0o644)?;
        replace(&state.baseline(), text.as_bytes(), 0o644)
    };
    put().map_err(|e| super::cannot("record the baseline in", &state.baseline(), &e))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record exactly as odpm 4.7.0 writes it.
    const PREDECESSOR: &str = r#"{
  "cluster": {
    "app_role": "odoo",
    "app_role_present": true,
    "data_dir_nonempty": false
  },
  "compose": {
    "data_path_abs": "/srv/shop/data/postgresql/var/lib/postgresql/data",
    "host_port": 15432,
    "image_tag": "16",
    "odoo_service_name": "odoo",
    "service_name": "db"
  },
  "engine": "postgres",
  "odoo_conf": {
    "db_host": "db",
    "db_port": 5432,
    "db_user": "odoo"
  },
  "odpm_scenario": "server",
  "recorded_at": "2026-11-20T21:13:33+00:00",
  "schema_version": 1
}
"#;

    #[test]
    fn the_predecessors_file_goes_through_unchanged() {
        let BaselineSeen::Present(baseline, _) = decode(PREDECESSOR) else { panic!("not read") };
        assert_eq!(encode(&*baseline).unwrap(), PREDECESSOR);
    }

    #[test]
    fn what_cannot_be_understood_is_told_apart() {
        let mut baseline: serde_json::Value = serde_json::from_str(PREDECESSOR).unwrap();
        for (text, want) in [
            ("", "corrupt"),
            ("{", "corrupt"),
            ("[]", "corrupt"),
            (r#"{"schema_version": "1"}"#, "corrupt"),
            (r#"{"schema_version": 1}"#, "corrupt"),
            (r#"{"schema_version": 2, "whatever": []}"#, "future"),
        ] {
            let got = match decode(text) {
                BaselineSeen::Corrupt(_) => "corrupt",
                BaselineSeen::Future(2) => "future",
                _ => "read",
            };
            assert_eq!(got, want, "{text}");
        }
        baseline["engine"] = "oracle".into();
        assert!(matches!(decode(&baseline.to_string()), BaselineSeen::Corrupt(_)));
    }

    #[test]
    fn a_companion_speaks_only_of_its_own_baseline() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::of(dir.path());
        let BaselineSeen::Present(mut baseline, _) = decode(PREDECESSOR) else { panic!("not read") };
        let companion = Companion { engine: Some("local".into()), ..Companion::default() };
        write(&state, &baseline, &companion).unwrap();
        assert_eq!(read(&state).unwrap().companion().unwrap().engine.as_deref(), Some("local"));
        baseline.compose.host_port = 1;
        fs::write(state.baseline(), encode(&*baseline).unwrap()).unwrap();
        assert_eq!(read(&state).unwrap().companion().unwrap().engine, None);
    }
}
