use std::path::{Path, PathBuf};

use crate::backup::Request;
use crate::cli::carry_out::{self, Consent};
use crate::cli::session::{Session, View};
use crate::error::{Error, Result};
use crate::facts::DatabasesSeen;
use crate::observe::{self, Depth};
use crate::plan::Plan;
use crate::report::{self, Ui};
use crate::state;

/// What every verb that changes databases is asked.
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
}

/// A project with its databases, for one verb.
pub struct Work {
    /// The project.
    pub session: Session,
    view: View,
    /// Its databases.
    pub databases: DatabasesSeen,
}

impl Work {
    /// Looks at the project and its databases.
    pub async fn begin(start: &Path, verb: &str, intent: &Intent) -> Result<Self> {
        let session = match intent.reads_only() {
            true => Session::reading(start)?,
            false => Session::writing(start, verb)?,
        };
        let view = session.observe(Depth::Live).await?;
        let databases = observe::databases(&session.loaded, false).await?;
        Ok(Self { session, view, databases })
    }

    /// The database that is meant: as given, else the project's own.
    pub fn database(&self, given: Option<&str>) -> Result<String> {
        let own = self.session.loaded.project.odoo.database.as_deref();
        given.or(own).map(str::to_owned).ok_or_else(|| {
            let error = Error::usage("no database is named");
            error.hint("Name one: -d DB").hint("Or set odoo.database in odpm.yaml.")
        })
    }

    /// Plans, shows, and does what was asked for.
    pub async fn carry_out(&self, request: &Request, intent: &Intent, named: bool, ui: Ui) -> Result<u8> {
        let plan = self.session.backup_plan(request, &self.view, &self.databases);
        if intent.reads_only() {
            return show(&plan, intent, ui);
        }
        let consent = Consent { yes: intent.yes, confirm: intent.confirm.clone(), named };
        carry_out::begin(&self.session, &plan, &consent, ui).await
    }
}

fn show(plan: &Plan, intent: &Intent, ui: Ui) -> Result<u8> {
    ui.answer(&report::plan(plan));
    if let Some(path) = &intent.save_plan {
        state::replace(path, report::json(plan)?.as_bytes(), 0o600).map_err(|e| {
            Error::environment(format!("cannot save the plan in {}", path.display())).caused_by(&e)
        })?;
        ui.say(&format!("Saved in {0}; apply exactly this: odpm apply {0}", path.display()));
    }
    Ok(report::blocked(plan).map_or(0, |error| error.kind().exit_code()))
}
