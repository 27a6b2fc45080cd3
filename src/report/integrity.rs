//! Whether the references of a database lead somewhere, for people.

use std::fmt::Write;

use serde_json::Value;

use crate::base::size::{count, thousands};
use crate::migrate::{Finding, Integrity, Note, Sort, Wrong};

/// What was found, field by field, and what could not be asked.
pub fn integrity(database: &str, seen: &Integrity, seconds: f64) -> String {
    let mut told = String::new();
    if !seen.notes.is_empty() {
        told.push_str("Not asked\n");
        notes(&seen.notes, &mut told);
        told.push('\n');
    }
    if !seen.unknown.is_empty() {
        told.push_str("NOT ANSWERED\n");
        notes(&seen.unknown, &mut told);
        told.push('\n');
    }
    for finding in &seen.findings {
        self::finding(finding, &mut told);
    }
    if !seen.findings.is_empty() {
        told.push('\n');
    }
    let asked =
        seen.asked.iter().map(|(sort, many)| format!("{} {}", thousands(*many), word(*sort, *many != 1)));
    let asked: Vec<String> = asked.collect();
    let _ = writeln!(told, "Asked of {database} in {seconds:.1} s: {}.", asked.join(", "));
    match seen.kept_by_postgresql.len() as u64 {
        0 => {}
        kept => {
            let _ = writeln!(
                told,
                "{} kept by PostgreSQL: foreign keys that hold for every row.",
                references(kept)
            );
        }
    }
    let _ = match (seen.rows(), seen.unknown.len() as u64) {
        (0, 0) => writeln!(told, "Every reference of {database} leads somewhere."),
        (0, open) => {
            writeln!(told, "Nothing dangles, as far as that was answered: {} open.", questions(open))
        }
        (rows, _) => {
            let fields = count(seen.findings.len() as u64, "field");
            writeln!(told, "{} in {fields} of {database} not as they should be.", count(rows, "row"))
        }
    };
    told
}

fn references(many: u64) -> String {
    format!("{} {}", count(many, "reference"), if many == 1 { "is" } else { "are" })
}

fn questions(many: u64) -> String {
    format!("{} {}", count(many, "question"), if many == 1 { "is" } else { "are" })
}

/// One a line; models that cannot be asked for the same reason are one.
fn notes(notes: &[Note], told: &mut String) {
    let mut whole: Vec<(&str, Vec<&str>)> = Vec::new();
    for note in notes {
        match &note.field {
            Some(field) => {
                let _ = writeln!(told, "  {}.{field}: {}", note.model, note.why);
            }
            None => match whole.iter_mut().find(|(why, _)| *why == note.why) {
                Some((_, models)) => models.push(&note.model),
                None => whole.push((&note.why, vec![&note.model])),
            },
        }
    }
    for (why, models) in whole {
        let _ = writeln!(told, "  {}: {why}", models.join(", "));
    }
}

fn finding(finding: &Finding, told: &mut String) {
    let subject = &finding.subject;
    let to = subject.to.as_ref().map(|to| format!(" -> {to}")).unwrap_or_default();
    let _ = writeln!(
        told,
        "{}.{}{to}: {} ({})",
        subject.model,
        subject.field,
        count(finding.count, "row"),
        word(subject.sort, false)
    );
    for row in &finding.rows {
        let _ = writeln!(told, "  {}", line(row));
    }
    let more = finding.count.saturating_sub(finding.rows.len() as u64);
    if more > 0 {
        let _ = writeln!(told, "  and {} more", thousands(more));
    }
}

fn line(row: &Wrong) -> String {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut line = plain(&row.id);
    if let Some(missing) = &row.missing {
        let _ = write!(line, ": {} is missing", plain(missing));
    }
    match (&row.what, &row.missing) {
        (Some(what), Some(_)) => line.push_str(&format!(" ({what})")),
        (Some(what), None) => line.push_str(&format!(": {what}")),
        (None, _) => {}
    }
    line
}

fn word(sort: Sort, many: bool) -> &'static str {
    match (sort, many) {
        (Sort::Many2one, _) => "many2one",
        (Sort::Many2oneByCompany, _) => "many2one by company",
        (Sort::Company, false) => "column by company",
        (Sort::Company, true) => "columns by company",
        (Sort::Many2many, false) => "side of a many2many",
        (Sort::Many2many, true) => "sides of many2many",
        (Sort::Reference, _) => "reference",
        (Sort::Many2oneReference, false) => "pair of model and id",
        (Sort::Many2oneReference, true) => "pairs of model and id",
        (Sort::Property, _) => "ir_property",
        (Sort::Default, _) => "ir_default",
        (Sort::ParentPath, false) => "parent_path",
        (Sort::ParentPath, true) => "parent_paths",
        (Sort::Serial, false) => "sequence of ids",
        (Sort::Serial, true) => "sequences of ids",
        (Sort::Sequence, _) => "ir_sequence",
        (Sort::File, _) => "column of files",
    }
}
