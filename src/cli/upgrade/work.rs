//! A project, a database, and the modules that are upgraded in it: what `plan` and `run` have in common.

use super::choice::{Choice, Preflight};
use super::earlier::Earlier;
use crate::cli::carry_out::{self, Consent};
use crate::cli::session::{Session, View};
use crate::error::{Error, Result};
use crate::facts::{DatabasesSeen, UpgradeSeen};
use crate::observe::{self, Depth};
use crate::plan::{Check, Plan};
use crate::project::CheckpointKind;
use crate::report::Ui;
use crate::state;
use crate::step::{ShellCheck, WatchSpec};
use crate::upgrade::checkpoint::{self, Choice as Checkpoint};
use crate::upgrade::{self, Attempt, Code, Request, Wanted, operation};
use crate::watchdog::Spec;

/// What is upgraded, and all that was looked at before it.
pub struct Work<'a> {
    /// The project.
    pub session: &'a Session,
    /// What was seen of it.
    pub view: View,
    /// The database.
    pub database: String,
    /// Its databases.
    pub databases: DatabasesSeen,
    /// The modules.
    pub preflight: Preflight,
    /// The same, as far as it is recorded.
    pub code: Code,
    /// What was looked at.
    pub checks: Vec<Check>,
    /// What there is to go back to.
    pub checkpoint: Checkpoint,
    watch: Option<WatchSpec>,
    scripts: Vec<ShellCheck>,
}

impl<'a> Work<'a> {
    /// Looks at everything that an upgrade depends on. An attempt before this one says what is missing in the choice.
    pub async fn begin(
        session: &'a Session,
        choice: &Choice,
        wanted_checkpoint: Option<CheckpointKind>,
        before: Option<&UpgradeSeen>,
    ) -> Result<Self> {
        let record = before.map(|before| &before.record);
        let given = choice.database.as_deref().or(record.map(|record| record.database.as_str()));
        let database = session.database(given)?;
        let wanted = wanted(choice, before)?;
        let view = session.observe(Depth::Live).await?;
        let databases = observe::databases(&session.loaded, false).await?;
        let open = before.filter(|before| before.is_open());
        let recorded = open.map(state::recorded_modules).transpose()?.flatten();
        let resting = recorded.is_some();
        // Where nothing was done yet, the database itself tells what it is.
        let takes = databases.find(&database).is_some_and(|seen| seen.open);
        if open.is_some() && !resting && !takes {
            return Err(Error::refused("the attempt before this one ended before Odoo was begun with")
                .because("nothing is on record of what the database was")
                .hint("Put it back, then begin anew: odpm upgrade rollback"));
        }
        let preflight = Preflight::gather(session, &database, recorded, wanted).await?;
        let project = &session.loaded.project;
        let mut checks = preflight.checks.clone();
        let same = before.filter(|_| resting).map(|before| before.record.checkpoint.kind());
        let kind = wanted_checkpoint.or(same).or(project.upgrade.checkpoint);
        let operation = observe::operation(&session.loaded, &database, kind).await?;
        // What rests already was looked at when that began.
        if !resting {
            checks.extend(operation::checks(&operation, project, kind));
        }
        let checkpoint = checkpoint::checkpoint(&operation, kind);
        let code = Code::of(&preflight.wanted, &preflight.resolved, &preflight.seen);
        let watch = project.upgrade.watchdog.then(|| Spec::of(&project.watchdog, None));
        let scripts = observe::shell_checks(&session.loaded)?;
        Ok(Self { session, view, database, databases, preflight, code, checks, checkpoint, watch, scripts })
    }

    /// The upgrade as it is wanted.
    pub fn attempt<'b>(&'b self, earlier: &'b Earlier) -> Attempt<'b> {
        let part = |(flag, modules): (&str, &Vec<String>)| {
            (!modules.is_empty()).then(|| format!(" {flag} {}", modules.join(",")))
        };
        let parts = [("-i", &self.code.install), ("-u", &self.code.update)].into_iter().filter_map(part);
        Attempt {
            database: &self.database,
            code: &self.code,
            checkpoint: &self.checkpoint,
            before: &earlier.open,
            rolled_back: earlier.rolled_back.as_ref(),
            command: format!("odpm upgrade run -d {}{}", self.database, parts.collect::<String>()),
            watch: self.watch.as_ref(),
            scripts: &self.scripts,
        }
    }

    /// What is recorded of the upgrade that a plan was for.
    pub fn seen(&self, plan: &Plan) -> Result<Option<UpgradeSeen>> {
        let all = state::upgrades(&self.session.loaded.state)?;
        Ok(all.into_iter().find(|seen| seen.record.run == plan.run))
    }

    /// Does what was agreed to already.
    pub async fn carry_out(&self, request: Request<'_>, ui: Ui) -> Result<u8> {
        let view = self.session.observe(Depth::Live).await?;
        let databases = observe::databases(&self.session.loaded, false).await?;
        let plan = plan_of(self.session, request, &view, &databases, &[]);
        carry_out::begin(self.session, &plan, &Consent::of(true), ui).await
    }
}

/// The plan for a request.
pub fn plan_of(
    session: &Session,
    request: Request<'_>,
    view: &View,
    databases: &DatabasesSeen,
    checks: &[Check],
) -> Plan {
    upgrade::plan(request, &upgrade::Ground { all: session.grounds(view), databases, checks })
}

/// The modules that are named; else those of the attempt before this one.
fn wanted(choice: &Choice, before: Option<&UpgradeSeen>) -> Result<Wanted> {
    let wanted = choice.wanted();
    if wanted.changed || !wanted.update.is_empty() || !wanted.install.is_empty() {
        return Ok(wanted);
    }
    match before {
        Some(before) => {
            let (update, install) = (before.record.update.clone(), before.record.install.clone());
            Ok(Wanted { update, install, changed: false })
        }
        None => Err(Error::usage("no module is named")
            .hint("Name some: -u sale,shop_listing")
            .hint("Or upgrade what has changed: --changed")),
    }
}

/// The modules of an upgrade that was taken back whose code is not what the database has, a sentence each.
pub async fn misfits(session: &Session, seen: &UpgradeSeen) -> Result<Vec<String>> {
    let wanted = Wanted { changed: true, ..Wanted::default() };
    let found = Preflight::gather(session, &seen.record.database, None, wanted).await?;
    Ok(upgrade::misfits(seen, &found.changes.unwrap_or_default(), &found.resolved))
}
