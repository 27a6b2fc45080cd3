use jiff::Timestamp;

use super::sides::beside;
use crate::backup;
use crate::cli::carry_out::{self, Consent, Naming};
use crate::cli::session::Session;
use crate::error::Result;
use crate::incident::{Moment, Recovery, Repair, Request, Wanted};
use crate::observe::{self, Depth, Sides};
use crate::plan::Plan;
use crate::report::Ui;
use crate::state;
use crate::step::{DamageScratch, SidecarRecord};
use crate::watch::Watched;

/// The sidecars of a rehearsal: just before the damage, and just after it.
pub const NAMES: [&str; 2] = ["rehearsal-before", "rehearsal-after"];

/// A rehearsal at work.
pub struct Drill {
    pub session: Session,
    pub ui: Ui,
}

impl Drill {
    pub async fn run(&self, plan: &Plan, yes: bool) -> Result<()> {
        // What it drops is its own: the name is its own, too.
        let consent = Consent { yes, confirm: plan.destroys.first().cloned(), naming: Naming::Given };
        carry_out::begin(&self.session, plan, &consent, self.ui).await.map(drop)
    }

    pub async fn incident(&self, request: &Request<'_>) -> Result<()> {
        let view = self.session.observe(Depth::Live).await?;
        self.run(&self.session.incident_plan(request, &view), true).await
    }

    pub async fn backup(&self, request: &backup::Request, yes: bool) -> Result<()> {
        let view = self.session.observe(Depth::Live).await?;
        let databases = observe::databases(&self.session.loaded, false).await?;
        self.run(&self.session.backup_plan(request, &view, &databases), yes).await
    }

    pub async fn sidecar(&self, name: &str, at: Timestamp) -> Result<SidecarRecord> {
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
    pub async fn clear(&self) -> Result<()> {
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
    pub async fn repair(&self, copy: &str, before: &SidecarRecord, after: &SidecarRecord) -> Result<usize> {
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

    /// How many rows of the copy are other than before.
    pub async fn differs(&self, copy: &str, before: &SidecarRecord) -> Result<usize> {
        let (before, after) = (Watched::exact(beside(before, copy), &[]).await?, None);
        let now = Watched::exact(observe::source(&self.session.loaded, copy)?, &[]).await?;
        let wanted = Wanted { remove_added: true, ..Wanted::default() };
        let gathered = Sides { before, after, now }.gather(&wanted, false).await?.gathered;
        Ok(gathered.changes.len() + gathered.left.len())
    }
}
