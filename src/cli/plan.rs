use std::path::{Path, PathBuf};

use super::session::Session;
use crate::drift::Acceptance;
use crate::error::Result;
use crate::observe::Depth;
use crate::report::{self, Format, Ui};
use crate::stack::Request;

/// Show what apply would change and why, drift first; change nothing
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  odpm plan\n  odpm plan --out today.plan && odpm apply today.plan\n  \
odpm plan --strict --format json")]
pub struct Args {
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// Save the plan, for `odpm apply FILE`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Exit with 2 when there is something to do
    #[arg(long)]
    detailed_exitcode: bool,
    /// Exit with 3 on any drift, however slight
    #[arg(long)]
    strict: bool,
    /// Plan files and secrets only; no server is asked
    #[arg(long)]
    skip_start: bool,
    /// Show how files would change
    #[arg(long)]
    show_diff: bool,
    /// Agree to a kind of drift, or to its present values only (KIND=HASH); repeatable
    #[arg(long, value_name = "KIND")]
    accept_database_drift: Vec<String>,
    /// Take a last_run.json that cannot be understood for none
    #[arg(long)]
    set_aside_baseline: bool,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let accepted =
        args.accept_database_drift.iter().map(|text| Acceptance::parse(text)).collect::<Result<_>>()?;
    let session = Session::reading(start)?;
    let depth = if args.skip_start { Depth::Files } else { Depth::Live };
    let view = session.observe(depth).await?;
    let request = Request::Up { skip_start: args.skip_start, accepted, set_aside: args.set_aside_baseline };
    let plan = session.plan(&request, &view);

    match args.format {
        Format::Json => ui.answer(&report::json(&plan)?),
        Format::Text => {
            ui.answer(&report::plan(&plan));
            if args.show_diff {
                ui.answer(&report::diffs(&plan, &view.seen));
            }
        }
    }
    if let Some(path) = &args.out {
        super::intent::save(&plan, false, path, ui)?;
    }
    if let Some(error) = report::blocked(&plan) {
        return Ok(error.kind().exit_code());
    }
    let drifted = plan.drift.iter().any(|judged| judged.drift.kind != crate::drift::Kind::FirstRun);
    Ok(match () {
        () if args.strict && drifted => 3,
        () if args.detailed_exitcode && !plan.is_empty() => 2,
        () => 0,
    })
}
