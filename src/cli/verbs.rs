//! The verbs, and which file each of them is.

use std::path::Path;

use clap::{CommandFactory, Subcommand};

use super::*;
use crate::error::Result;
use crate::report::{Format, Ui};

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    Init(init::Args),
    Validate(validate::Args),
    Plan(plan::Args),
    Apply(apply::Args),
    Status(status::Args),
    Down(down::Args),
    History(history::Args),
    Undo(undo::Args),
    Database(database::Args),
    Archive(archive::Args),
    Incident(incident::Args),
    Upgrade(upgrade::Args),
    Migrate(migrate::Args),
    #[command(hide = true)]
    Classic(database::classic::Args),
    Watchdog(watchdog::Args),
    Logs(logs::Args),
    Scale(scale::Args),
    Exec(exec::Args),
    Psql(psql::Args),
    Sql(sql::Args),
    Doctor(doctor::Args),
    Completions(completions::Args),
    Man(man::Args),
    Schema(schema::Args),
}

impl Verb {
    /// The form of the verb's answer.
    pub fn format(&self) -> Format {
        match self {
            Self::Validate(args) => args.format,
            Self::Plan(args) => args.format,
            Self::Status(args) => args.format,
            Self::History(args) => args.format,
            Self::Database(args) => args.format(),
            Self::Sql(args) => args.format,
            Self::Doctor(args) => args.format,
            Self::Watchdog(args) => args.format(),
            Self::Archive(args) => args.format(),
            Self::Incident(args) => args.format(),
            Self::Upgrade(args) => args.format(),
            Self::Migrate(args) => args.format(),
            Self::Init(_)
            | Self::Apply(_)
            | Self::Down(_)
            | Self::Undo(_)
            | Self::Classic(_)
            | Self::Logs(_)
            | Self::Scale(_)
            | Self::Exec(_)
            | Self::Psql(_)
            | Self::Completions(_)
            | Self::Man(_)
            | Self::Schema(_) => Format::Text,
        }
    }

    /// Runs the verb; gives the exit code of a success.
    pub async fn run(&self, start: &Path, ui: Ui) -> Result<u8> {
        match self {
            Verb::Init(args) => init::run(args, start, ui),
            Verb::Validate(args) => validate::run(args, start, ui),
            Verb::Plan(args) => plan::run(args, start, ui).await,
            Verb::Apply(args) => apply::run(args, start, ui).await,
            Verb::Status(args) => status::run(args, start, ui).await,
            Verb::Down(args) => down::run(args, start, ui).await,
            Verb::History(args) => history::run(args, start, ui),
            Verb::Undo(args) => undo::run(args, start, ui).await,
            Verb::Database(args) => database::run(args, start, ui).await,
            Verb::Classic(args) => database::classic::run(args, start, ui).await,
            Verb::Watchdog(args) => watchdog::run(args, start, ui).await,
            Verb::Archive(args) => archive::run(args, start, ui).await,
            Verb::Incident(args) => incident::run(args, start, ui).await,
            Verb::Upgrade(args) => upgrade::run(args, start, ui).await,
            Verb::Migrate(args) => migrate::run(args, start, ui).await,
            Verb::Logs(args) => logs::run(args, start, ui).await,
            Verb::Scale(args) => scale::run(args, start, ui).await,
            Verb::Exec(args) => exec::run(args, start, ui).await,
            Verb::Sql(args) => sql::run(args, start, ui).await,
            Verb::Psql(args) => psql::run(args, start, ui).await,
            Verb::Doctor(args) => doctor::run(args, start, ui).await,
            Verb::Completions(args) => completions::run(args, Cli::command(), ui),
            Verb::Man(args) => man::run(args, Cli::command(), ui),
            Verb::Schema(args) => schema::run(args, ui),
        }
    }
}
