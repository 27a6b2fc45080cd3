use std::path::Path;

use crate::backup::Request;
use crate::cli::intent::Intent;
use crate::cli::session::{Session, View};
use crate::error::Result;
use crate::facts::DatabasesSeen;
use crate::observe::{self, Depth};
use crate::report::Ui;

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
        let session = intent.session(start, verb)?;
        let view = session.observe(Depth::Live).await?;
        let databases = observe::databases(&session.loaded, false).await?;
        Ok(Self { session, view, databases })
    }

    /// The database that is meant: as given, else the project's own.
    pub fn database(&self, given: Option<&str>) -> Result<String> {
        self.session.database(given)
    }

    /// Plans, shows, and does what was asked for.
    pub async fn carry_out(&self, request: &Request, intent: &Intent, named: bool, ui: Ui) -> Result<u8> {
        let plan = self.session.backup_plan(request, &self.view, &self.databases);
        intent.carry_out(&self.session, &plan, named, ui).await
    }
}
