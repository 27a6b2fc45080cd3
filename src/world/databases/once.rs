//! Odoo once, on a database that is there, with all that it says in a file.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use tokio::process::{Child, Command};

use super::{Hands, cannot, session};
use crate::error::{Error, Result};
use crate::postgres::databases;
use crate::state;
use crate::step::Operator;

/// Fails where there is no database of this name: Odoo would make one.
pub async fn exists(operator: &Operator, hands: &Hands<'_>, database: &str) -> Result<()> {
    let home = session(operator, hands, "postgres").await?;
    match databases::exists(&home, database).await? {
        true => Ok(()),
        false => Err(Error::refused(format!("there is no database {database}"))),
    }
}

/// The arguments with which Odoo installs and updates modules, and ends.
pub fn work_on_modules(database: &str, install: &[String], update: &[String]) -> Vec<String> {
    let mut args = vec!["-d".to_owned(), database.to_owned()];
    for (flag, modules) in [("-i", install), ("-u", update)] {
        if !modules.is_empty() {
            args.extend([flag.to_owned(), modules.join(",")]);
        }
    }
    args.extend(["--stop-after-init", "--no-http", "--max-cron-threads=0", "--workers=0"].map(str::to_owned));
    args
}

/// Starts it; it does not outlive what waits for it. Statements that fail are in its log with their values, so nobody else reads it.
pub fn start(command: std::process::Command, log: &Path) -> Result<Child> {
    if let Some(folder) = log.parent() {
        state::make_dir(folder, 0o755).map_err(|e| cannot("make", folder, &e))?;
    }
    let unwritable = |e: std::io::Error| cannot("write", log, &e);
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(log);
    let file: fs::File = file.map_err(unwritable)?;
    let both = file.try_clone().map_err(unwritable)?;
    let child = Command::from(command).stdout(file).stderr(both).kill_on_drop(true).spawn();
    child.map_err(|e| Error::environment("cannot start Odoo").caused_by(&e))
}
