//! An incident: what happened, in its order, each entry chained to the one before it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::Digest;

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happening {
    /// The incident begins.
    Opened,
    /// Somebody's note: what was seen, who was told.
    Note,
    /// What somebody decided, and why.
    Decision,
    /// What odpm found.
    Finding,
    /// What odpm did.
    Done,
    /// What odpm tried and could not do.
    Failed,
    /// Gates that were asked.
    Gates,
    /// The incident ends.
    Closed,
}

/// One entry of a timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When: RFC 3339, UTC.
    pub at: String,
    /// Who: `user@host`.
    pub by: String,
    /// What it is about.
    pub what: Happening,
    /// A sentence.
    pub text: String,
    /// The same as data, where there is more to it.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub data: Value,
    /// The SHA-256 of the line before, without its newline; of nothing for the first.
    pub after: Digest,
}

/// An incident, read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// Its name: the moment when it was opened.
    pub id: String,
    /// What happened.
    pub timeline: Vec<Entry>,
    /// The first line that does not follow from the one before it: somebody has edited the file.
    pub broken: Option<usize>,
}

impl Incident {
    /// Reads a timeline. A last line that was torn by a crash is none.
    pub fn read(id: &str, text: &str) -> Self {
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let mut incident = Self { id: id.to_owned(), timeline: Vec::new(), broken: None };
        let mut before = Digest::of("");
        for (at, line) in whole.lines().enumerate() {
            let entry: Option<Entry> = serde_json::from_str(line).ok();
            if entry.as_ref().is_none_or(|entry| entry.after != before) && incident.broken.is_none() {
                incident.broken = Some(at + 1);
            }
            before = Digest::of(line);
            incident.timeline.extend(entry);
        }
        incident
    }

    /// Whether it goes on.
    pub fn is_open(&self) -> bool {
        self.timeline.last().is_some_and(|entry| entry.what != Happening::Closed)
    }

    /// What it is about.
    pub fn note(&self) -> &str {
        self.timeline.first().map_or("", |entry| entry.text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(what: Happening, text: &str, after: &str) -> String {
        let entry = Entry {
            at: "2026-05-17T14:00:00Z".into(),
            by: "me@shop".into(),
            what,
            text: text.into(),
            data: Value::Null,
            after: Digest::of(after),
        };
        serde_json::to_string(&entry).unwrap()
    }

    #[test]
    fn a_line_that_was_edited_breaks_the_chain() {
        let one = line(Happening::Opened, "orders are gone", "");
        let two = line(Happening::Note, "the owner was told", &one);
        let three = line(Happening::Closed, "done", &two);
        let read = |lines: &[&String]| {
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            Incident::read("x", &text)
        };
        let whole = read(&[&one, &two, &three]);
        assert_eq!((whole.timeline.len(), whole.broken, whole.is_open()), (3, None, false));
        assert_eq!(whole.note(), "orders are gone");
        assert!(read(&[&one, &two]).is_open());
        let edited = two.replace("was told", "was not told");
        assert_eq!(read(&[&one, &edited, &three]).broken, Some(3));
        assert_eq!(read(&[&one, &three]).broken, Some(2));
        let torn = Incident::read("x", &format!("{one}\n{}", &two[..20]));
        assert_eq!((torn.timeline.len(), torn.broken), (1, None));
    }
}
