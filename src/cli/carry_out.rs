//! Shows a plan, has it confirmed, and gives it to the interpreter.

use super::chronicle;
pub use super::consent::{Consent, Naming};
use super::consent::{ask, confirm};
use super::session::Session;
use crate::apply::{self, Stop};
use crate::error::{Error, Result};
use crate::observe;
use crate::plan::{Journal, Plan, Record};
use crate::report::{self, Progress, Ui};
use crate::state::{self, JournalFile};
use crate::step::Step;
use crate::world::{Log, RealJournal, real};

/// A new run of the plan. Gives the exit code.
pub async fn begin(session: &Session, plan: &Plan, consent: &Consent, ui: Ui) -> Result<u8> {
    if let Some(error) = report::blocked(plan).or_else(|| report::pending(plan)) {
        plan.warnings.iter().for_each(|warning| ui.insist(&format!("note: {warning}")));
        return Err(error);
    }
    ui.answer(&report::plan(plan));
    if plan.is_empty() {
        return Ok(0);
    }
    confirm(session, plan, consent, ui)?;
    let mut log = RealJournal(JournalFile::create(&session.loaded.state, &plan.run)?);
    let by = observe::author().name;
    log.append(Record::Begin { plan: Box::new(plan.clone()), pid: std::process::id(), by })?;
    run(session, plan, None, &mut log, ui).await
}

/// Goes on with a run. Gives the exit code.
pub async fn go_on(session: &Session, journal: &Journal, yes: bool, ui: Ui) -> Result<u8> {
    ui.answer(&report::plan(&journal.plan));
    ui.say(&format!("{} of {} steps are done.", journal.finished.len(), journal.plan.steps.len()));
    // What it destroys was agreed to when it began.
    ask(&journal.plan, yes, ui)?;
    let mut log = RealJournal(JournalFile::reopen(&session.loaded.state, &journal.plan.run)?);
    run(session, &journal.plan, Some(journal), &mut log, ui).await
}

async fn run(
    session: &Session,
    plan: &Plan,
    earlier: Option<&Journal>,
    log: &mut dyn Log,
    ui: Ui,
) -> Result<u8> {
    let loaded = &session.loaded;
    let begun = std::time::Instant::now();
    // The world takes an engine of its own: the session goes on looking through the first.
    let engine = crate::engine::of(&loaded.project);
    let mut world = real(&loaded.state, &plan.run, engine, loaded.secrets.clone());
    let stop = Stop::default();
    let listener = listen(stop.clone(), ui)?;
    let mut progress = Progress::new(ui, loaded.project.root.clone());
    let result = apply::run(plan, earlier, &mut world, log, &stop, &mut |event| progress.tell(&event)).await;
    listener.abort();
    chronicle::run(session, plan, &result, ui);
    let journal = || state::find_journal(&loaded.state, &plan.run);
    if let Err(error) = result {
        let back = journal().ok().flatten().map(|journal| report::way_back(&journal)).unwrap_or_default();
        return Err(back.into_iter().fold(error, Error::hint));
    }
    let took = report::duration(begun.elapsed());
    let steps = match plan.steps.len() {
        1 => "1 step".to_owned(),
        count => format!("{count} steps"),
    };
    ui.answer(&format!("Done: {} ({}), {steps} in {took}.", plan.command, plan.run));
    // What was set aside is nobody's to remove but a person's, who has to know of it.
    let replaced =
        plan.steps.iter().any(|step| matches!(step.step, Step::ReplaceData(_) | Step::CopyTables(_)));
    if let Some(journal) = replaced.then(journal).transpose()?.flatten() {
        report::set_aside(&journal)
            .iter()
            .chain(&report::way_back(&journal))
            .for_each(|line| ui.answer(line));
    }
    Ok(0)
}

/// Ctrl-C, or a polite kill: the first stops after the step at hand, the second at once.
///
/// From the return of this on neither ends the process by itself.
fn listen(stop: Stop, ui: Ui) -> Result<tokio::task::JoinHandle<()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let open = |kind| signal(kind).map_err(|e| Error::environment("cannot listen for signals").caused_by(&e));
    let (mut interrupt, mut terminate) = (open(SignalKind::interrupt())?, open(SignalKind::terminate())?);
    Ok(tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if !stop.asked() {
                ui.insist("Stopping after this step; once more stops at once.");
            }
            stop.ask();
        }
    }))
}
