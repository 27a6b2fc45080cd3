use std::num::NonZeroUsize;
use std::path::Path;

use super::filter::Filter;
use super::parts::{lost_files, write};
use super::sides::{beside, pair};
use crate::cli::intent::Intent;
use crate::error::Result;
use crate::incident::{Repair, Request, Wanted};
use crate::observe::{self, Depth, Sides};
use crate::report::{self, Ui};
use crate::watch::Watched;

/// Take damage back, row by row: altered fields, lost rows, and rogue ones if asked; what was written since stays
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odpm incident sidecar --at '17:41:59.999999' --name before
  odpm incident sidecar --at '17:42:00' --name after
  odpm incident repair --sidecar before --after after
  odpm incident repair --sidecar before --after after --table sale_order --columns state --plan
  odpm incident repair --sidecar before --until 17:42       without a second sidecar: by the time of the last write")]
pub struct Args {
    /// The database; odoo.database unless given
    #[arg(short, long, value_name = "DB")]
    database: Option<String>,
    /// The sidecar that stands before the damage; the only other one unless given
    #[arg(long, value_name = "NAME")]
    sidecar: Option<String>,
    /// The sidecar that stands right after it: what was written later is told apart row by row and field by field
    #[arg(long, value_name = "NAME", required_unless_present = "until", conflicts_with = "until")]
    after: Option<String>,
    /// When the damage ended; rows that were written later are left alone
    #[arg(long, value_name = "MOMENT")]
    until: Option<String>,
    #[command(flatten)]
    filter: Filter,
    /// Only these columns of altered rows
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    columns: Vec<String>,
    /// Delete the rows that came with the damage, too
    #[arg(long)]
    remove_added: bool,
    /// Write over what somebody has written since
    #[arg(long)]
    overwrite: bool,
    /// Where the tables changed meanwhile: repair what both sides have
    #[arg(long)]
    common_columns: bool,
    /// Date what is written now, in write_date, instead of as it was
    #[arg(long)]
    date_now: bool,
    /// Mend altered rows in transactions of so many, with the checks after each; lost and rogue rows stay one
    #[arg(long, value_name = "ROWS")]
    chunk: Option<NonZeroUsize>,
    #[command(flatten)]
    intent: Intent,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let session = args.intent.session(start, "incident repair")?;
    let database = session.database(args.database.as_deref())?;
    let view = session.observe(Depth::Live).await?;
    let (before, after) = pair(&session, args.sidecar.as_deref(), args.after.as_deref())?;
    let tables = &args.filter.tables;
    let sides = Sides {
        before: Watched::exact(beside(&before, &database), tables).await?,
        after: match &after {
            Some(after) => Some(Watched::exact(beside(after, &database), tables).await?),
            None => None,
        },
        now: Watched::exact(observe::source(&session.loaded, &database)?, tables).await?,
    };
    args.filter.known(&sides.all(), &args.columns)?;
    let wanted = Wanted {
        named: !args.filter.tables.is_empty(),
        columns: args.columns.clone(),
        rows: args.filter.rows(&sides.all()).await?,
        remove_added: args.remove_added,
        overwrite: args.overwrite,
        stamp: args.date_now,
        until: args.until.as_deref().map(super::moment).transpose()?,
    };
    let found = sides.gather(&wanted, args.common_columns).await?;
    ui.answer(&report::gathered(&found.gathered));
    let (nowhere, folder) = args.intent.folder(&session, session.loaded.state.repairs())?;
    let parts = write(&found, args.chunk, &folder.join(view.run().as_str())).await?;
    let mut warnings = found.notes;
    if !wanted.remove_added && found.gathered.added > 0 {
        warnings.push(format!(
            "{} rows that came meanwhile stay; --remove-added deletes those of the damage.",
            found.gathered.added
        ));
    }
    let files = lost_files(&session, &database, &found.gathered.changes, &mut warnings);
    let repair = Repair {
        database,
        parts,
        files,
        stamp: args.date_now,
        checks: session.loaded.project.sql_checks(),
        from: format!("the sidecar {} ({})", before.sidecar.name, before.moment),
        warnings,
    };
    let plan = session.incident_plan(&Request::Repair(&repair), &view);
    let code = args.intent.carry_out(&session, &plan, true, ui).await;
    drop(nowhere);
    code
}
