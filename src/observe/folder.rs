//! Whether a folder can be written to.

use std::path::Path;

use rustix::fs::{Access, access};

use crate::facts::Known;

/// Whether this process may make files in the folder; asked of the kernel, nothing is written.
pub fn writable(folder: &Path) -> Known<()> {
    match access(folder, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Known::Known(()),
        Err(e) => Known::Unknown(e.to_string()),
    }
}
