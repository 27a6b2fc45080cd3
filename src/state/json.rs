//! Values in files, as JSON: one that is replaced whole, or one a line.

use std::path::Path;

use serde::Serialize;

use super::{cannot, replace};
use crate::error::{Error, Result};

fn unwritable(e: serde_json::Error) -> Error {
    Error::internal("cannot write JSON").caused_by(&e)
}

/// Replaces a file by a value, on several lines.
pub fn replace_json<T: Serialize>(path: &Path, value: &T, mode: u32) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(value).map_err(unwritable)?;
    text.push(b'\n');
    replace(path, &text, mode).map_err(|e| cannot("write", path, &e))
}

/// Replaces a file by values, one a line.
pub fn replace_lines<T: Serialize>(path: &Path, values: impl Iterator<Item = T>, mode: u32) -> Result<()> {
    let mut text = Vec::new();
    for value in values {
        serde_json::to_writer(&mut text, &value).map_err(unwritable)?;
        text.push(b'\n');
    }
    replace(path, &text, mode).map_err(|e| cannot("write", path, &e))
}
