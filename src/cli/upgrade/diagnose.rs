use std::path::PathBuf;

use crate::engine;
use crate::error::Result;
use crate::report::{self, Format, Ui};

/// Find the first real failure in the log of an Odoo server, 14 to 19, and what usually fixes it
///
/// Exits with 3 where something failed, with 0 where nothing did. Needs no project and no database.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odpm upgrade diagnose /var/log/odoo/odoo-server.log
  odpm upgrade diagnose odoo.log.1.gz --format json
  odpm upgrade diagnose -                               what comes in through stdin:
  docker logs shop-odoo-1 2>&1 | odpm upgrade diagnose -
  journalctl -u odoo --since '30 min ago' | odpm upgrade diagnose -

What Docker, Compose, journald and terminals put before a line or around it is passed over, lines of other services as well. Errors
that the server survived are told beside the failure, and what only follows from it as such. Secrets are masked.")]
pub struct Args {
    /// The log; `-` is stdin
    #[arg(value_name = "LOG")]
    log: PathBuf,
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

pub fn run(args: &Args, ui: Ui) -> Result<u8> {
    let seen = engine::diagnose(&args.log)?;
    ui.answer(&match args.format {
        Format::Text => report::diagnosis(&seen),
        Format::Json => report::json(&seen)?,
    });
    Ok(if seen.failure.is_some() { 3 } else { 0 })
}
