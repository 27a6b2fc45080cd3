use std::path::Path;

use jiff::Timestamp;

use crate::cli::carry_out::{self, Consent};
use crate::cli::intent::Intent;
use crate::cli::session::Session;
use crate::error::{Error, Result};
use crate::facts::Happening;
use crate::incident::{Limits, Request, Trouble, stages, troubles};
use crate::observe::{self, Depth};
use crate::report::Ui;

/// Let go of what is held back, one of each first, and look on; trouble holds it back again
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  odpm incident reopen\n  odpm incident reopen --watch 5m --errors 3 --yes

Each step is watched for as long: lines of the logs that are trouble, sessions that wait for locks, the rate of writes."
)]
pub struct Args {
    /// How long each step is watched
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = crate::cli::length)]
    watch: u64,
    /// How many lines of the logs may be trouble
    #[arg(long, value_name = "LINES", default_value = "0")]
    errors: usize,
    #[command(flatten)]
    intent: Intent,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let seconds = args.watch;
    if args.intent.saves() {
        return Err(Error::usage("a reopening cannot be saved")
            .because("it looks on between its steps, which a saved plan does not"));
    }
    let session = args.intent.session(start, "incident reopen")?;
    let view = session.observe(Depth::Live).await?;
    let grounds = session.grounds(&view);
    let Some(contained) = crate::grounds::specs::contained(&grounds) else {
        ui.answer("Nothing is held back.");
        return Ok(0);
    };
    let stages = stages(&grounds);
    let count = stages.len();
    for (at, limits) in stages.iter().enumerate() {
        let view = session.observe(Depth::Live).await?;
        let plan = session.incident_plan(&Request::Reopen { limits }, &view);
        ui.say(&format!("Step {} of {count} of the reopening: {}", at + 1, told(limits)));
        // What was agreed to once is agreed to for all steps.
        let code = match at {
            0 => args.intent.carry_out(&session, &plan, true, ui).await?,
            _ => carry_out::begin(&session, &plan, &Consent::of(true), ui).await?,
        };
        if args.intent.reads_only() {
            stages[1..].iter().for_each(|limits| ui.answer(&format!("Then: {}", told(limits))));
            return Ok(code);
        }
        if code != 0 {
            return Ok(code);
        }
        // What it took to get there is no trouble of the shop's.
        let begun = Timestamp::now();
        if seconds == 0 {
            continue;
        }
        ui.say(&format!("Watching for {seconds} s."));
        let (loaded, engine) = (&session.loaded, session.engine.as_ref());
        let found = tokio::select! {
            calm = observe::calm(loaded, engine, &contained.database, begun, seconds) => match calm {
                Ok(calm) => troubles(&calm, args.errors),
                Err(error) => vec![Trouble(format!("it cannot be watched: {error}"))],
            },
            // Whoever interrupts has seen something.
            _ = tokio::signal::ctrl_c() => vec![Trouble("it was interrupted".to_owned())],
        };
        if !found.is_empty() {
            return contain_again(&session, &contained.database, contained.read_only, &found, ui).await;
        }
        session.chronicle(Happening::Finding, "it was calm after that step", serde_json::Value::Null, ui);
    }
    ui.answer(
        "Everything runs as odpm.yaml says. When nothing is left to be done: odpm incident close --note TEXT",
    );
    Ok(0)
}

/// What a stage lets go of.
fn told(limits: &Limits) -> String {
    match limits.keys().map(String::as_str).collect::<Vec<_>>().join(", ") {
        held if held.is_empty() => "everything as odpm.yaml says".to_owned(),
        held => format!("one of each first ({held})"),
    }
}

async fn contain_again(
    session: &Session,
    database: &str,
    read_only: bool,
    found: &[Trouble],
    ui: Ui,
) -> Result<u8> {
    let told: Vec<&str> = found.iter().map(|trouble| trouble.0.as_str()).collect();
    let text = format!("trouble while it was reopened: {}", told.join("; "));
    session.chronicle(Happening::Finding, &text, serde_json::Value::Null, ui);
    let view = session.observe(Depth::Live).await?;
    let plan = session.incident_plan(&Request::Contain { database, read_only }, &view);
    carry_out::begin(session, &plan, &Consent::of(true), ui).await?;
    let error = Error::refused("it is held back again: there was trouble");
    Err(told
        .into_iter()
        .fold(error, Error::because)
        .hint("Look at the logs: odpm logs --since 10m --grep 'Traceback|ERROR'"))
}
