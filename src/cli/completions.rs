use clap_complete::Shell;

use crate::error::Result;
use crate::report::Ui;

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  odpm completions bash > ~/.local/share/bash-completion/completions/odpm")]
pub struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub fn run(args: &Args, mut command: clap::Command, ui: Ui) -> Result<u8> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command, "odpm", &mut text);
    ui.answer(&String::from_utf8_lossy(&text));
    Ok(0)
}
