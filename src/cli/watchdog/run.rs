use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::{Choice, Comparison};
use crate::cli::session::Session;
use crate::error::{Error, Result};
use crate::report::{self, Ui};
use crate::watchdog::Findings;

/// Run a command between two snapshots, and stop where something unexpected changed
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  odpm watchdog run fix-42 --settle 35m -- ./deploy.sh

Exit codes: 3 where something is unexpected, 1 where the command fails.")]
pub struct Args {
    /// What for; the snapshots are LABEL-before, LABEL-after, and LABEL-settled after a wait
    label: String,
    /// How long to wait for a third snapshot: 90s, 35m, 2h. Scheduled actions surface changes later
    #[arg(long, value_name = "TIME", value_parser = crate::cli::length)]
    settle: Option<u64>,
    /// Compress the snapshots with zstd
    #[arg(long)]
    compress: bool,
    #[command(flatten)]
    choice: Choice,
    /// The command
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<String>,
}

impl Args {
    fn label_of(&self, what: &str) -> String {
        format!("{}-{what}", self.label)
    }

    /// Takes another snapshot, and tells what differs from the one before the command.
    async fn compare(&self, session: &Session, what: &str, ui: Ui) -> Result<Findings> {
        let names = ["before", what].map(|what| self.label_of(what));
        let taken = self.choice.take(session, &names[1], self.compress).await?;
        ui.say(&report::snapshot_in_brief(&taken));
        let comparison = Comparison::of(session, &self.choice, &names).await?;
        let found = comparison.findings(session, &self.choice, None).await?;
        ui.answer(&report::findings(&found));
        Ok(found)
    }
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let session = Session::reading(start)?;
    let taken = args.choice.take(&session, &args.label_of("before"), args.compress).await?;
    ui.say(&report::snapshot_in_brief(&taken));
    let (name, words) = args.command.split_first().ok_or_else(|| Error::usage("no command is given"))?;
    let status = Command::new(name).args(words).status();
    let status = status.map_err(|e| Error::environment(format!("cannot run {name}")).caused_by(&e))?;
    let found = args.compare(&session, "after", ui).await?;
    if !status.success() {
        let error = Error::environment(format!("{name} failed ({status})"));
        return Err(error.because(format!("meanwhile changed: {}", found.in_brief())));
    }
    let settle = args.settle.unwrap_or(session.loaded.project.watchdog.settle);
    // What is wrong already need not be waited for.
    if settle == 0 || found.gates() {
        return verdict(&found);
    }
    ui.say(&format!("Waiting {settle} s for what comes later."));
    tokio::time::sleep(Duration::from_secs(settle)).await;
    verdict(&args.compare(&session, "settled", ui).await?)
}

fn verdict(found: &Findings) -> Result<u8> {
    if found.gates() { Err(report::unexpected(found)) } else { Ok(0) }
}
