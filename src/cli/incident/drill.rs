use std::path::Path;

use jiff::Timestamp;

use super::rehearsal::{Drill, NAMES};
use crate::cli::session::Session;
use crate::error::{Error, Result};
use crate::incident::Request;
use crate::observe;
use crate::report::{self, Ui};
use crate::step::DamageScratch;

/// Rehearse the whole path on a scratch copy: damage it, recover two sidecars, repair, compare, clear up; timed and recorded
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  odpm incident drill --yes

The copy is restored from the newest backup of the database; the shop itself is not touched.")]
pub struct Args {
    /// The database whose newest backup is rehearsed with; odoo.database unless given
    #[arg(short, long, value_name = "DB")]
    database: Option<String>,
    /// Do not ask for a confirmation
    #[arg(short, long)]
    yes: bool,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let (begun, started) = (Timestamp::now(), std::time::Instant::now());
    let drill = Drill { session: Session::writing(start, "incident drill")?, ui };
    let database = drill.session.database(args.database.as_deref())?;
    let databases = observe::databases(&drill.session.loaded, false).await?;
    let newest = databases.last_backup(&database).cloned().ok_or_else(|| {
        Error::refused(format!("there is no backup of {database} to rehearse with"))
            .hint(format!("Take one: odpm database backup -d {database}"))
    })?;
    drill.clear().await?;
    let copy = format!("{}{}", DamageScratch::PREFIX, begun.strftime("%Y%m%d%H%M%S"));
    let path = newest.path.clone();
    drill.backup(&super::rehearsed(newest, &copy), args.yes).await?;
    drill.incident(&Request::Damage { database: &copy }).await?;
    let whole = Timestamp::now();
    drill.incident(&Request::Damage { database: &copy }).await?;
    let damaged = Timestamp::now();
    let before = drill.sidecar(NAMES[0], whole).await?;
    let after = drill.sidecar(NAMES[1], damaged).await?;
    let first = drill.repair(&copy, &before, &after).await?;
    let left = drill.differs(&copy, &before).await?;
    if first == 0 || left > 0 {
        return Err(Error::environment("the rehearsal failed")
            .because(format!("{first} rows were found damaged, {left} are damaged still"))
            .hint(format!(
                "Look at {copy} beside the sidecars: odpm incident diff -d {copy} --sidecar {}",
                NAMES[0]
            )));
    }
    drill.incident(&Request::Record { backup: &path, database: &database, begun }).await?;
    drill.clear().await?;
    let took = report::duration(started.elapsed());
    ui.answer(&format!("The rehearsal passed: {first} damaged rows were repaired, all of it in {took}."));
    Ok(0)
}
