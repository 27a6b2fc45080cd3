use std::path::Path;

use super::choice::Choice;
use super::earlier::Earlier;
use super::work::{Work, plan_of};
use crate::cli::session::Session;
use crate::error::Result;
use crate::project::CheckpointKind;
use crate::report::{self, Format, Ui};
use crate::upgrade::Request;

/// Show what an upgrade of modules would do, and everything that stands in its way
///
/// Changes nothing. Exits with 3 where something stands in the way, with 0 otherwise.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odpm upgrade plan -u sale_rent,sale_rent_extra
  odpm upgrade plan -d staging -u all
  odpm upgrade plan --changed                       the modules whose version or files differ
  odpm upgrade plan -u sale_rent -i sale_rent_pos --format json

What depends on a module is updated with it, and what it needs is installed, as Odoo does both. Manifests are read as the values they
are: nothing of a module is run. Files are compared with those of the last upgrade by odpm; the database remembers their digests.")]
pub struct Args {
    #[command(flatten)]
    choice: Choice,
    /// What there is to go back to; whichever there is room for unless given
    #[arg(long, value_enum, value_name = "KIND")]
    checkpoint: Option<CheckpointKind>,
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let session = Session::reading(start)?;
    let work = Work::begin(&session, &args.choice, args.checkpoint, None).await?;
    let found = &work.preflight;
    let earlier = Earlier::default();
    let attempt = work.attempt(&earlier);
    let plan = plan_of(&session, Request::Run(&attempt), &work.view, &work.databases, &work.checks);
    ui.answer(&match args.format {
        Format::Text => {
            let steps = if plan.blocked.is_empty() { report::plan(&plan) } else { String::new() };
            format!(
                "{}\n{}\n{steps}",
                report::checks(&work.checks),
                report::moved(&found.seen.database, &found.resolved)
            )
        }
        Format::Json => report::json(&serde_json::json!({
            "format_version": 1,
            "database": found.seen.database,
            "update": found.wanted.update,
            "install": found.wanted.install,
            "changes": found.changes,
            "checks": work.checks,
            "modules": found.resolved.modules,
            "releases": found.seen.releases,
            "plan": plan,
            "hashes": found.seen.hashes,
        }))?,
    });
    // What the checks say is said; what else stands in the way is not.
    match plan.blocked.iter().find(|block| block.code != "preflight") {
        Some(block) => Err(report::refused(block)),
        None => Ok(if plan.blocked.is_empty() { 0 } else { 3 }),
    }
}
