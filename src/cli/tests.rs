use clap::{Command, CommandFactory};

use super::*;

fn leaves(command: &Command, path: String, tell: &mut dyn FnMut(&Command, &str)) {
    match command.has_subcommands() {
        true => command
            .get_subcommands()
            .for_each(|inner| leaves(inner, format!("{path} {}", inner.get_name()), tell)),
        false => tell(command, &path),
    }
}

#[test]
fn every_verb_shows_an_example() {
    leaves(&Cli::command(), "odpm".to_owned(), &mut |verb, path| {
        let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.contains("Example") || verb.is_hide_set(), "{path} --help has no example");
    });
}

#[test]
fn every_example_can_be_parsed() {
    leaves(&Cli::command(), "odpm".to_owned(), &mut |verb, path| {
        let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
        let lines = help.lines().filter_map(|line| line.trim().strip_prefix("odpm "));
        for line in lines {
            let line = line.split(['>', '|', '&']).next().unwrap_or_default();
            let line = line.split("   ").next().unwrap_or_default().replace('\'', "");
            let words = std::iter::once("odpm").chain(line.split_whitespace());
            let parsed = Cli::try_parse_from(words);
            assert!(parsed.is_ok(), "{path}: {line}: {}", parsed.unwrap_err());
        }
    });
}
