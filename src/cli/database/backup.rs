use std::path::Path;

use super::{Intent, Work};
use crate::backup::Request;
use crate::error::Result;
use crate::report::Ui;
use std::path::PathBuf;

use crate::step::BackupFormat;

/// The form of a backup.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Form {
    Fast,
    Zip,
    Dump,
}

impl From<Form> for BackupFormat {
    fn from(form: Form) -> Self {
        match form {
            Form::Fast => Self::Fast,
            Form::Zip => Self::Zip,
            Form::Dump => Self::Dump,
        }
    }
}

/// Back a database up, with its files
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  odpm database backup\n  odpm database backup -d shop --format fast\n  odpm database backup --no-filestore --out before-the-import.zip"
)]
pub struct Args {
    /// The database; odoo.database unless given
    #[arg(short, long, value_name = "DB")]
    database: Option<String>,
    /// The backup; a name of its own in backup.path unless given
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The form: a folder that restores quickly, Odoo's own zip, or a dump for pg_restore
    #[arg(short, long, value_enum, default_value = "zip")]
    format: Form,
    /// Leave the files out
    #[arg(long)]
    no_filestore: bool,
    /// How many connections dump at once, in the form `fast`
    #[arg(short, long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    #[command(flatten)]
    intent: Intent,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let work = Work::begin(start, "database backup", &args.intent).await?;
    let database = work.database(args.database.as_deref())?;
    let to = args.out.as_ref().map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone()));
    let request = Request::Backup {
        database,
        format: args.format.into(),
        taken: to.as_ref().is_some_and(|path| path.symlink_metadata().is_ok()),
        to,
        files: !args.no_filestore,
        jobs: args.jobs,
    };
    work.carry_out(&request, &args.intent, true, ui).await
}
