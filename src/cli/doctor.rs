use std::path::Path;

use super::session::Session;
use crate::error::Result;
use crate::observe::{self, Depth};
use crate::report::{self, Format, Ui};
use crate::stack::Further;

/// Check this machine: engine, Compose, programs, disk, ports, permissions, archive; each with its remedy
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  odpm doctor")]
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
    let checks = session.doctor(&Further { tools: &tools, writable: &writable, archive: &archive }, &view);
    ui.answer(&match args.format {
        Format::Text => report::doctor(&checks),
        Format::Json => report::json(&serde_json::json!({ "format_version": 1, "checks": checks }))?,
    });
    Ok(u8::from(checks.iter().any(|check| check.good == Some(false))))
}
