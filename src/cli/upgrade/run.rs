use std::path::Path;

use super::choice::Choice;
use super::earlier::{Earlier, give_up_run};
use super::failed::{Wish, failed};
use super::look_on::look_on;
use super::work::{Work, plan_of};
use crate::cli::intent::Intent;
use crate::error::{Error, Result};
use crate::observe::Depth;
use crate::plan::Plan;
use crate::project::CheckpointKind;
use crate::report::{self, Ui};
use crate::upgrade::Request;

/// Upgrade modules on a copy of the database, prove it, and put it in the database's place
///
/// Where it fails, the database is put in service again as it was; at a terminal you are asked. Without -u, -i or --changed,
/// --fix-forward upgrades what the attempt before it was to upgrade.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odpm upgrade run -u sale,shop_listing
  odpm upgrade run --changed --rehearse
  odpm upgrade run -d shop --changed --rollback-on-failure --yes
  odpm upgrade run --fix-forward                 after what failed was mended

Exit codes: 1 where it failed, 3 where a person has to decide.")]
pub struct Args {
    #[command(flatten)]
    choice: Choice,
    /// Do the same on a copy first, with crons and mail switched off; the real one follows when that has passed
    #[arg(long)]
    rehearse: bool,
    /// Where it fails, leave everything at rest, to be mended; after that, begin anew from the checkpoint
    #[arg(long, conflicts_with = "rollback_on_failure")]
    fix_forward: bool,
    /// Where it fails, put the database in service as it was, without asking
    #[arg(long)]
    rollback_on_failure: bool,
    /// What there is to go back to; whichever there is room for unless given
    #[arg(long, value_enum, value_name = "KIND")]
    checkpoint: Option<CheckpointKind>,
    #[command(flatten)]
    intent: Intent,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    if args.intent.saves() {
        return Err(Error::usage("an upgrade cannot be saved")
            .because("what to do when it fails is decided while it goes on, which a saved plan does not"));
    }
    let session = args.intent.session(start, "upgrade run")?;
    let earlier = Earlier::of(&session.loaded.state, args.choice.database.as_deref(), args.fix_forward)?;
    if let Some(first) = earlier.open.first().filter(|_| !args.intent.reads_only()) {
        give_up_run(&session, &first.record.database, ui).await?;
    }
    let before = earlier.open.first().or(earlier.rolled_back.as_ref());
    let work = Work::begin(&session, &args.choice, args.checkpoint, before).await?;
    let wanted = work.attempt(&earlier);
    if wanted.code.install.is_empty() && wanted.code.update.is_empty() {
        ui.answer("No module has changed; nothing to upgrade.");
        return Ok(0);
    }
    ui.say(&report::checks(&work.checks));
    if args.rehearse {
        let plan = plan_of(&session, Request::Rehearse(&wanted), &work.view, &work.databases, &work.checks);
        rehearse(args, &work, &plan, ui).await?;
    }
    let later = match args.rehearse {
        // It has taken its time.
        true => Some(session.observe(Depth::Live).await?),
        false => None,
    };
    let view = later.as_ref().unwrap_or(&work.view);
    let plan = plan_of(&session, Request::Run(&wanted), view, &work.databases, &work.checks);
    let named = args.choice.database.is_some();
    match args.intent.carry_out(&session, &plan, named, ui).await {
        Ok(_) if plan.is_empty() || args.intent.reads_only() => Ok(0),
        Ok(_) => look_on(&work, &plan, ui).await,
        Err(error) => {
            let wish = Wish { forward: args.fix_forward, back: args.rollback_on_failure };
            failed(wish, &work, &plan, error, ui).await
        }
    }
}

async fn rehearse(args: &Args, work: &Work<'_>, plan: &Plan, ui: Ui) -> Result<()> {
    let done = args.intent.carry_out(work.session, plan, true, ui).await;
    if args.intent.reads_only() {
        return done.map(drop);
    }
    let Some(seen) = work.seen(plan)? else { return done.map(drop) };
    if done.is_err() {
        // What is left of it is of no use; the evidence is.
        give_up_run(work.session, &work.database, ui).await?;
        work.carry_out(Request::Forget(&seen), ui).await?;
    }
    done.map(drop).map_err(|error| error.because("the rehearsal failed; nothing else was touched"))?;
    ui.answer(&report::rehearsed(&seen));
    Ok(())
}
