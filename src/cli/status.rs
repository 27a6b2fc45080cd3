use std::path::Path;

use super::session::Session;
use crate::error::Result;
use crate::facts::DrillKind;
use crate::grounds::specs;
use crate::observe::{self, Depth};
use crate::report::{self, Format, Status, Ui};
use crate::stack::Request;
use crate::state;

/// Show services, cluster, drift, unfinished applies and the last backup
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  odpm status\n  odpm status --format json --strict")]
pub struct Args {
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// Exit with 3 on drift that waits for a person, or on an unfinished run
    #[arg(long)]
    strict: bool,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let (status, waits) = look(start).await?;
    ui.answer(&match args.format {
        Format::Text => report::status(&status),
        Format::Json => report::json(&status)?,
    });
    Ok(if args.strict && waits { 3 } else { 0 })
}

/// How the project is, and whether something waits for a person.
pub async fn look(start: &Path) -> Result<(Status, bool)> {
    let session = Session::reading(start)?;
    let view = session.observe(Depth::Live).await?;
    let plan =
        session.plan(&Request::Up { skip_start: false, accepted: Vec::new(), set_aside: false }, &view);
    let waits = plan.pending().next().is_some() || view.seen.unfinished.is_some();
    let project = &session.loaded.project;
    let holder = state::holder(&session.loaded.state);
    let grounds = session.grounds(&view);
    let archive = match &project.archive {
        Some(archive) => {
            let seen = observe::archive(&session.loaded).await?;
            Some(report::ArchiveStatus::of(archive, &seen, view.seen.at))
        }
        None => None,
    };
    let status = Status {
        format_version: 1,
        project: project.name.clone(),
        scenario: project.scenario.as_str().to_owned(),
        engine: project.engine.as_str().to_owned(),
        external: project.postgres.external.as_ref().map(|external| external.address()),
        server: view.seen.engine.server.clone(),
        services: view.seen.engine.services.clone(),
        odoo: view.seen.engine.odoo.clone(),
        wanted: project
            .odoo
            .services
            .keys()
            .map(|name| (name.clone(), specs::replicas(name, &grounds)))
            .collect(),
        notes: plan.warnings,
        data: project.postgres.data.display().to_string(),
        cluster: view.seen.data_dir.clone(),
        live: view.seen.live.clone(),
        drift: plan.drift,
        recorded_at: view.baseline.get().map(|baseline| baseline.recorded_at.clone()),
        unfinished: view.seen.unfinished.clone(),
        locked_by: holder
            .map(|h| format!("odpm {} of {} (pid {}), since {}", h.command, h.by, h.pid, h.since)),
        steps: plan.steps.len(),
        blocked: plan
            .blocked
            .into_iter()
            .filter(|b| b.code != "unfinished_run")
            .map(|block| block.what)
            .collect(),
        last_backup: observe::backups(&session.loaded)
            .iter()
            .rev()
            .find_map(|backup| Some(backup.manifest.as_ref()?.created_at.clone())),
        last_drill: observe::last_drill(&session.loaded, DrillKind::Restore),
        last_rehearsal: observe::last_drill(&session.loaded, DrillKind::Sidecar),
        contained: specs::contained(&grounds),
        incident: state::open_incident(&session.loaded.state)?
            .map(|incident| format!("{}: {}", incident.id, incident.note())),
        archive,
        sidecars: observe::sidecars(&session.loaded)?,
        now: view.seen.at,
    };
    Ok((status, waits))
}
