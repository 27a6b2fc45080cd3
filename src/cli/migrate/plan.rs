use std::path::{Path, PathBuf};

use serde::Serialize;

use super::choice::Choice;
use super::work::Work;
use crate::cli::intent;
use crate::cli::session::Session;
use crate::error::Result;
use crate::plan::Plan;
use crate::report::{self, Format, MigrationTold, Ui};
use crate::state;

/// What a migration would copy, what stands in its way and what to say about it; nothing is written to either database
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odpm migrate plan --from staging --set e-commerce
  odpm migrate plan --from ../staging --set contacts --reference res_partner.country_id=null
  odpm migrate plan --from postgres://odoo@db.example/staging?sslmode=verify-full --to shop --table product_template --save-plan m.plan
  odpm migrate plan --from docker://staging-db-1/staging --set e-commerce --format json

Passwords come from the URL, PGPASSWORD or ~/.pgpass. Exit code 3 where something is to be decided first.")]
pub struct Args {
    #[command(flatten)]
    choice: Choice,
    /// Save the plan, for `odpm apply FILE` or `odpm migrate apply FILE`
    #[arg(long, value_name = "FILE")]
    save_plan: Option<PathBuf>,
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// `odpm migrate plan --format json`.
#[derive(Serialize)]
struct Planned<'a> {
    format_version: u32,
    #[serde(flatten)]
    migration: MigrationTold<'a>,
    plan: &'a Plan,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let mut session = Session::reading(start)?;
    let work = Work::begin(&args.choice, &mut session, start).await?;
    let nowhere = tempfile::tempdir().map_err(|e| state::cannot("write to", &std::env::temp_dir(), &e))?;
    let folder = match &args.save_plan {
        Some(_) => {
            state::create(&session.loaded.state)?;
            let folder = session.loaded.state.migration(work.view.run());
            state::make_dir(&folder, 0o700).map_err(|e| state::cannot("make", &folder, &e))?;
            folder
        }
        None => nowhere.path().to_owned(),
    };
    let plan = work.plan(&args.choice, &session, &folder)?;
    let told = MigrationTold { from: &work.pair.from.seen, to: &work.pair.to.seen, decision: &work.decision };
    ui.answer(&match args.format {
        Format::Text => report::migration(&told) + "\n" + &report::plan(&plan),
        Format::Json => report::json(&Planned { format_version: 1, migration: told, plan: &plan })?,
    });
    if let Some(path) = &args.save_plan {
        intent::save(&plan, args.choice.to.is_some(), path, ui)?;
    }
    Ok(report::blocked(&plan).map_or(0, |error| error.kind().exit_code()))
}
