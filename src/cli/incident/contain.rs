use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use crate::base::time::stamp;
use crate::cli::intent::Intent;
use crate::cli::session::Session;
use crate::error::Result;
use crate::facts::Happening;
use crate::incident::Request;
use crate::observe::{self, Depth};
use crate::report::Ui;
use crate::state::{self, cannot};

/// How long the evidence may keep anybody waiting.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(90);

/// How many hours of the logs are kept as evidence.
const HOURS: i64 = 6;

/// Keep the evidence, then stop the crons, slow the workers, freeze deployments; all of it undone by reopen
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  odpm incident contain\n  odpm incident contain --read-only")]
pub struct Args {
    /// The database; odoo.database unless given
    #[arg(short, long, value_name = "DB")]
    database: Option<String>,
    /// Stop Odoo, let nobody write to the database but odpm's repairs, and send everybody away once
    #[arg(long)]
    read_only: bool,
    #[command(flatten)]
    intent: Intent,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let session = args.intent.session(start, "incident contain")?;
    let database = session.database(args.database.as_deref())?;
    if !args.intent.reads_only() {
        // Whatever keeps odpm from keeping it, what does damage is stopped.
        match tokio::time::timeout(PATIENCE, keep(&session, &database, ui)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => ui.insist(&format!("note: not all of the evidence was kept: {error}")),
            Err(_) => ui.insist("note: not all of the evidence was kept: it took too long"),
        }
    }
    let view = session.observe(Depth::Live).await?;
    let request = Request::Contain { database: &database, read_only: args.read_only };
    let plan = session.incident_plan(&request, &view);
    args.intent.carry_out(&session, &plan, true, ui).await
}

/// Before anything is touched: what sessions, locks and logs say. Where no incident is open, one is begun with it.
async fn keep(session: &Session, database: &str, ui: Ui) -> Result<()> {
    let state = &session.loaded.state;
    let now = Timestamp::now();
    let id = match state::open_incident(state)? {
        Some(open) => open.id,
        None => {
            let id = stamp(now);
            let text = "contained before anything was noted";
            state::tell(
                state,
                &id,
                crate::cli::chronicle::told(Happening::Opened, text, serde_json::Value::Null),
            )?;
            id
        }
    };
    let folder = state.incident(&id).join(format!("evidence-{}", now.strftime("%H%M%S")));
    state::make_dir(&folder, 0o700).map_err(|e| cannot("make", &folder, &e))?;
    let since = now.checked_sub(SignedDuration::from_hours(HOURS)).unwrap_or(now);
    let mut kept = Vec::new();
    for (name, text) in observe::evidence(&session.loaded, session.engine.as_ref(), database, since).await? {
        let path = folder.join(&name);
        match text {
            Ok(text) => {
                state::replace(&path, text.as_bytes(), 0o600).map_err(|e| cannot("write", &path, &e))?;
                kept.push(name);
            }
            Err(error) => ui.say(&format!("There is no {name}: {}", error.report().why.join(": "))),
        }
    }
    let text = format!("evidence was kept: {}", kept.join(", "));
    ui.say(&format!("{} ({})", text, folder.display()));
    session.chronicle(Happening::Finding, &text, serde_json::json!({ "folder": folder }), ui);
    Ok(())
}
