use std::path::Path;

use super::Intent;
use crate::cli::session::Session;
use crate::error::{Error, Result};
use crate::incident::Request;
use crate::observe::{self, Depth};
use crate::report::{self, Format, Ui};
use crate::step::Ending;

/// Who is running what, since when, and who waits for whom; cancel a statement, terminate a session
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  odpm incident sessions\n  odpm incident sessions --cancel 4711\n  odpm incident sessions --terminate 4711"
)]
pub struct Args {
    /// Cancel the statement of this process
    #[arg(long, value_name = "PID", conflicts_with = "terminate")]
    cancel: Option<i32>,
    /// Cancel its statement, then terminate the session
    #[arg(long, value_name = "PID")]
    terminate: Option<i32>,
    /// Show idle sessions, too
    #[arg(long)]
    all: bool,
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    #[command(flatten)]
    intent: Intent,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let ending =
        args.cancel.map(|pid| (pid, Ending::Cancel)).or(args.terminate.map(|pid| (pid, Ending::Terminate)));
    let Some((pid, ending)) = ending else {
        let loaded = Session::reading(start)?.loaded;
        let mut sessions = observe::sessions(&loaded).await?;
        sessions.retain(|seen| args.all || seen.state != "idle");
        ui.answer(&match args.format {
            Format::Text => report::sessions(&sessions, jiff::Timestamp::now()),
            Format::Json => report::json(&sessions)?,
        });
        return Ok(0);
    };
    // Without the lock: somebody else's backup must not keep a person from stopping what does damage.
    let session = Session::reading(start)?;
    let view = session.observe(Depth::Live).await?;
    let sessions = observe::sessions(&session.loaded).await?;
    let seen = sessions.into_iter().find(|seen| seen.pid == pid).ok_or_else(|| {
        Error::refused(format!("there is no session with the process {pid}"))
            .hint("See: odpm incident sessions")
    })?;
    let plan = session.incident_plan(&Request::End { seen: &seen, ending }, &view);
    args.intent.carry_out(&session, &plan, true, ui).await
}
