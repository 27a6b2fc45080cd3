use std::path::{Path, PathBuf};

use super::intent::Intent;
use super::session::Session;
use crate::error::{Error, Result};
use crate::observe::{self, Depth};
use crate::report::{self, Format, Ui};
use crate::script::{Script, Wanted, plan};
use crate::state::{self, cannot};
use crate::step::ScriptTerms;

/// Rehearse a script in a transaction that is rolled back, and see what it would do; run it for good with --apply
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odpm sql fix-42.sql                          what it would do, table by table; nothing is kept
  odpm sql -c 'DELETE...'                      the script itself
  odpm sql fix-42.sql -d shop --format json
  odpm sql fix-42.sql --apply                  shown, confirmed, committed only if it does the same again
  odpm sql fix-42.sql --apply --yes
  odpm undo 20261120T211333Z-01020304          every row as it was, where nobody has written it since

A rehearsal leaves no row other than it was. It uses up a transaction id, advances the sequences that the script asks for
numbers, leaves room for VACUUM where it wrote rows, and holds its locks as long as it takes; what dblink does elsewhere is not
rolled back, and NOTIFY is never heard. The script runs as the application role, all of it in one transaction that sees one
moment. What a SELECT returns is not shown: that is what `odpm psql` is for.")]
pub struct Args {
    /// The script
    #[arg(value_name = "FILE", required_unless_present = "command", conflicts_with = "command")]
    file: Option<PathBuf>,
    /// The script itself
    #[arg(short, long, value_name = "SQL")]
    command: Option<String>,
    /// The database; odoo.database unless given
    #[arg(short, long, value_name = "DB")]
    database: Option<String>,
    /// Run it for good: a plan, and a step that is journalled
    #[arg(long)]
    apply: bool,
    /// Run it though it cannot be taken back, or record nothing for that
    #[arg(long)]
    without_undo: bool,
    /// How long each statement may take; 0 is without a limit
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    timeout: u32,
    /// How long it waits for a lock that somebody else holds
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    lock_timeout: u32,
    /// The form of the rehearsal
    #[arg(long, value_enum, default_value = "text", conflicts_with = "apply")]
    pub format: Format,
    #[command(flatten)]
    intent: Intent,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let terms = ScriptTerms { lock_timeout: args.lock_timeout, statement_timeout: args.timeout };
    let script = args.script()?;
    if !args.apply && !args.intent.reads_only() {
        let session = Session::reading(start)?;
        let database = session.database(args.database.as_deref())?;
        let seen = observe::rehearse(&session.loaded, &database, &script, terms).await?;
        ui.answer(&match args.format {
            Format::Text => report::rehearsal(&seen),
            Format::Json => report::json(&seen)?,
        });
        return Ok(0);
    }
    let session = args.intent.session(start, "sql")?;
    let database = session.database(args.database.as_deref())?;
    let view = session.observe(Depth::Live).await?;
    let seen = observe::rehearse(&session.loaded, &database, &script, terms).await?;
    ui.answer(&report::rehearsal(&seen));
    let (nowhere, folder) = args.intent.folder(&session, session.loaded.state.scripts())?;
    let kept = folder.join(format!("{}.sql", view.run()));
    state::replace(&kept, script.text.as_bytes(), 0o600).map_err(|e| cannot("write", &kept, &e))?;
    let wanted = Wanted {
        database,
        sha256: state::digest_of(&kept)?,
        script: kept,
        rehearsal: &seen,
        without_undo: args.without_undo,
        terms,
        checks: session.loaded.project.sql_checks(),
    };
    let plan = plan(&wanted, &session.grounds(&view));
    let code = args.intent.carry_out(&session, &plan, true, ui).await;
    drop(nowhere);
    code
}

impl Args {
    fn script(&self) -> Result<Script> {
        let text = match (&self.file, &self.command) {
            (_, Some(text)) => return observe::script("-c", text),
            (Some(file), None) => std::fs::read(file)
                .map_err(|e| Error::usage(format!("{} cannot be read", file.display())).caused_by(&e))?,
            (None, None) => return Err(Error::usage("there is no script")),
        };
        let file = self.file.iter().map(|file| file.display().to_string()).collect::<String>();
        let text = String::from_utf8(text).map_err(|_| {
            Error::input(format!("{file} is not UTF-8 text"))
                .hint("Convert it first: iconv -f LATIN1 -t UTF-8")
        })?;
        observe::script(&file, text.strip_prefix('\u{feff}').unwrap_or(&text))
    }
}
