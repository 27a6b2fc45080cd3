use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::session::Session;
use crate::error::{Error, Result};
use crate::observe;
use crate::report::{self, IncidentTold, Ui};
use crate::state::{self, cannot};

/// The incident on one page: timeline, the moment and its reason, what was run, gates, what is left open
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  odpm incident report\n  odpm incident report --html incident.html")]
pub struct Args {
    /// The incident; the newest unless given
    incident: Option<String>,
    /// Write it as a page of HTML
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

pub fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let loaded = Session::reading(start)?.loaded;
    let mut all = state::incidents(&loaded.state)?;
    all.retain(|incident| args.incident.as_ref().is_none_or(|id| *id == incident.id));
    let incident = all.pop().ok_or_else(|| {
        Error::refused("there is no such incident").hint("Open one: odpm incident open --note TEXT")
    })?;
    let mut open = Vec::new();
    if let Some(held) = state::contained(&loaded.state)? {
        open.push(format!("{} is held back still: {}", held.database, held.ways_out()));
    }
    for record in observe::sidecars(&loaded)? {
        open.push(format!(
            "The sidecar {0} is there still: odpm incident sidecar rm {0}",
            record.sidecar.name
        ));
    }
    if incident.is_open() {
        open.push("The incident is not closed: odpm incident close --note TEXT".to_owned());
    }
    let scripts = scripts(&loaded.state.repairs(), &incident)?;
    let told =
        IncidentTold { project: &loaded.project.name, incident: &incident, scripts: &scripts, open: &open };
    match &args.html {
        Some(path) => {
            state::replace(path, report::incident_page(&told).as_bytes(), 0o600)
                .map_err(|e| cannot("write", path, &e))?;
            ui.say(&format!("Written to {}.", path.display()));
        }
        None => ui.answer(&report::incident(&told)),
    }
    Ok(0)
}

/// The scripts of the incident's runs: their paths, and how many statements they hold.
fn scripts(folder: &Path, incident: &crate::facts::Incident) -> Result<Vec<(String, usize)>> {
    let runs: Vec<&str> = incident.timeline.iter().filter_map(|entry| entry.data["run"].as_str()).collect();
    let mut found = Vec::new();
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(".written.sql") && runs.iter().any(|run| name.starts_with(run)) {
            let text = fs::read_to_string(&path).map_err(|e| cannot("read", &path, &e))?;
            // Behind a word of warning, between BEGIN and COMMIT.
            found.push((path.display().to_string(), text.lines().count().saturating_sub(3)));
        }
    }
    Ok(found)
}
