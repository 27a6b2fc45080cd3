//! Runs a plan, or goes on with an interrupted one.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Event, guard, steps};
use crate::base::Meter;
use crate::error::{Error, Kind, Result};
use crate::facts::RunStatus;
use crate::plan::{Journal, Outcome, Plan, PlannedStep, Record};
use crate::step::Resume;
use crate::world::{Log, World};

/// How often it is told how far a step has come.
const BEAT: std::time::Duration = std::time::Duration::from_millis(250);

/// A wish to stop: after the current step, and when repeated at once.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    soon: Arc<AtomicBool>,
    now: Arc<tokio::sync::Notify>,
}

impl Stop {
    /// Asks to stop after the current step; the second time, to stop at once.
    pub fn ask(&self) {
        if self.soon.swap(true, Ordering::SeqCst) {
            self.now.notify_one();
        }
    }

    /// Whether a stop was asked for.
    pub fn asked(&self) -> bool {
        self.soon.load(Ordering::SeqCst)
    }
}

/// Runs the steps of a plan that `earlier` attempts have not done.
///
/// The journal must hold the plan's [`Record::Begin`] already. Whatever happens, the journal tells: an
/// error is written down as the step's failure, a wish to stop as an interruption, and a process that
/// dies leaves the step begun and not finished.
pub async fn run(
    plan: &Plan,
    earlier: Option<&Journal>,
    world: &mut World,
    log: &mut dyn Log,
    stop: &Stop,
    tell: &mut dyn FnMut(Event<'_>),
) -> Result<()> {
    let total = plan.steps.len();
    for (index, step) in plan.steps.iter().enumerate() {
        if earlier.is_some_and(|journal| journal.is_finished(&step.id)) {
            tell(Event::Skipped { step });
            continue;
        }
        // Steps that never wait would leave no moment in which a wish to stop could be heard.
        tokio::task::yield_now().await;
        if stop.asked() {
            return Err(interrupted(log, step));
        }
        tell(Event::Started { number: index + 1, total, step });
        let begun = earlier.filter(|journal| journal.stopped_in.as_ref() == Some(&step.id));
        let attempts = begun.map_or(0, |journal| journal.attempts);
        let meter = world.meter.clone();
        meter.begin(0);
        let work = one(step, attempts, world, log);
        match until_stopped(work, &meter, stop, tell).await {
            Some(Ok(outcome)) => {
                tell(Event::Finished { step, outcome: &outcome });
                log.append(Record::Finished { step: step.id.clone(), outcome })?;
            }
            Some(Err(error)) => {
                log.append(Record::Failed { step: step.id.clone(), error: error.to_string() })?;
                log.append(Record::End { status: RunStatus::Failed })?;
                return Err(error.hint(format!(
                    "The run {} is kept: `odpm apply --resume` goes on with it, `odpm apply --abandon` gives it up.",
                    plan.run
                )));
            }
            None => return Err(interrupted(log, step)),
        }
    }
    log.append(Record::End { status: RunStatus::Done })
}

/// Gives an unfinished run up: what it did stays done, and no other run has to wait for it.
pub fn abandon(log: &mut dyn Log) -> Result<()> {
    log.append(Record::End { status: RunStatus::Abandoned })
}

/// One step. That it is begun is written down only when its guards hold, for a later attempt asks a step that was begun whether
/// it took effect, and would take another's work for its own.
async fn one(step: &PlannedStep, attempts: u32, world: &mut World, log: &mut dyn Log) -> Result<Outcome> {
    if attempts == 0 {
        guard::check(step, world).await?;
    }
    log.append(Record::Started { step: step.id.clone(), attempt: attempts + 1 })?;
    if attempts > 0 {
        if step.step.resume() == Resume::Probe
            && let Some(outcome) = steps::probe(&step.step, world).await?
        {
            return Ok(outcome);
        }
        guard::check(step, world).await?;
    }
    steps::run(&step.step, world).await
}

/// Waits for the work; `None` when a second wish to stop came first.
async fn until_stopped<T>(
    work: impl Future<Output = T>,
    meter: &Meter,
    stop: &Stop,
    tell: &mut dyn FnMut(Event<'_>),
) -> Option<T> {
    tokio::pin!(work);
    let mut beat = tokio::time::interval(BEAT);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return Some(done),
            () = stop.now.notified() => {
                tell(Event::Stopping);
                return None;
            }
            _ = beat.tick() => {
                let ((done, total), words) = (meter.read(), meter.words());
                if done > 0 || !words.is_empty() {
                    tell(Event::Working { done, total, words: &words });
                }
            }
        }
    }
}

fn interrupted(log: &mut dyn Log, step: &PlannedStep) -> Error {
    let error = Error::new(Kind::Interrupted, format!("interrupted before {} was done", step.id))
        .hint("`odpm apply --resume` goes on, `odpm apply --abandon` gives the run up.");
    match log.append(Record::End { status: RunStatus::Interrupted }) {
        Ok(()) => error,
        Err(also) => error.because(also),
    }
}
