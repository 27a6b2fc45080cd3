//! What of a script can be run as one transaction, said before anything runs.

use std::collections::BTreeSet;

use super::truncate::Truncate;
use super::words::{Word, words};
use crate::error::{Error, Problem, Result};

/// What a part of a script is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// A statement.
    Statement,
    /// A `COPY ... FROM stdin`.
    Copy,
    /// A command of psql.
    Meta,
}

/// A part of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// Where it begins, in bytes.
    pub at: usize,
    /// Its text.
    pub text: String,
}

/// A statement that can be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Where it begins, in bytes.
    pub at: usize,
    /// Its text.
    pub text: String,
    /// What it empties.
    pub truncate: Option<Truncate>,
}

/// A script that can be run as one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The file, as the person named it.
    pub file: String,
    /// All of it.
    pub text: String,
    /// Its statements.
    pub statements: Vec<Statement>,
    /// Whether a BEGIN and a COMMIT around all of it are left out.
    pub unwrapped: bool,
    /// Every name that it says outside of strings and comments.
    pub names: BTreeSet<String>,
    /// The procedures that it calls.
    pub calls: Vec<String>,
}

impl Script {
    /// A place in it, to be told.
    pub fn problem(&self, at: usize, message: impl Into<String>) -> Problem {
        problem(&self.file, &self.text, at, message.into())
    }

    /// Whether it says this name.
    pub fn says(&self, name: &str) -> bool {
        self.names.contains(name.rsplit('.').next().unwrap_or(name))
    }
}

fn problem(file: &str, text: &str, at: usize, message: String) -> Problem {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let excerpt = text.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let column = before.get(line_start..).unwrap_or_default().chars().count();
    let width = excerpt.chars().count().saturating_sub(column).max(1);
    Problem {
        file: file.to_owned(),
        line: before.matches('\n').count() + 1,
        column: column + 1,
        excerpt: excerpt.to_owned(),
        width,
        message,
        suggestion: None,
    }
}

/// Why a part is not run, and what to do instead.
type Refusal = (&'static str, &'static str);

/// The script, or every place of it that stands in the way.
pub fn examine(file: &str, text: &str, mut parts: Vec<Part>) -> Result<Script> {
    let unwrapped = is_wrapped(&parts);
    if unwrapped {
        parts.pop();
        parts.remove(0);
    }
    let (mut script, mut refused) = (
        Script {
            file: file.to_owned(),
            text: text.to_owned(),
            statements: Vec::new(),
            unwrapped,
            names: BTreeSet::new(),
            calls: Vec::new(),
        },
        Vec::new(),
    );
    for Part { kind, at, text } in parts {
        let words = words(&text);
        if let Some((why, instead)) = refusal(kind, &words) {
            let place = script.problem(at, why);
            refused.push(Problem { suggestion: Some(instead.to_owned()), ..place });
            continue;
        }
        script.names.extend(named(&words));
        script.calls.extend(called(&words));
        script.statements.push(Statement { at, text, truncate: Truncate::of(&words) });
    }
    if !refused.is_empty() {
        let error = Error::refused("the script cannot be run as one transaction");
        return Err(error.with_problems(refused).hint("Nothing was run."));
    }
    if script.statements.is_empty() {
        return Err(Error::usage("the script has no statement"));
    }
    Ok(script)
}

/// Whether one BEGIN and one COMMIT stand around all of it.
fn is_wrapped(parts: &[Part]) -> bool {
    let plain = |part: &Part| -> Vec<String> {
        words(&part.text).iter().filter_map(Word::plain).map(str::to_owned).collect()
    };
    let [first, .., last] = parts else { return false };
    let (first, last) = (plain(first), plain(last));
    let is = |said: &[String], wanted: &[&[&str]]| wanted.iter().any(|wanted| said == *wanted);
    is(&first, &[&["begin"], &["begin", "work"], &["begin", "transaction"], &["start", "transaction"]])
        && is(&last, &[&["commit"], &["commit", "work"], &["commit", "transaction"], &["end"]])
}

/// The names that a statement says; those in the body of a DO are its own, too.
fn named(words: &[Word]) -> Vec<String> {
    let mut names: Vec<String> = words.iter().filter_map(Word::name).map(str::to_owned).collect();
    if words.first().is_some_and(|word| word.plain() == Some("do")) {
        let bodies = words.iter().filter_map(|word| match word {
            Word::Text(body) => Some(super::words::words(body)),
            _ => None,
        });
        names.extend(bodies.flatten().filter_map(|word| word.name().map(str::to_owned)));
    }
    names
}

