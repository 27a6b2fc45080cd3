use crate::error::Result;
use crate::report::{self, Format, Ui};
use crate::watchdog::PRESETS;

/// List the kinds of change, and the models that each can hurt
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  odpm watchdog presets")]
pub struct Args {
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

pub fn run(args: &Args, ui: Ui) -> Result<u8> {
    ui.answer(&match args.format {
        Format::Text => report::presets(&PRESETS),
        Format::Json => report::json(&serde_json::json!({ "format_version": 1, "presets": PRESETS }))?,
    });
    Ok(0)
}
