//! Gives the terminal to another program until it ends.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::error::{Error, Result};

/// Becomes the command: this terminal, its signals and the exit code are the program's own. Were odpm to wait beside
/// it, Ctrl-C would end odpm and leave the program to fight with the shell for the terminal.
pub fn run(mut command: Command) -> Result<u8> {
    let name = command.get_program().to_string_lossy().into_owned();
    Err(Error::environment(format!("cannot run {name}")).caused_by(&command.exec()))
}
