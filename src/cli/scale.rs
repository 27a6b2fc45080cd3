use std::path::Path;

use super::carry_out;
use super::session::Session;
use crate::error::Result;
use crate::observe::Depth;
use crate::report::Ui;
use crate::stack::Request;

/// Run more or fewer of a service on purpose, until that is taken back
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  odpm scale --service odoo-cron --replicas 0\n  odpm scale --service odoo-cron --reset"
)]
pub struct Args {
    /// The service: odoo, odoo-cron or odoo-worker
    #[arg(long)]
    service: String,
    /// How many of it
    #[arg(long, required_unless_present = "reset", conflicts_with = "reset")]
    replicas: Option<u16>,
    /// As many as odpm.yaml says
    #[arg(long)]
    reset: bool,
    /// Do not ask for a confirmation
    #[arg(short, long)]
    yes: bool,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let session = Session::writing(start, "scale")?;
    let view = session.observe(Depth::Live).await?;
    let request = Request::Scale { service: args.service.clone(), replicas: args.replicas };
    carry_out::begin(&session, &session.plan(&request, &view), &carry_out::Consent::of(args.yes), ui).await
}