/// The procedure that is called.
fn called(words: &[Word]) -> Option<String> {
    words.first().filter(|word| word.plain() == Some("call"))?;
    let names = words.get(1..)?.iter().take_while(|word| **word != Word::Sign('('));
    names.filter_map(Word::name).last().map(str::to_owned)
}

const CONTROL: Refusal = (
    "it begins or ends a transaction",
    "Leave it out: all of the script is one transaction, committed as a whole or not at all.",
);
const APART: Refusal = (
    "it cannot be run inside a transaction, so that it can be neither rehearsed nor taken back",
    "Take it out of the script and run it by itself: odpm psql",
);
const META: Refusal = (
    "it is a command of psql, and no SQL",
    "Leave it out, or put what it does into SQL; what \\i reads is put in its place.",
);
const STDIN: Refusal = (
    "it wants data from the client",
    "Write the rows as INSERT INTO ... VALUES, or load them by themselves: odpm psql",
);
const STDOUT: Refusal = ("it sends data to the client", "Take it out and run it by itself: odpm psql");
const ENCODING: Refusal =
    ("it says that the script is in another encoding than UTF-8", "Convert it: iconv -t UTF-8");
const ATOMIC: Refusal = (
    "a function whose body is BEGIN ATOMIC ... END is not taken apart",
    "Write its body as a string: AS $$ ... $$",
);

fn refusal(kind: PartKind, words: &[Word]) -> Option<Refusal> {
    match kind {
        PartKind::Meta => return Some(META),
        PartKind::Copy => return Some(STDIN),
        PartKind::Statement => {}
    }
    let said: Vec<&str> = words.iter().filter_map(Word::plain).collect();
    let has = |word: &str| said.contains(&word);
    let pair = |one: &str, two: &str| said.windows(2).any(|pair| pair == [one, two]);
    let second = said.get(1).copied().unwrap_or_default();
    match *said.first()? {
        "begin" | "commit" | "end" | "rollback" | "abort" | "savepoint" | "release" => Some(CONTROL),
        "start" | "prepare" if second == "transaction" => Some(CONTROL),
        "set"
            if second == "transaction"
                || pair("local", "transaction")
                || pair("session", "characteristics") =>
        {
            Some(CONTROL)
        }
        "set" if second == "client_encoding" || second == "names" => {
            other_encoding(words).then_some(ENCODING)
        }
        "do" => words.iter().any(ends_transaction).then_some(CONTROL),
        "copy" if has("stdin") => Some(STDIN),
        "copy" if has("stdout") => Some(STDOUT),
        "vacuum" => Some(APART),
        "create" | "drop" if matches!(second, "database" | "tablespace" | "subscription") => Some(APART),
        "alter" if matches!(second, "system" | "subscription") => Some(APART),
        "alter" if second == "database" && pair("set", "tablespace") => Some(APART),
        "alter" | "create" | "drop" | "reindex"
            if pair("index", "concurrently") || pair("table", "concurrently") =>
        {
            Some(APART)
        }
        "alter" if pair("detach", "partition") && has("concurrently") => Some(APART),
        "create" if pair("begin", "atomic") => Some(ATOMIC),
        "reindex" if ["schema", "database", "system", "concurrently"].into_iter().any(has) => Some(APART),
        "cluster" if said.len() == 1 || said == ["cluster", "verbose"] => Some(APART),
        "discard" if second == "all" => Some(APART),
        _ => None,
    }
}

fn other_encoding(words: &[Word]) -> bool {
    let last = words.last().map(|word| match word {
        Word::Plain(word) | Word::Quoted(word) | Word::Text(word) => word.to_lowercase(),
        Word::Sign(_) => String::new(),
    });
    !["utf8", "utf-8", "unicode", "default"].contains(&last.unwrap_or_default().as_str())
}

/// Whether the body of a block says COMMIT or ROLLBACK as a statement of its own.
fn ends_transaction(word: &Word) -> bool {
    let Word::Text(body) = word else { return false };
    let inside = words(body);
    let begins = |at: usize| match at.checked_sub(1).and_then(|before| inside.get(before)) {
        None | Some(Word::Sign(';' | '>')) => true,
        Some(word) => matches!(word.plain(), Some("begin" | "then" | "else" | "loop")),
    };
    let ends = |at: usize| match inside.get(at + 1) {
        None | Some(Word::Sign(';')) => true,
        Some(word) => word.plain() == Some("and"),
    };
    let control = |word: &Word| matches!(word.plain(), Some("commit" | "rollback"));
    inside.iter().enumerate().any(|(at, word)| control(word) && begins(at) && ends(at))
}
