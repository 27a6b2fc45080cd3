use std::path::{Path, PathBuf};

use super::choice::Choice;
use super::work::Work;
use crate::cli::apply;
use crate::cli::intent::Intent;
use crate::error::Result;
use crate::report::{self, MigrationTold, Ui};

/// Copy rows, with their files and xml ids, from one database to another: all of it, or nothing
///
/// The target's Odoo is stopped meanwhile, and the target is backed up first. Nothing of the target is deleted. Without --staged all
/// rows come in one transaction; with it a copy is filled that takes the target's place.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odpm migrate apply --from staging --set e-commerce
  odpm migrate apply --from ../staging --set contacts --shared res_users=keep --conflicts renumber --yes
  odpm migrate apply --from staging --set e-commerce --staged --jobs 4
  odpm migrate apply --from staging --table product_template --plan
  odpm migrate apply m.plan --yes --confirm=shop

A saved plan holds no password: PGPASSWORD or ~/.pgpass has to have those of URLs again.")]
pub struct Args {
    /// A plan that was saved; refused when anything of the project has changed since
    #[arg(value_name = "FILE", conflicts_with_all = ["from", "to", "sets", "tables", "without", "force", "references", "shared", "with_transactions", "staged", "no_checkpoint"])]
    file: Option<PathBuf>,
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    intent: Intent,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let mut session = args.intent.session(start, "migrate apply")?;
    if let Some(file) = &args.file {
        let plan = apply::saved(file, &session).await?;
        return args.intent.carry_out(&session, &plan, plan.named, ui).await;
    }
    let work = Work::begin(&args.choice, &mut session, start).await?;
    let told = MigrationTold { from: &work.pair.from.seen, to: &work.pair.to.seen, decision: &work.decision };
    ui.answer(&report::migration(&told));
    let folder = session.loaded.state.migration(work.view.run());
    let (nowhere, folder) = args.intent.folder(&session, folder)?;
    let plan = work.plan(&args.choice, &session, &folder)?;
    let named = args.choice.to.is_some();
    // Nobody may hold a moment of a database that is about to be closed.
    drop(work.pair);
    let code = args.intent.carry_out(&session, &plan, named, ui).await;
    drop(nowhere);
    code
}
