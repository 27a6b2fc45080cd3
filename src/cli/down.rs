use std::path::Path;

use super::carry_out;
use super::session::Session;
use crate::error::Result;
use crate::observe::Depth;
use crate::report::Ui;
use crate::stack::Request;

/// Stop the stack, keep the data
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  odpm down")]
pub struct Args {
    /// Do not ask for a confirmation
    #[arg(short, long)]
    yes: bool,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let session = Session::writing(start, "down")?;
    let view = session.observe(Depth::Live).await?;
    let plan = session.plan(&Request::Down, &view);
    carry_out::begin(&session, &plan, &carry_out::Consent::of(args.yes), ui).await
}
