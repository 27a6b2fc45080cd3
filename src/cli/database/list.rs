use std::path::Path;

use crate::cli::session::Session;
use crate::error::{Error, Result};
use crate::observe;
use crate::report::{self, Format, Ui};

/// List the databases: owner, size, Odoo, files, last backup
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  odpm database list")]
pub struct Args {
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let session = Session::reading(start)?;
    let seen = observe::databases(&session.loaded, true).await?;
    if let Some(why) = seen.all.why() {
        return Err(Error::environment("the databases cannot be listed")
            .because(why)
            .hint("See how the server is: odpm database status"));
    }
    ui.answer(&match args.format {
        Format::Text => report::databases(&seen),
        Format::Json => report::json(&report::DatabaseList::of(&seen))?,
    });
    Ok(0)
}
