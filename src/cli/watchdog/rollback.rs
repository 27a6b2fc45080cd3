use std::path::Path;

use super::{Choice, Comparison, Intent};
use crate::error::Result;
use crate::observe::Depth;
use crate::report::{self, Ui};
use crate::watchdog::Request;

/// How fields are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Way {
    Sql,
    Orm,
}

/// Put back the fields that changed between two snapshots, where nobody has written them since
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odpm watchdog rollback                                  what changed between the last two snapshots
  odpm watchdog rollback fix-42-before fix-42-after --only product.template.list_price
  odpm watchdog rollback before-the-import live --via orm

Rows that came stay, rows that went cannot come back from a few fields; `odpm undo` takes a rollback back.")]
pub struct Args {
    /// Snapshots: a file, a name, or a label, the newest of which is taken; `live` is the database as it is, `live:DB` another one
    #[arg(num_args = 0..=2, value_name = "SNAPSHOT")]
    snapshots: Vec<String>,
    /// Only this model, or this field of it; repeatable
    #[arg(long, value_name = "MODEL[.FIELD]", value_delimiter = ',')]
    only: Vec<String>,
    /// By SQL, which writes the fields themselves, or through Odoo, so that what is computed from them follows
    #[arg(long, value_enum, default_value = "sql")]
    via: Way,
    /// The database; that of the snapshots unless given
    #[arg(short, long, value_name = "DB")]
    database: Option<String>,
    #[command(flatten)]
    intent: Intent,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let session = args.intent.session(start, "watchdog rollback")?;
    let view = session.observe(Depth::Live).await?;
    let choice = Choice { database: args.database.clone(), preset: None };
    let comparison = Comparison::of(&session, &choice, &args.snapshots).await?;
    let (nowhere, folder) = args.intent.folder(&session, session.loaded.state.watchdog())?;
    let orm = args.via == Way::Orm;
    let path = folder.join(format!("{}.jsonl", view.run()));
    let (changed, found) = comparison.changed(&session, &choice, &args.only, orm, &path).await?;
    if !found.is_empty() {
        ui.answer(&report::rollback(&found));
    }
    let request = Request::Rollback { changed: &changed, orm };
    let plan = session.watchdog_plan(&request, &view);
    if plan.is_empty() && plan.blocked.is_empty() {
        ui.answer(&report::plan(&plan));
        return Ok(0);
    }
    let code = args.intent.carry_out(&session, &plan, true, ui).await;
    drop(nowhere);
    code
}
