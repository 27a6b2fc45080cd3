use std::path::Path;

use jiff::Timestamp;

use super::sides::beside;
use crate::backup;
use crate::cli::carry_out::{self, Consent};
use crate::cli::session::Session;
use crate::error::{Error, Result};
use crate::incident::{Moment, Recovery, Repair, Request, Wanted};
use crate::observe::{self, Depth, Sides};
use crate::plan::Plan;
use crate::report::{self, Ui};
use crate::state;
use crate::step::{DamageScratch, SidecarRecord};
use crate::watch::Watched;

/// The sidecars of a rehearsal: just before the damage, and just after it.
const NAMES: [&str; 2] = ["rehearsal-before", "rehearsal-after"];

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

/// A rehearsal at work.
struct Drill {
    session: Session,
    ui: Ui,
}

impl Drill {
    async fn run(&self, plan: &Plan, yes: bool) -> Result<()> {
        // What it drops is its own: the name is its own, too.
        let consent = Consent { yes, confirm: plan.destroys.first().cloned(), named: true };
        carry_out::begin(&self.session, plan, &consent, self.ui).await.map(drop)
    }

    async fn incident(&self, request: &Request<'_>) -> Result<()> {
        let view = self.session.observe(Depth::Live).await?;
        self.run(&self.session.incident_plan(request, &view), true).await
    }

    async fn backup(&self, request: &backup::Request, yes: bool) -> Result<()> {
        let view = self.session.observe(Depth::Live).await?;
        let databases = observe::databases(&self.session.loaded, false).await?;
        self.run(&self.session.backup_plan(request, &view, &databases), yes).await
    }

    async fn sidecar(&self, name: &str, at: Timestamp) -> Result<SidecarRecord> {
        let loaded = &self.session.loaded;
        let (archive, sidecars) = (observe::archive(loaded).await?, observe::sidecars(loaded)?);
        let recovery = Recovery {
            name: Some(name),
            moment: Moment { at, assumed_local: false },
            archive: &archive,
            sidecars: &sidecars,
            free_bytes: &observe::sidecar_room(loaded),
        };
        self.incident(&Request::Sidecar(recovery)).await?;
        super::sides::chosen(&self.session, Some(name))
    }

    /// What an earlier one has left goes.
    async fn clear(&self) -> Result<()> {
        let sidecars = observe::sidecars(&self.session.loaded)?;
        for name in NAMES.iter().filter(|name| sidecars.iter().any(|record| record.sidecar.name == **name)) {
            self.incident(&Request::Remove { name, sidecars: &sidecars }).await?;
        }
        let databases = observe::databases(&self.session.loaded, false).await?;
        for seen in databases.all.get().into_iter().flatten() {
            // A name alone is no mark.
            if seen.name.starts_with(DamageScratch::PREFIX) && seen.mark() == Some(DamageScratch::WHAT) {
                self.backup(&backup::Request::Drop { database: seen.name.clone(), keep: false }, true)
                    .await?;
            }
        }
        Ok(())
    }

    /// Repairs the copy by the two sidecars; how many changes that took.
    async fn repair(&self, copy: &str, before: &SidecarRecord, after: &SidecarRecord) -> Result<usize> {
        let view = self.session.observe(Depth::Live).await?;
        let sides = Sides {
            before: Watched::exact(beside(before, copy), &[]).await?,
            after: Some(Watched::exact(beside(after, copy), &[]).await?),
            now: Watched::exact(observe::source(&self.session.loaded, copy)?, &[]).await?,
        };
        let found = sides.gather(&Wanted { remove_added: true, ..Wanted::default() }, false).await?;
        let folder = self.session.loaded.state.repairs();
        state::make_dir(&folder, 0o700).map_err(|e| state::cannot("make", &folder, &e))?;
        let count = found.gathered.changes.len();
        let repair = Repair {
            database: copy.to_owned(),
            parts: super::parts::write(&found, None, &folder.join(view.run().as_str())).await?,
            files: Default::default(),
            stamp: false,
            checks: Default::default(),
            from: format!("the sidecar {}", before.sidecar.name),
            warnings: Vec::new(),
        };
        self.run(&self.session.incident_plan(&Request::Repair(&repair), &view), true).await?;
        Ok(count)
    }
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
    let left = drill.repair(&copy, &before, &after).await?;
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
