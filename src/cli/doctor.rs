use std::path::Path;

use super::session::Session;
use crate::error::Result;
use crate::observe::{self, Depth};
use crate::report::{self, Format, Ui};
use crate::stack::Further;

/// Check this machine, and audit roles, logins, logging, archive and drills; each finding with its remedy
///
/// Exits with 1 where the machine lacks what an apply needs, with 3 where something else waits for a person, with 0
/// otherwise, advice or not.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  odpm doctor\n  odpm doctor --format json")]
pub struct Args {
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let session = Session::reading(start)?;
    let view = session.observe(Depth::Live).await?;
    let tools = session.engine.tools(&session.loaded.project).await;
    let writable = observe::writable(&session.loaded.project.root);
    let archive = observe::archive(&session.loaded).await?;
    let audit = observe::audit(&session.loaded).await?;
    let further = Further { tools: &tools, writable: &writable, archive: &archive, audit: &audit };
    let found = session.doctor(&further, &view);
    ui.answer(&match args.format {
        Format::Text => report::doctor(&found),
        Format::Json => report::json(
            &serde_json::json!({ "format_version": 1, "checks": found.checks, "findings": found.findings }),
        )?,
    });
    Ok(match (found.unfit(), found.waits()) {
        (true, _) => 1,
        (false, true) => 3,
        (false, false) => 0,
    })
}
