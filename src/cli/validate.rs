use std::path::Path;

use crate::error::Result;
use crate::observe;
use crate::report::{self, Format, Ui};

/// Check odpm.yaml and .env alone; nothing else is looked at
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  odpm validate\n  odpm validate --format json")]
pub struct Args {
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

pub fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let project = observe::load(start)?.project;
    match args.format {
        Format::Text => ui.answer(&format!(
            "{} is valid: project {}, scenario {}, engine {}, Odoo {}, PostgreSQL {}.",
            project.file.file_name().unwrap_or_default().display(),
            project.name,
            project.scenario.as_str(),
            project.engine.as_str(),
            project.odoo.version,
            project.postgres.version
        )),
        Format::Json => {
            ui.answer(&report::json(
                &serde_json::json!({ "format_version": 1, "valid": true, "project": project.name }),
            )?);
        }
    }
    Ok(0)
}
