use std::path::Path;

use super::Intent;
use crate::error::Result;
use crate::observe::Depth;
use crate::report::Ui;
use crate::snapshot_file;
use crate::watchdog::Request;

/// Remove the snapshots beyond `watchdog.keep`, and what interrupted ones have left
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  odpm watchdog prune --plan")]
pub struct Args {
    #[command(flatten)]
    intent: Intent,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let session = args.intent.session(start, "watchdog prune")?;
    // A saved plan is compared with all that there is, so it is made on no less.
    let view = session.observe(Depth::Live).await?;
    let folder = session.loaded.state.snapshots();
    let snapshots = snapshot_file::list(&folder)?;
    let leftovers = snapshot_file::leftovers(&folder)?;
    let plan = session.watchdog_plan(&Request::Prune { snapshots: &snapshots, leftovers: &leftovers }, &view);
    args.intent.carry_out(&session, &plan, true, ui).await
}
