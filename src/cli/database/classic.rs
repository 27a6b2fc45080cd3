use std::path::Path;

use super::{Intent, Work};
use crate::backup::{Identity, Modules, Request, Restore};
use crate::cli::admin_password::AdminPassword;
use crate::error::{Error, Result};
use crate::observe;
use crate::report::Ui;
use crate::step::BackupFormat;

/// The flags of odpm 4 on databases: `odpm -d DB --db-drop --db-restore FILE -i -u --set-admin-pass`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The database; odoo.database unless given
    #[arg(short, long, value_name = "DB")]
    database: Option<String>,
    /// Back it up first, as a zip of this name in backup.path
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    db_backup: Option<String>,
    /// Drop it; with --db-restore, take its place once the restored one has passed
    #[arg(long)]
    db_drop: bool,
    /// Restore this backup: a path, or a name in backup.path
    #[arg(long, value_name = "NAME")]
    db_restore: Option<String>,
    /// Install these modules; modules.install of odpm.yaml unless named
    #[arg(short, long, value_name = "MODULES", num_args = 0..=1, default_missing_value = "")]
    install: Option<String>,
    /// Update these modules; modules.update of odpm.yaml unless named, else modules.install
    #[arg(short, long, value_name = "MODULES", num_args = 0..=1, default_missing_value = "")]
    update: Option<String>,
    /// Set the administrator's login and password
    #[arg(long, value_name = "PASSWORD", num_args = 0..=1, default_missing_value = "")]
    set_admin_pass: Option<String>,
    #[command(flatten)]
    password: AdminPassword,
    #[command(flatten)]
    intent: Intent,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    if args.set_admin_pass.as_ref().is_some_and(|value| !value.is_empty()) {
        return Err(Error::usage("a password on the command line can be read by every process of this machine")
            .hint("Give --set-admin-pass alone: it is asked for, or comes from ODPM_ADMIN_PASSWORD or --admin-pass-file."));
    }
    let mut work = Work::begin(start, "database", &args.intent).await?;
    let database = work.database(args.database.as_deref())?;
    if args.set_admin_pass.is_some() && !args.intent.reads_only() {
        work.session.loaded.secrets = args.password.password.give(&work.session.loaded.secrets, ui)?;
    }
    let request = Request::Several(requests(args, &database, &work)?);
    work.carry_out(&request, &args.intent, args.database.is_some(), ui).await
}

fn requests(args: &Args, database: &str, work: &Work) -> Result<Vec<Request>> {
    let mut requests = Vec::new();
    let name = || database.to_owned();
    if let Some(to) = &args.db_backup {
        let folder = &work.session.loaded.project.backup.path;
        let to = (!to.is_empty()).then(|| folder.join(to).with_extension("zip"));
        requests.push(Request::Backup {
            database: name(),
            format: BackupFormat::Zip,
            taken: to.as_ref().is_some_and(|path: &std::path::PathBuf| path.symlink_metadata().is_ok()),
            to,
            files: true,
            jobs: 2,
        });
    }
    let (modules, login) =
        (modules(args, work), args.set_admin_pass.as_ref().map(|_| args.password.admin_login.clone()));
    if let Some(file) = &args.db_restore {
        requests.push(Request::Restore(Box::new(Restore {
            backup: observe::backup(&work.session.loaded, Path::new(file))?,
            database: name(),
            replace: args.db_drop,
            keep_old: false,
            neutralize: false,
            identity: Identity::Move,
            files: true,
            jobs: 2,
            modules,
            admin_login: login,
        })));
        return Ok(requests);
    }
    if args.db_drop {
        requests.push(Request::Drop { database: name(), keep: true });
        return Ok(requests);
    }
    if modules != Modules::default() {
        requests.push(Request::Modules { database: name(), modules });
    }
    requests.extend(login.map(|login| Request::SetPassword { database: name(), login }));
    Ok(requests)
}

/// The modules that are meant: those named, else those of odpm.yaml.
fn modules(args: &Args, work: &Work) -> Modules {
    let odoo = &work.session.loaded.project.odoo;
    let named = |text: &str| {
        text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let of = |given: &Option<String>, usual: &[String]| match given.as_deref() {
        None => Vec::new(),
        Some("") => usual.to_vec(),
        Some(text) => named(text),
    };
    let update = if odoo.update.is_empty() { &odoo.install } else { &odoo.update };
    Modules { install: of(&args.install, &odoo.install), update: of(&args.update, update) }
}
