use std::path::PathBuf;

use super::carry_out::{self, Consent, Naming};
use super::session::Session;
use crate::error::Result;
use crate::plan::Plan;
use crate::report::{self, Ui};
use crate::state;

/// What every verb that changes something by a plan of its own is asked.
#[derive(Debug, clap::Args)]
pub struct Intent {
    /// Do not ask for a confirmation
    #[arg(short, long)]
    yes: bool,
    /// The database that is lost or replaced, named once more; wanted with --yes where the scenario is `server`
    #[arg(long, value_name = "DB")]
    confirm: Option<String>,
    /// Show what would be done, and do nothing
    #[arg(long)]
    plan: bool,
    /// Save the plan, for `odpm apply FILE`, and do nothing
    #[arg(long, value_name = "FILE")]
    save_plan: Option<PathBuf>,
}

impl Intent {
    pub fn reads_only(&self) -> bool {
        self.plan || self.save_plan.is_some()
    }

    /// Whether the plan is to be saved.
    pub fn saves(&self) -> bool {
        self.save_plan.is_some()
    }

    /// Whether nothing is kept either, not even the plan.
    fn only_shows(&self) -> bool {
        self.plan && self.save_plan.is_none()
    }

    /// A project for the verb; no other odpm changes it meanwhile, unless nothing is to be changed.
    pub fn session(&self, start: &std::path::Path, verb: &str) -> Result<Session> {
        if self.reads_only() { Session::reading(start) } else { Session::writing(start, verb) }
    }

    /// Where files go that the plan speaks of. What is only shown leaves nothing behind: then it is a folder that goes with the
    /// first part of the answer.
    pub fn folder(&self, session: &Session, folder: PathBuf) -> Result<(Option<tempfile::TempDir>, PathBuf)> {
        if self.only_shows() {
            let nowhere =
                tempfile::tempdir().map_err(|e| state::cannot("write to", &std::env::temp_dir(), &e))?;
            let folder = nowhere.path().to_owned();
            return Ok((Some(nowhere), folder));
        }
        state::create(&session.loaded.state)?;
        state::make_dir(&folder, 0o700).map_err(|e| state::cannot("make", &folder, &e))?;
        Ok((None, folder))
    }

    /// Shows the plan, and does what was asked for. `named`: the database was named with the command.
    pub async fn carry_out(&self, session: &Session, plan: &Plan, named: bool, ui: Ui) -> Result<u8> {
        if !self.reads_only() {
            let consent = Consent { yes: self.yes, confirm: self.confirm.clone(), naming: Naming::of(named) };
            return carry_out::begin(session, plan, &consent, ui).await;
        }
        ui.answer(&report::plan(plan));
        if let Some(path) = &self.save_plan {
            save(plan, named, path, ui)?;
        }
        Ok(report::blocked(plan).map_or(0, |error| error.kind().exit_code()))
    }
}

/// Saves a plan. `named`: what it destroys was named with the command.
pub fn save(plan: &Plan, named: bool, path: &std::path::Path, ui: Ui) -> Result<()> {
    let plan = Plan { named, ..plan.clone() };
    state::replace(path, report::json(&plan)?.as_bytes(), 0o600)
        .map_err(|e| state::cannot("save the plan in", path, &e))?;
    ui.say(&format!("Saved in {0}; apply exactly this: odpm apply {0}", path.display()));
    Ok(())
}
