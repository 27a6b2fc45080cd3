use std::path::Path;

use super::{Intent, Work};
use crate::backup::Request;
use crate::error::Result;
use crate::report::Ui;
use std::path::PathBuf;

use crate::backup::{Identity, Modules, Restore};
use crate::observe;

/// Restore a backup: Odoo's zip, odpm's own, pg_dump -Fc, .sql, .sql.gz, an unpacked zip
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  odpm database restore shop.zip -d copy --as-copy --neutralize\n  odpm database restore shop.zip -d shop --replace --keep-old"
)]
pub struct Args {
    /// The backup: a path, or a name in backup.path
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The database
    #[arg(short, long, value_name = "DB")]
    database: Option<String>,
    /// Take the place of a database of this name, once the restored one has passed its checks
    #[arg(long)]
    replace: bool,
    /// Keep the replaced one, for `odpm undo`
    #[arg(long, requires = "replace")]
    keep_old: bool,
    /// Switch off what it does outside - mail, payments, crons, webhooks, keys - before anybody sees it
    #[arg(long)]
    neutralize: bool,
    /// A copy beside its original: it gets an identity of its own
    #[arg(long, conflicts_with = "as_move")]
    as_copy: bool,
    /// The original, moved: it keeps its identity (the usual)
    #[arg(long)]
    as_move: bool,
    /// Leave the files out
    #[arg(long)]
    no_filestore: bool,
    /// How many connections load at once, where the form allows it
    #[arg(short, long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    #[command(flatten)]
    intent: Intent,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let work = Work::begin(start, "database restore", &args.intent).await?;
    let backup = observe::backup(&work.session.loaded, &args.file)?;
    let database = work.database(args.database.as_deref())?;
    let request = Request::Restore(Box::new(Restore {
        backup,
        database,
        replace: args.replace,
        keep_old: args.keep_old,
        neutralize: args.neutralize,
        identity: if args.as_copy { Identity::Copy } else { Identity::Move },
        files: !args.no_filestore,
        jobs: args.jobs,
        modules: Modules::default(),
        admin_login: None,
    }));
    work.carry_out(&request, &args.intent, args.database.is_some(), ui).await
}
