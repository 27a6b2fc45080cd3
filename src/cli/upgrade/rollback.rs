use std::path::Path;

use super::earlier::{attempts, give_up_run};
use super::work::{misfits, plan_of};
use crate::cli::carry_out::{self, Consent, Naming};
use crate::cli::intent::Intent;
use crate::cli::session::Session;
use crate::error::{Error, Result};
use crate::facts::{UpgradeEnd, UpgradeSeen};
use crate::observe::{self, Depth};
use crate::report::{self, Ui};
use crate::state;
use crate::upgrade::{Back, Request};

/// Put the database in service as it was before an upgrade; the services follow when the code is that of before
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odpm upgrade rollback
  odpm upgrade rollback 20261120T201512Z-4f1d9a2e --yes -d shop
  odpm upgrade rollback --reopen                 whatever code is there")]
pub struct Args {
    /// The upgrade, by its run; the one that is not at its end, else the last one
    run: Option<String>,
    /// The database, named once more; wanted with --yes where the upgraded one is in service
    #[arg(short, long, value_name = "DB")]
    database: Option<String>,
    /// Let the services go though the code is not what the database has, or the database not what it was
    #[arg(long)]
    reopen: bool,
    #[command(flatten)]
    intent: Intent,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    if args.intent.saves() {
        return Err(Error::usage("a rollback of an upgrade cannot be saved")
            .because("whether the services follow is decided when the database is back"));
    }
    let session = args.intent.session(start, "upgrade rollback")?;
    let mut upgrades = state::upgrades(&session.loaded.state)?;
    upgrades.retain(|seen| !seen.record.rehearsal && !seen.ended(UpgradeEnd::Superseded));
    let wanted = |seen: &&UpgradeSeen| match &args.run {
        Some(run) => seen.record.run.as_str() == run,
        None => args.database.as_ref().is_none_or(|database| seen.record.database == *database),
    };
    let open = upgrades.iter().rev().filter(wanted).find(|seen| seen.is_open());
    let Some(seen) = open.or_else(|| upgrades.iter().rev().find(wanted)) else {
        let error = Error::refused("there is no upgrade to roll back");
        return Err(error.hint("See which there were: odpm upgrade history"));
    };
    if let Some(wrong) = args.database.as_ref().filter(|database| **database != seen.record.database) {
        return Err(Error::usage(format!(
            "{} was of {}, not of {wrong}",
            seen.record.run, seen.record.database
        )));
    }
    let held = session.loaded.state.contained().exists();
    if let Some(outcome) = seen.outcome.as_ref().filter(|_| !held && seen.ended(UpgradeEnd::RolledBack)) {
        ui.answer(&format!("{} was rolled back on {}; nothing to do.", seen.record.run, outcome.at));
        return Ok(0);
    }
    if !args.intent.reads_only() {
        give_up_run(&session, &seen.record.database, ui).await?;
    }
    let attempts = attempts(&session, seen.clone())?;
    let terms = Terms { intent: Some(&args.intent), named: args.database.is_some(), reopen: args.reopen };
    back(&session, &attempts, &terms, ui).await
}

/// How a rollback is carried out.
pub struct Terms<'a> {
    /// What was agreed to with the command; everything where there is none.
    intent: Option<&'a Intent>,
    /// Whether the database was named with the command.
    named: bool,
    /// Whether the services follow whatever code is there.
    reopen: bool,
}

impl Terms<'_> {
    /// After an upgrade that was agreed to with its way back.
    pub fn agreed() -> Self {
        Self { intent: None, named: false, reopen: false }
    }

    async fn carry_out(&self, session: &Session, plan: &crate::plan::Plan, ui: Ui) -> Result<u8> {
        match self.intent {
            Some(intent) => intent.carry_out(session, plan, self.named, ui).await,
            // What was put in service a moment ago has nothing in it that anybody would miss.
            None => {
                let consent =
                    Consent { yes: true, confirm: plan.destroys.first().cloned(), naming: Naming::Given };
                carry_out::begin(session, plan, &consent, ui).await
            }
        }
    }

    fn reads_only(&self) -> bool {
        self.intent.is_some_and(Intent::reads_only)
    }
}

/// The database first; the services when it is proved, and the code is that of before.
pub async fn back(session: &Session, attempts: &[UpgradeSeen], terms: &Terms<'_>, ui: Ui) -> Result<u8> {
    let Some((seen, others)) = attempts.split_first() else { return Ok(0) };
    if !seen.ended(UpgradeEnd::RolledBack) {
        let view = session.observe(Depth::Live).await?;
        let databases = observe::databases(&session.loaded, false).await?;
        let written = observe::written_since(&session.loaded, seen).await;
        let request = Request::Rollback(Back { seen, others, written: &written, as_it_is: terms.reopen });
        let plan = plan_of(session, request, &view, &databases, &[]);
        let code = terms.carry_out(session, &plan, ui).await?;
        if terms.reads_only() {
            return Ok(code);
        }
    }
    let misfits = if terms.reopen { Vec::new() } else { misfits(session, seen).await? };
    if !misfits.is_empty() {
        let released = state::upgrades(&session.loaded.state)?;
        return Err(report::other_code(seen, &released, &misfits));
    }
    let view = session.observe(Depth::Live).await?;
    let databases = observe::databases(&session.loaded, false).await?;
    let plan = plan_of(session, Request::Reopen(seen), &view, &databases, &[]);
    // What was agreed to once is agreed to for all of it.
    let code = match terms.reads_only() {
        true => terms.carry_out(session, &plan, ui).await?,
        false => carry_out::begin(session, &plan, &Consent::of(true), ui).await?,
    };
    ui.answer(&format!("{} is what it was before {}.", seen.record.database, seen.record.run));
    Ok(code)
}
