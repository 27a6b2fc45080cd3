//! What every verb on a project begins with: the project, its engine, its lock, what was seen of it.

use std::path::Path;

use jiff::Timestamp;

use super::chronicle;

use crate::archive;
use crate::backup;
use crate::base::RunId;
use crate::engine::{self, Engine};
use crate::error::{Error, Result};
use crate::facts::{ArchiveSeen, BaselineSeen, DatabasesSeen, Happening, Observation};
use crate::grounds::{Grounds, specs};
use crate::incident;
use crate::observe::{self, Depth, Loaded};
use crate::plan::Plan;
use crate::report::Ui;
use crate::stack::{self, Diagnosis, Further, Request};
use crate::state::{self, Lock};
use crate::step::{Operator, ServiceSpec};
use crate::watchdog;

/// A project at work.
pub struct Session {
    /// The project with its places.
    pub loaded: Loaded,
    /// Its engine.
    pub engine: Box<dyn Engine>,
    _lock: Option<Lock>,
}

/// What a plan is made from.
pub struct View {
    /// The world.
    pub seen: Observation,
    /// The baseline.
    pub baseline: BaselineSeen,
    run: RunId,
}

impl View {
    /// The run that a plan made from it will be.
    pub fn run(&self) -> &RunId {
        &self.run
    }
}

impl Session {
    /// For verbs that change nothing.
    pub fn reading(start: &Path) -> Result<Self> {
        let loaded = observe::load(start)?;
        let engine = engine::of(&loaded.project);
        Ok(Self { loaded, engine, _lock: None })
    }

    /// For verbs that change something: no other odpm does at the same time.
    pub fn writing(start: &Path, verb: &str) -> Result<Self> {
        let session = Self::reading(start)?;
        let lock = Lock::take(&session.loaded.state, verb, &observe::author().name, Timestamp::now())?;
        Ok(Self { _lock: Some(lock), ..session })
    }

    /// Looks at the world.
    pub async fn observe(&self, depth: Depth) -> Result<View> {
        let (seen, baseline) = observe::observe(&self.loaded, self.engine.as_ref(), depth).await?;
        let random = state::random_bytes()
            .map_err(|e| Error::environment("the system has no random numbers").caused_by(&e))?;
        let run = RunId::new(seen.at, random);
        Ok(View { seen, baseline, run })
    }

    /// Whether this machine is fit for the project.
    pub fn doctor(&self, further: &Further<'_>, view: &View) -> Diagnosis {
        stack::doctor(further, &self.grounds(view))
    }

    /// The plan for a request on databases.
    pub fn backup_plan(&self, request: &backup::Request, view: &View, databases: &DatabasesSeen) -> Plan {
        backup::plan(request, &backup::Ground { all: self.grounds(view), seen: databases })
    }

    /// The database that is meant: as given, else the project's own.
    pub fn database(&self, given: Option<&str>) -> Result<String> {
        let own = self.loaded.project.odoo.database.as_deref();
        given.or(own).map(str::to_owned).ok_or_else(|| {
            let error = Error::usage("no database is named");
            error.hint("Name one: -d DB").hint("Or set odoo.database in odpm.yaml.")
        })
    }

    /// The plan for a request to the watchdog.
    pub fn watchdog_plan(&self, request: &watchdog::Request<'_>, view: &View) -> Plan {
        watchdog::plan(request, &self.grounds(view))
    }

    /// The plan for a request on the archive.
    pub fn archive_plan(&self, request: archive::Request, view: &View, seen: &ArchiveSeen) -> Plan {
        archive::plan(request, &archive::Ground { all: self.grounds(view), seen })
    }

    /// The plan for a request on an incident.
    pub fn incident_plan(&self, request: &incident::Request<'_>, view: &View) -> Plan {
        incident::plan(request, &self.grounds(view))
    }

    /// Who looks after databases; `None` where PostgreSQL's programs are missing.
    pub fn operator(&self, view: &View) -> Option<Operator> {
        specs::operator(&self.grounds(view))
    }

    /// How the Odoo shell is run; `None` where there is no Odoo.
    pub fn shell(&self, view: &View) -> Option<ServiceSpec> {
        specs::shell(&self.grounds(view))
    }

    /// Writes down what happened, where an incident is open. Only told where it fails: what happened has happened.
    pub fn chronicle(&self, what: Happening, text: &str, data: serde_json::Value, ui: Ui) {
        let state = &self.loaded.state;
        let written = state::open_incident(state).and_then(|open| match open {
            Some(incident) => state::tell(state, &incident.id, chronicle::told(what, text, data)),
            None => Ok(()),
        });
        if let Err(error) = written {
            ui.insist(&format!("note: the incident's timeline does not say this: {error}"));
        }
    }

    /// What every plan is made on.
    pub fn grounds<'a>(&'a self, view: &'a View) -> Grounds<'a> {
        let View { seen, baseline, run } = view;
        Grounds { project: &self.loaded.project, seen, baseline, run }
    }

    /// The plan for a request on what was seen.
    pub fn plan(&self, request: &Request, view: &View) -> Plan {
        stack::plan(request, &self.grounds(view))
    }
}
