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

/// The words of a command line up to a pipe, as a shell takes them apart.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                let _ = word.get_or_insert_default();
            }
            (None, '>' | '|' | '&') => break,
            (None, ' ') => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[test]
fn every_example_can_be_parsed() {
    leaves(&Cli::command(), "odpm".to_owned(), &mut |verb, path| {
        let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
        let lines = help.lines().filter_map(|line| line.trim().strip_prefix("odpm "));
        for line in lines {
            let line = line.split("   ").next().unwrap_or_default();
            let parsed = Cli::try_parse_from(std::iter::once("odpm".to_owned()).chain(words(line)));
            assert!(parsed.is_ok(), "{path}: {line}: {}", parsed.unwrap_err());
        }
    });
}
