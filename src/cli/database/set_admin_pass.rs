use std::path::Path;

use super::{Intent, Work};
use crate::backup::Request;
use crate::cli::admin_password::AdminPassword;
use crate::error::Result;
use crate::report::Ui;

/// Set login and password of Odoo's administrator (user 2)
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  odpm database set-admin-pass\n  ODPM_ADMIN_PASSWORD=... odpm database set-admin-pass -d rehearsal --yes"
)]
pub struct Args {
    /// The database; odoo.database unless given
    #[arg(short, long, value_name = "DB")]
    database: Option<String>,
    #[command(flatten)]
    password: AdminPassword,
    #[command(flatten)]
    intent: Intent,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let mut work = Work::begin(start, "database set-admin-pass", &args.intent).await?;
    let database = work.database(args.database.as_deref())?;
    // A plan names no password: whoever applies it gives one.
    if !args.intent.reads_only() {
        work.session.loaded.secrets = args.password.password.give(&work.session.loaded.secrets, ui)?;
    }
    let request = Request::SetPassword { database, login: args.password.admin_login.clone() };
    work.carry_out(&request, &args.intent, true, ui).await
}
