use crate::error::{Error, Result};
use crate::report::Ui;

/// Print the manual page: odpm man | man -l -
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  odpm man | man -l -")]
pub struct Args {
    /// The verb whose page is wanted; odpm's own unless given
    #[arg(value_name = "VERB")]
    verb: Option<String>,
}

pub fn run(args: &Args, mut command: clap::Command, ui: Ui) -> Result<u8> {
    command.build();
    let wanted = match &args.verb {
        None => command,
        Some(verb) => command
            .find_subcommand(verb)
            .cloned()
            .map(|sub| sub.display_name(format!("odpm-{verb}")))
            .ok_or_else(|| Error::usage(format!("there is no verb {verb}")).hint("List them: odpm help"))?,
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(wanted)
        .render(&mut text)
        .map_err(|e| Error::internal("cannot write the manual page").caused_by(&e))?;
    ui.answer(&String::from_utf8_lossy(&text));
    Ok(0)
}
