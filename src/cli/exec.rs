use std::path::Path;

use super::foreground;
use super::session::Session;
use crate::engine::Visit;
use crate::error::Result;
use crate::report::Ui;

/// Run a command where a service runs
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  odpm exec db -- pg_controldata")]
pub struct Args {
    /// The service: db, odoo, odoo-cron or odoo-worker
    service: String,
    /// The command
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let session = Session::reading(start)?;
    let (service, words, tty) = (args.service.as_str(), args.command.as_slice(), ui.can_ask());
    let visit = Visit { project: &session.loaded.project, service, words, env: &[], tty };
    let command = session.engine.command_in(&visit).await?;
    foreground::run(command)
}
