use std::path::Path;

use super::foreground;
use super::session::Session;
use crate::base::SecretRef;
use crate::engine::local::Local;
use crate::engine::{Engine, Visit};
use crate::error::Result;
use crate::grounds::specs;
use crate::project::EngineKind;
use crate::report::Ui;
use crate::state;

/// Open psql on the project's database, as the application role
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  odpm psql\n  odpm psql -d shop -c 'SELECT count(*) FROM res_partner'")]
pub struct Args {
    /// The database; odoo.database, else postgres
    #[arg(short, long, value_name = "DB")]
    database: Option<String>,
    /// Options of psql; all that come after odpm's own
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
    options: Vec<String>,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let session = Session::reading(start)?;
    let project = &session.loaded.project;
    let wanted = SecretRef::AppPassword;
    let secret = session.loaded.secrets.find(&wanted)?.ok_or_else(|| state::missing(&wanted))?;
    let endpoint = specs::endpoint(project);
    // Inside its container the server has its usual port.
    let inside = project.engine == EngineKind::Docker && project.postgres.external.is_none();
    let port = if inside { 5432 } else { endpoint.port };
    let database = args.database.as_deref().or(project.odoo.database.as_deref()).unwrap_or("postgres");
    let mut words =
        ["psql", "-h", &endpoint.host, "-p", &port.to_string(), "-U", &project.postgres.role, "-d", database]
            .map(str::to_owned)
            .to_vec();
    words.extend(args.options.iter().cloned());
    let engine: &dyn Engine = if inside { session.engine.as_ref() } else { &Local };
    let visit = Visit { project, service: "db", words: &words, env: &["PGPASSWORD"], tty: ui.can_ask() };
    let mut command = engine.command_in(&visit).await?;
    if let Some(tls) = &endpoint.tls {
        command.env("PGSSLMODE", tls.mode.as_str());
        tls.root.iter().for_each(|root| {
            command.env("PGSSLROOTCERT", root);
        });
    }
    command.env("PGPASSWORD", secret.reveal());
    foreground::run(command)
}
