//! Gives the terminal to another program until it ends.

use std::process::Command;

use crate::error::{Error, Result};

/// Runs the command with this terminal; its exit code becomes odpm's.
pub fn run(mut command: Command) -> Result<u8> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status =
        command.status().map_err(|e| Error::environment(format!("cannot run {name}")).caused_by(&e))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(130))
}
