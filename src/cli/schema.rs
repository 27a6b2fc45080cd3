use crate::error::Result;
use crate::report::{self, Ui};
use crate::schemas;

/// Print the JSON Schema of a file or an answer
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  odpm schema plan.v1 > plan.v1.json")]
pub struct Args {
    /// Which
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(schemas::NAMES))]
    name: String,
}

pub fn run(args: &Args, ui: Ui) -> Result<u8> {
    ui.answer(&report::json(&schemas::schema(&args.name)?)?);
    Ok(0)
}
