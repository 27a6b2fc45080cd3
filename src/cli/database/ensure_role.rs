use std::path::Path;

use crate::cli::carry_out::{self, Consent};
use crate::cli::session::Session;
use crate::error::Result;
use crate::observe::Depth;
use crate::report::Ui;
use crate::stack::Request;

/// Create or mend the application role in the running cluster
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  odpm database ensure-role")]
pub struct Args {
    /// Do not ask for a confirmation
    #[arg(short, long)]
    yes: bool,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let session = Session::writing(start, "database ensure-role")?;
    let view = session.observe(Depth::Live).await?;
    let plan = session.plan(&Request::EnsureRole, &view);
    carry_out::begin(&session, &plan, &Consent::of(args.yes), ui).await
}
