//! The command line: one file per verb, each read from top to bottom.
//!
//! A verb reads the project, has the world observed, asks a planner, shows what it says, and gives the plan
//! to the one interpreter. It decides nothing about databases; it turns flags into requests.

mod admin_password;
mod apply;
mod archive;
mod carry_out;
mod chronicle;
mod completions;
mod consent;
mod database;
mod doctor;
mod down;
mod exec;
mod foreground;
mod give_up;
mod here;
mod history;
mod incident;
mod init;
mod intent;
mod logs;
mod man;
mod migrate;
mod plan;
mod psql;
mod resume;
mod scale;
mod schema;
mod session;
mod sql;
mod status;
#[cfg(test)]
mod tests;
mod undo;
mod upgrade;
mod validate;
mod verbs;
mod watchdog;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::error::{Error, Result};
use crate::report::{self, Format, Ui};

/// A length of time on the command line, in seconds.
fn length(text: &str) -> std::result::Result<u64, &'static str> {
    crate::project::seconds(text).ok_or("write 90s, 35m, 2h or 7d")
}

/// The whole life of an Odoo database on PostgreSQL: describe, plan, apply, record.
#[derive(Debug, Parser)]
#[command(name = "odpm", version, propagate_version = true)]
#[command(
    after_help = "Exit codes: 0 done or nothing to do; 1 failed; 2 changes present (--detailed-exitcode); \
3 stopped for a person's decision; 4 another odpm is at work; 64 wrong usage; 130 interrupted."
)]
pub struct Cli {
    /// The project's folder, or one below it
    #[arg(
        short = 'C',
        long = "project",
        value_name = "DIR",
        global = true,
        default_value = ".",
        hide_default_value = true
    )]
    project: PathBuf,

    /// Say only results and failures
    #[arg(short, long, global = true)]
    quiet: bool,

    #[command(subcommand)]
    verb: Option<verbs::Verb>,
}

/// Parses the command line, runs the verb, tells its failure, and gives the exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse_from(classic(std::env::args_os().collect())) {
        Ok(cli) => cli,
        Err(e) => {
            let _ = e.print();
            return ExitCode::from(if e.use_stderr() { 64 } else { 0 });
        }
    };
    let ui = Ui { quiet: cli.quiet };
    let format = cli.verb.as_ref().map_or(Format::Text, verbs::Verb::format);
    match run(cli, ui) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            if format == Format::Json {
                let document = serde_json::json!({ "format_version": 1, "error": error.report() });
                ui.answer(&report::json(&document).unwrap_or_default());
            }
            ui.insist(&report::failure(&error));
            ExitCode::from(error.kind().exit_code())
        }
    }
}

/// The flags of odpm 4 stand without a verb; they are those of a verb that is not shown.
fn classic(args: Vec<OsString>) -> Vec<OsString> {
    const FLAGS: [&str; 8] =
        ["-d", "--database", "-i", "-u", "--db-backup", "--db-drop", "--db-restore", "--set-admin-pass"];
    let global = |word: &str| word == "-q" || word == "--quiet";
    let mut at = 1;
    while let Some(word) = args.get(at).and_then(|word| word.to_str()) {
        let name = word.split('=').next().unwrap_or(word);
        if FLAGS.contains(&name) {
            let mut args = args;
            args.insert(at, "classic".into());
            return args;
        }
        at += match name {
            _ if global(word) => 1,
            "-C" | "--project" if !word.contains('=') => 2,
            "--project" => 1,
            _ => break,
        };
    }
    args
}

/// Runs the verb on one thread; gives the exit code of a success.
fn run(cli: Cli, ui: Ui) -> Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::environment("cannot begin").caused_by(&e))?;
    let start = cli.project;
    runtime.block_on(async {
        match &cli.verb {
            Some(verb) => verb.run(&start, ui).await,
            None => here::run(&start, ui).await,
        }
    })
}
