//! The history of a database's tables: a line for each reading, `.odpm/watch/DB.jsonl`.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::PathBuf;

use super::{StateDir, cannot, make_dir, replace_lines};
use crate::error::Result;
use crate::facts::Reading;

/// The file of a database. Its name may hold what a file's may not.
fn place(state: &StateDir, database: &str) -> PathBuf {
    let mut name = String::new();
    for byte in database.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => name.push(char::from(byte)),
            other => drop(write!(name, "%{other:02x}")),
        }
    }
    state.watch().join(format!("{name}.jsonl"))
}

/// The readings of a database, oldest first. A line that is none is left out: history is no reason to fail.
pub fn readings(state: &StateDir, database: &str) -> Result<Vec<Reading>> {
    let path = place(state, database);
    match fs::read(&path) {
        Ok(bytes) => {
            let lines = bytes.split(|byte| *byte == b'\n');
            Ok(lines.filter_map(|line| serde_json::from_slice(line).ok()).collect())
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(cannot("read", &path, &e)),
    }
}

/// Replaces the readings of a database.
pub fn keep_readings(state: &StateDir, database: &str, readings: &[Reading]) -> Result<()> {
    super::create(state)?;
    let path = place(state, database);
    let folder = path.parent().unwrap_or(state.path());
    make_dir(folder, 0o700).map_err(|e| cannot("make", folder, &e))?;
    replace_lines(&path, readings.iter(), 0o600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_its_folder() {
        let file = |name| place(&StateDir::of("/p".as_ref()), name).display().to_string();
        assert_eq!(file("shop_1-a"), "/p/.odpm/watch/shop_1-a.jsonl");
        assert_eq!(file("../ä"), "/p/.odpm/watch/%2e%2e%2f%c3%a4.jsonl");
    }
}
