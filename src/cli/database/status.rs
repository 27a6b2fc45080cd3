use std::path::Path;

use crate::cli::session::Session;
use crate::drift::fingerprint;
use crate::error::Result;
use crate::facts::{BaselineSeen, ServerSeen};
use crate::observe::Depth;
use crate::report::{self, DatabaseStatus, Format, Ui};
use crate::stack::Request;

/// Show the fingerprint, drift, and what the server answers
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  odpm database status")]
pub struct Args {
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// Exit with 3 on drift that waits for a person
    #[arg(long)]
    strict: bool,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let session = Session::reading(start)?;
    let view = session.observe(Depth::Live).await?;
    let plan =
        session.plan(&Request::Up { skip_start: false, accepted: Vec::new(), set_aside: false }, &view);
    let now = fingerprint(&session.loaded.project, &view.seen);
    let running = |server: &ServerSeen| !matches!(server, ServerSeen::Stopped);
    let waits = plan.pending().next().is_some();
    let status = DatabaseStatus {
        format_version: 1,
        fingerprint: now.digest().to_string(),
        compose: now.baseline.compose,
        odoo_conf: now.baseline.odoo_conf,
        cluster: now.baseline.cluster,
        last_run_present: !matches!(view.baseline, BaselineSeen::Absent),
        first_run: matches!(view.baseline, BaselineSeen::Absent),
        postgres_container_running: view.seen.engine.server.get().map(running),
        postgres_ready: view.seen.live.ready.get().copied(),
        app_role_present: view.seen.live.role_present.get().copied(),
        app_role_login: view.seen.live.role_login.get().copied(),
        drifts: plan
            .drift
            .iter()
            .filter(|j| j.drift.kind != crate::drift::Kind::FirstRun)
            .map(Into::into)
            .collect(),
        live: view.seen.live,
        drift: plan.drift,
    };
    ui.answer(&match args.format {
        Format::Text => report::database_status(&status),
        Format::Json => report::json(&status)?,
    });
    Ok(if args.strict && waits { 3 } else { 0 })
}
