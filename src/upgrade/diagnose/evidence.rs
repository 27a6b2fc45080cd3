//! Lines of the log as they are shown.

use crate::odoo::{Raised, Record, mask};

use super::told::Evidence;

/// How long a line may be.
const LONG: usize = 300;
/// How many lines of a message are shown.
const MESSAGE: usize = 8;

/// A text, cut where it is too long.
pub fn short(text: &str, limit: usize) -> String {
    let text = text.trim_end();
    match text.char_indices().nth(limit) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

/// A line, without secrets.
pub fn line(at: u64, text: &str) -> Evidence {
    Evidence { line: at, text: short(&mask(text.trim_end()), LONG) }
}

/// The head of a record.
pub fn head(record: &Record) -> Evidence {
    let text = match record.logger.as_str() {
        "" => record.message.clone(),
        logger => format!("{logger}: {}", record.message),
    };
    line(record.line, &text)
}

/// An exception and its message, without the context that is told apart.
pub fn raised(raised: &Raised) -> Vec<Evidence> {
    let mut lines = Vec::new();
    let pairs = raised.message.iter().zip(&raised.message_at).enumerate();
    for (n, (text, at)) in pairs.take_while(|(_, (text, _))| !text.starts_with("View error context")) {
        match n {
            0 if text.is_empty() => lines.push(line(*at, &raised.class)),
            0 => lines.push(line(*at, &format!("{}: {text}", raised.class))),
            _ if text.chars().any(char::is_alphanumeric) => lines.push(line(*at, text)),
            _ => {}
        }
    }
    lines.truncate(MESSAGE);
    lines
}
