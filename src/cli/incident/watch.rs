use std::path::Path;

use crate::cli::session::Session;
use crate::error::{Error, Result};
use crate::incident::{Standing, judge, kept, watched};
use crate::observe;
use crate::report::{self, Format, Ui};
use crate::state;

/// Compare rows and writes of the key tables with their own history: one line, for cron
///
/// Exits with 3 where something is not usual, with 0 otherwise. Asks nothing, waits for no lock, writes nothing to the
/// database; the history is in `.odpm/watch/`. It learns for a day before it judges.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  odpm incident watch\n  odpm incident watch -d shop --format json\n\nBy cron, every ten minutes; what is quiet goes nowhere, what is not is mailed:\n  */10 * * * *  cd /srv/shop && out=$(odpm incident watch) || echo \"$out\""
)]
pub struct Args {
    /// The database; odoo.database unless given
    #[arg(short, long, value_name = "DB")]
    database: Option<String>,
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let session = Session::reading(start)?;
    let database = session.database(args.database.as_deref())?;
    let project = &session.loaded.project;
    let now = observe::reading(&session.loaded, &database, &watched(project)).await?;
    // Without the lock: a long backup must not keep the watch from its round, and a history loses nothing but a reading.
    let history = state::readings(&session.loaded.state, &database)?;
    let verdict = judge(&history, &now, project.incident.watch.as_deref());
    if now.tables.is_empty() && verdict.alarms.is_empty() {
        return Err(Error::refused(format!("none of the tables to watch is in {database}"))
            .hint("Is it an Odoo database? See: odpm database list")
            .hint("Name its tables in odpm.yaml: incident: {watch: [sale_order]}"));
    }
    state::keep_readings(&session.loaded.state, &database, &kept(&history, &now))?;
    ui.answer(&match args.format {
        Format::Text => report::readings(&database, &now, &verdict),
        Format::Json => report::json(&report::Watched::of(&database, &now, &verdict))?,
    });
    Ok(if verdict.standing == Standing::Alarm { 3 } else { 0 })
}
