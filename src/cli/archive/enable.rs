use std::path::Path;

use super::{Intent, described, work};
use crate::archive;
use crate::error::Result;
use crate::observe::Depth;
use crate::report::Ui;
use crate::stack;

/// Bring the server to what `archive` in odpm.yaml describes, prove that it archives, and take a first base backup
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  odpm archive enable\n  odpm archive enable --plan")]
pub struct Args {
    #[command(flatten)]
    intent: Intent,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let session = args.intent.session(start, "archive enable")?;
    described(&session)?;
    let view = session.observe(Depth::Live).await?;
    let request = stack::Request::Up { skip_start: false, accepted: Vec::new(), set_aside: false };
    let stack = session.plan(&request, &view);
    if !stack.is_empty() || !stack.blocked.is_empty() {
        let code = args.intent.carry_out(&session, &stack, true, ui).await?;
        if code != 0 || args.intent.reads_only() {
            return Ok(code);
        }
    }
    work(archive::Request::BaseBackup { full: false }, &session, &args.intent, ui).await
}
