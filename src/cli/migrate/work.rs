//! Both databases looked at, asked and decided on: what `plan` and `apply` have in common.

use std::path::{Path, PathBuf};

use super::choice::Choice;
use super::sides;
use crate::base::Digest;
use crate::cli::session::{Session, View};
use crate::error::{Error, Result};
use crate::grounds::specs;
use crate::migrate::{self, Decision, Files, Inquiry, Move};
use crate::observe::{self, Depth, Pair, Whose};
use crate::plan::Plan;
use crate::state;

/// What was decided, and on what.
pub struct Work {
    /// What was seen of the project.
    pub view: View,
    /// Both databases.
    pub pair: Pair,
    /// What was decided.
    pub decision: Decision,
}

impl Work {
    /// Looks, asks and decides. Nothing is changed.
    pub async fn begin(choice: &Choice, session: &mut Session, start: &Path) -> Result<Self> {
        let wanted = choice.wanted()?;
        let from = choice.from.as_deref().ok_or_else(|| {
            Error::usage("it is not said where rows come from")
                .hint("Name it: --from staging, --from ../staging, --from postgres://...")
        })?;
        let from = observe::reach(&mut session.loaded, from, start)?;
        let to = sides::target(session, choice.to.as_deref(), start)?;
        let view = session.observe(Depth::Live).await?;
        let mut pair = observe::pair(from, to, choice.timeout).await?;
        // Odoo of this project is stopped before anything is written.
        if pair.to.reached.whose == Whose::Own && !specs::running(&session.grounds(&view)).is_empty() {
            let role = &session.loaded.project.postgres.role;
            pair.to.seen.sessions.retain(|other| other.role != *role);
        }
        let sets = &session.loaded.project.migrate.sets;
        let mut inquiry = Inquiry::new(&wanted, &pair.from.seen, &pair.to.seen, sets);
        pair.inquire(&mut |told| inquiry.next(told)).await?;
        let decision = inquiry.decided();
        Ok(Self { view, pair, decision })
    }

    /// Writes what the plan speaks of into a folder, and makes it.
    pub fn plan(&self, choice: &Choice, session: &Session, folder: &Path) -> Result<Plan> {
        let grounds = session.grounds(&self.view);
        let (from, to) = (&self.pair.from, &self.pair.to);
        let operator = session.operator(&self.view).ok_or_else(|| {
            Error::environment("there are no programs of PostgreSQL here")
                .hint("See what is missing: odpm doctor")
        })?;
        let own = to.reached.whose == Whose::Own;
        let operator = if own { operator } else { to.reached.operator(operator.programs) };
        let write = |name: &str, text: String| -> Result<(PathBuf, Digest)> {
            let path = folder.join(name);
            state::replace(&path, text.as_bytes(), 0o600).map_err(|e| state::cannot("write", &path, &e))?;
            Ok((path, Digest::of(text)))
        };
        let transfer = serde_json::to_string(&self.decision.transfer)
            .map_err(|e| Error::internal("cannot write JSON").caused_by(&e))?;
        let transfer = write(migrate::TRANSFER, transfer + "\n")?;
        let named = &self.decision.files;
        let files = match (&from.seen.filestore, &to.seen.filestore) {
            (Some(from), Some(to)) if !named.is_empty() => {
                let (list, digest) = write(migrate::FILES, named.join("\n") + "\n")?;
                Some(Files { from: from.clone(), to: to.clone(), list, digest })
            }
            _ => None,
        };
        let unreached = files.is_none() && !named.is_empty();
        let wanted = Move {
            decision: &self.decision,
            source: from.reached.party(&from.seen.identity),
            operator,
            database: to.seen.database.clone(),
            own,
            transfer,
            files,
            folder: folder.to_owned(),
            staged: choice.staged,
            jobs: choice.jobs,
            backup: !choice.no_checkpoint,
        };
        let mut plan = migrate::plan(&wanted, &grounds);
        if unreached {
            plan.warnings.push(format!(
                "{} files of attachments are not carried over: this machine does not reach both filestores. Their names are in {}.",
                named.len(),
                write(migrate::FILES, named.join("\n") + "\n")?.0.display()
            ));
        }
        Ok(plan)
    }
}
