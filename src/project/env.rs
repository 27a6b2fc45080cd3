//! `.env`: names and values, one in a line.
//!
//! `%` means nothing, quotes around a whole value are taken off, `export` before a name is allowed, and a
//! name given twice is a mistake: which of the two was meant cannot be known.

use std::collections::BTreeMap;

use super::tree::{Place, Wrong};

/// The variables of the file.
pub type Env = BTreeMap<String, String>;

/// Reads the file; every mistake is reported.
pub fn parse(text: &str) -> Result<Env, Vec<Wrong>> {
    let mut env = Env::new();
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (index, raw) in text.lines().enumerate() {
        let line = raw.trim_start_matches('\u{feff}').trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let place = |word: &str| Place {
            line: index + 1,
            column: raw.find(word).map_or(1, |at| raw.get(..at).unwrap_or_default().chars().count() + 1),
            width: word.chars().count().max(1),
        };
        let Some((name, value)) = line.split_once('=') else {
            wrong.push(Wrong::new(place(line), "this is no variable").suggest("Write it as NAME=value."));
            continue;
        };
        let name = name.strip_prefix("export ").unwrap_or(name).trim();
        if !is_name(name) {
            wrong.push(
                Wrong::new(place(line), format!("`{name}` is not the name of a variable"))
                    .suggest("Use letters, digits and `_`, with no digit first."),
            );
            continue;
        }
        if let Some(first) = lines.insert(name.to_owned(), index + 1) {
            wrong.push(
                Wrong::new(place(name), format!("`{name}` is in line {first} already"))
                    .suggest("Remove one of the two."),
            );
        }
        match value_of(value.trim()) {
            Some(value) => drop(env.insert(name.to_owned(), value)),
            None => wrong.push(
                Wrong::new(place(name), format!("the value of `{name}` has no closing quote"))
                    .suggest("Close it, or write the value without quotes."),
            ),
        }
    }
    if wrong.is_empty() { Ok(env) } else { Err(wrong) }
}

/// Whether it may name a variable.
pub fn is_name(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}

/// The value without its quotes, or without the comment after it; `None` for a quote that is not closed.
fn value_of(text: &str) -> Option<String> {
    for quote in ['"', '\''] {
        let Some(rest) = text.strip_prefix(quote) else { continue };
        let end = rest.find(quote)?;
        let after = rest.get(end + 1..)?.trim_start();
        let inner = rest.get(..end)?.to_owned();
        return (after.is_empty() || after.starts_with('#')).then_some(inner);
    }
    let comment = text.find(" #").unwrap_or(text.len());
    Some(text.get(..comment).unwrap_or(text).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_people_mean() {
        let env = parse(
            "# mine\n\nA=50%% off\nexport B = \"two words\" # why\nC='it#s'\nD=a#b # c\nE=\nF=p@ss=word\n",
        )
        .unwrap();
        let want = [
            ("A", "50%% off"),
            ("B", "two words"),
            ("C", "it#s"),
            ("D", "a#b"),
            ("E", ""),
            ("F", "p@ss=word"),
        ];
        assert_eq!(env, want.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
    }

    #[test]
    fn every_mistake_has_its_line() {
        let wrong = parse("A=1\nnonsense\nA=2\n1B=x\nC=\"open\n").unwrap_err();
        let lines: Vec<usize> = wrong.iter().map(|w| w.place.line).collect();
        assert_eq!(lines, [2, 3, 4, 5]);
        assert!(wrong[1].message.contains("line 1 already"));
    }
}
