use std::path::{Path, PathBuf};

use super::{Intent, Work};
use crate::backup::Request;
use crate::backup_file;
use crate::base::Meter;
use crate::cli::session::Session;
use crate::engine::read_dump;
use crate::error::{Error, Result};
use crate::facts::Verified;
use crate::observe::{self, Depth};
use crate::report::{self, Format, Ui};
use crate::state;

/// Read a backup whole: checksums, completeness, manifest; --deep restores it on trial
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  odpm database verify shop-20261120T211333Z.zip\n  odpm database verify shop.zip --deep"
)]
pub struct Args {
    /// The backup: a path, or a name in backup.path
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Restore it into a scratch database as well, check that, and drop it again; it counts as a drill
    #[arg(long)]
    deep: bool,
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    #[command(flatten)]
    intent: Intent,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    if args.deep {
        let work = Work::begin(start, "database verify", &args.intent).await?;
        let backup = observe::backup(&work.session.loaded, &args.file)?;
        let request = Request::Drill { backup: Box::new(backup), jobs: 2 };
        return work.carry_out(&request, &args.intent, true, ui).await;
    }
    let session = Session::reading(start)?;
    let backup = observe::backup(&session.loaded, &args.file)?;
    let source = backup
        .source
        .ok_or_else(|| Error::input(format!("{} is no backup that odpm knows", backup.path.display())))?;
    let mut verdict = backup_file::verify(&backup.path, source, &Meter::default())?;
    let mut whole = true;
    if let Some(dump) = source.own_dump(&backup.path) {
        let view = session.observe(Depth::Live).await?;
        match session.operator(&view) {
            Some(operator) => {
                let read = read_dump(session.engine.as_ref(), &operator, &dump).await;
                verdict.wrong.extend(read.err());
            }
            None => {
                whole = false;
                verdict
                    .notes
                    .push("pg_restore is not on this machine: the dump itself was not read".to_owned());
            }
        }
    }
    let good = verdict.wrong.is_empty();
    if good && whole && backup.manifest.is_some() {
        let found = Verified { backup: backup.path.clone(), at: jiff::Timestamp::now() };
        // That it cannot be written down makes the backup no worse.
        let _ = state::keep_verified(&session.loaded.state, found);
    }
    ui.answer(&match args.format {
        Format::Text => report::verdict(&backup, &verdict),
        Format::Json => report::json(&verdict)?,
    });
    Ok(if good { 0 } else { 1 })
}
