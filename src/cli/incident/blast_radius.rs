use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::cli::session::Session;
use crate::error::{Error, Result};
use crate::facts::Happening;
use crate::incident::{fewer, parse, watched};
use crate::observe::{self, Depth};
use crate::report::{self, Format, Ui};
use crate::state;

/// What was written lately, where, when and by whom; and the moment to go back to
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  odpm incident blast-radius\n  odpm incident blast-radius --since 30m\n  odpm incident blast-radius -d shop --since 2026-11-20T17:00:00+01:00"
)]
pub struct Args {
    /// The database; odoo.database unless given
    #[arg(short, long, value_name = "DB")]
    database: Option<String>,
    /// How far back to look: `30m`, `2h`, or a moment
    #[arg(long, value_name = "SINCE", default_value = "2h")]
    since: String,
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let session = Session::reading(start)?;
    let database = session.database(args.database.as_deref())?;
    let (now, here) = (Timestamp::now(), TimeZone::system());
    let since = parse(&format!("{} ago", args.since), now, &here).or_else(|| parse(&args.since, now, &here));
    let since = since.ok_or_else(|| {
        Error::usage(format!("`{}` is neither a length of time nor a moment", args.since))
            .hint("Write it as: --since 30m, --since 2h or --since '2026-11-20 17:00 +01:00'")
    })?;
    if since.at >= now {
        return Err(Error::usage(format!("{} is not past yet", report::moment(since.at))));
    }
    let view = session.observe(Depth::Live).await?;
    let operator = session.operator(&view).ok_or_else(|| {
        Error::environment("PostgreSQL's programs are not on this machine").hint("See: odpm doctor")
    })?;
    let archive = observe::archive(&session.loaded).await?;
    let engine = session.engine.as_ref();
    let damage = observe::damage(&session.loaded, engine, &operator, &database, since.at, &archive).await?;
    if let Some(found) = damage.proposal() {
        let text = format!("T_recover {}: {}", found.at, found.why);
        let data = serde_json::json!({ "t_recover": found.at, "until": found.until });
        session.chronicle(Happening::Finding, &text, data, ui);
    }
    // The log tells deletions; without it the last counts that `incident watch` has kept have to do.
    if damage.log.get().is_none() {
        let tables = watched(&session.loaded.project);
        let counts = observe::reading(&session.loaded, &database, &tables).await?;
        let before = state::readings(&session.loaded.state, &database)?;
        fewer(&before, &counts, since.at).iter().for_each(|line| ui.insist(line));
    }
    ui.answer(&match args.format {
        Format::Text => report::damage(&damage, now, ui.width()),
        Format::Json => report::json(&report::DamageTold::of(&damage))?,
    });
    Ok(0)
}
