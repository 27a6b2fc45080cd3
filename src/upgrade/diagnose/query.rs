//! `bad query`: the statement that failed, and what PostgreSQL said.

use crate::odoo::{Record, condition_of_message, mask, mask_statement, names_secret};

use super::evidence::{self, short};
use super::told::Evidence;

/// How much of a statement is shown.
const SHOWN: usize = 1000;

/// A statement that failed.
#[derive(Clone, Debug)]
pub struct BadQuery {
    /// The statement, without secrets.
    pub statement: String,
    /// The first line of what PostgreSQL said, in its own language.
    pub error: String,
    /// Where it says so; the line of the statement where the log is cut before.
    pub error_line: u64,
    /// The lines that show it.
    pub evidence: Vec<Evidence>,
}

impl BadQuery {
    /// The statement of a record; none if it is about something else.
    pub fn of(record: &Record) -> Option<Self> {
        let first = record
            .message
            .strip_prefix("bad query: ")
            .or_else(|| record.message.strip_prefix("bad query:"))?;
        let at = record.more.iter().position(|(_, line)| line.starts_with("ERROR: "));
        let mut statement = unquoted(first, at.is_some_and(|at| at > 0));
        for (_, line) in record.more.iter().take(at.unwrap_or(record.more.len())) {
            statement.push('\n');
            statement.push_str(line);
        }
        let secret = names_secret(&statement);
        let hide = |line: &str| hidden(line, secret);
        let error = at.map_or("", |at| record.more[at].1["ERROR: ".len()..].trim());
        let mut lines =
            vec![evidence::line(record.line, &format!("{}: bad query: {}", record.logger, hide(first)))];
        let said = record.more.iter().skip(at.unwrap_or(record.more.len()));
        let said = said.filter(|(_, line)| line.chars().any(char::is_alphanumeric));
        lines.extend(said.take(5).map(|(line, text)| evidence::line(*line, &hide(text))));
        Some(Self {
            statement: short(&if secret { mask_statement(&statement) } else { mask(&statement) }, SHOWN),
            error: hide(error),
            error_line: at.map_or(record.line, |at| record.more[at].0),
            evidence: lines,
        })
    }

    /// The SQLSTATE, as far as the words tell it.
    pub fn state(&self) -> Option<&'static str> {
        condition_of_message(&self.error)
    }
}

/// A line about a statement. `secret`: it names a column that nobody may see the values of.
fn hidden(line: &str, secret: bool) -> String {
    // PostgreSQL's details quote whole rows, of columns that the statement does not name.
    if let Some((before, rest)) =
        line.split_once(':').filter(|(word, _)| ["DETAIL", "DÉTAIL", "DETALLE"].contains(word))
    {
        return match (rest.contains(")=("), rest.find('(')) {
            (true, _) => mask(line),
            (false, Some(open)) if rest.contains(", ") => format!("{before}:{}(***)", &rest[..open]),
            _ => line.to_owned(),
        };
    }
    match secret {
        // An excerpt may begin or end within a value.
        true if line.starts_with("LINE ") || line.contains("...") => {
            line.split_once(':').map_or_else(String::new, |(word, _)| format!("{word}: ***"))
        }
        true => mask(&mask_statement(line)),
        false => mask(line),
    }
}

/// A statement as it was sent; since Odoo 16 it is shown as Python shows bytes.
fn unquoted(text: &str, goes_on: bool) -> String {
    let Some(quote) =
        text.strip_prefix('b').and_then(|rest| rest.chars().next()).filter(|c| ['\'', '"'].contains(c))
    else {
        return text.to_owned();
    };
    let body = &text[2..];
    let body = if goes_on { body } else { body.strip_suffix(quote).unwrap_or(body) };
    let mut plain = String::with_capacity(body.len());
    let mut chars = body.chars();
    while let Some(c) = chars.next() {
        match (c, (c == '\\').then(|| chars.next()).flatten()) {
            ('\\', Some('n')) => plain.push('\n'),
            ('\\', Some('t')) => plain.push('\t'),
            ('\\', Some(next)) => plain.push(next),
            (c, _) => plain.push(c),
        }
    }
    plain
}
