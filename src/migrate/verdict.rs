//! What the answers mean.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::question::{Note, Question, Sort, Subject, by_sort};
use crate::facts::{Answer, FileNamed};

/// The references of a database, and which of them lead nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Integrity {
    /// What was asked: how many fields of each kind.
    pub asked: BTreeMap<Sort, u64>,
    /// Files that attachments name.
    pub files: u64,
    /// What dangles, the most rows first.
    pub findings: Vec<Finding>,
    /// What could not be asked, or took too long.
    pub unknown: Vec<Note>,
    /// What PostgreSQL keeps itself, and was not asked.
    pub kept_by_postgresql: Vec<Subject>,
    /// What no question can be asked about.
    pub notes: Vec<Note>,
}

/// A field of which rows dangle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The field.
    #[serde(flatten)]
    pub subject: Subject,
    /// How many rows.
    pub count: u64,
    /// The first of them.
    pub rows: Vec<Wrong>,
}

/// A row, and what of it is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wrong {
    /// Its id; both of them, where it is a row between two models.
    pub id: Value,
    /// The id that is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<Value>,
    /// What else is to be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
}

impl Integrity {
    /// How many rows dangle.
    pub fn rows(&self) -> u64 {
        self.findings.iter().map(|finding| finding.count).sum()
    }

    /// Whether all was asked and is as it should be.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.unknown.is_empty()
    }

    /// How many fields were asked.
    pub fn fields(&self) -> u64 {
        self.asked.values().sum()
    }

    /// Adds what was found of files; at most so many are named.
    pub fn add_files(&mut self, named: &[FileNamed], limit: Option<u64>) {
        self.files = named.len() as u64;
        self.asked.insert(Sort::File, 1);
        let wrong = named.iter().filter_map(|file| {
            let what = format!("{}: {}", file.path, file.wrong.as_deref()?);
            Some(Wrong { id: file.attachment.into(), missing: None, what: Some(what) })
        });
        let wrong: Vec<Wrong> = wrong.collect();
        if wrong.is_empty() {
            return;
        }
        let subject = Subject {
            sort: Sort::File,
            model: "ir.attachment".to_owned(),
            field: "store_fname".to_owned(),
            at: "ir_attachment.store_fname".to_owned(),
            to: None,
        };
        let count = wrong.len() as u64;
        let shown = usize::try_from(limit.unwrap_or(count)).unwrap_or(usize::MAX);
        self.findings.push(Finding { subject, count, rows: wrong.into_iter().take(shown).collect() });
        self.order();
    }

    fn order(&mut self) {
        self.findings.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.subject.cmp(&b.subject)));
    }
}

/// What came of the questions: each with its answers, or why there are none.
pub fn judge(
    asked: &[Question],
    answers: Vec<Result<Vec<Answer>, String>>,
    kept: Vec<Subject>,
    notes: Vec<Note>,
) -> Integrity {
    let mut integrity = Integrity { kept_by_postgresql: kept, notes, ..Integrity::default() };
    let mut good = Vec::new();
    for (question, answer) in asked.iter().zip(answers) {
        let subject = &question.subject;
        match answer {
            Err(why) => {
                let (model, field) = (subject.model.clone(), Some(subject.field.clone()));
                integrity.unknown.push(Note { model, field, why });
            }
            Ok(rows) => {
                good.push(subject);
                let Some(first) = rows.first() else { continue };
                let count = first.rows;
                let rows = rows.into_iter().map(wrong).collect();
                integrity.findings.push(Finding { subject: subject.clone(), count, rows });
            }
        }
    }
    // One that refers to rows of any model is one field.
    good.sort_by_key(|subject| (&subject.at, subject.sort));
    good.dedup_by_key(|subject| (&subject.at, subject.sort));
    integrity.asked = by_sort(good);
    integrity.unknown.sort();
    integrity.unknown.dedup();
    integrity.notes.sort();
    integrity.notes.dedup();
    integrity.order();
    integrity
}

fn wrong(answer: Answer) -> Wrong {
    let value = |text: String| text.parse::<i64>().map_or(Value::String(text), Value::from);
    Wrong {
        id: answer.row.map(value).unwrap_or_default(),
        missing: answer.missing.map(value),
        what: answer.beside,
    }
}
