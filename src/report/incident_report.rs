//! An incident for people: in lines, and as one page.

use std::fmt::Write;

use super::findings_page::{STYLE, text};
use crate::base::size::thousands;
use crate::facts::{Happening, Incident, IncidentEntry, Reading};
use crate::incident::Gate;

/// An incident with what belongs to it.
#[derive(Debug)]
pub struct IncidentTold<'a> {
    /// The project's name.
    pub project: &'a str,
    /// The incident.
    pub incident: &'a Incident,
    /// The scripts that say what was written: paths, and how many statements.
    pub scripts: &'a [(String, usize)],
    /// What is left open.
    pub open: &'a [String],
}

/// The gates, one a line, and what came of all of them.
pub fn gates(gates: &[Gate], all: &str) -> String {
    let mut told = String::new();
    for gate in gates {
        let _ = match (&gate.unknown, gate.broken) {
            (Some(why), _) => writeln!(told, "  unknown  {}: {why}", gate.name),
            (None, 0) => writeln!(told, "  passed   {}", gate.name),
            (None, rows) => writeln!(told, "  BROKEN   {}: {rows}, the first: {}", gate.name, gate.first),
        };
    }
    let _ = writeln!(told, "\n{all}");
    told
}

/// How many rows tables have now, and had in a sidecar; those that have as many are left out.
pub fn counts(sidecar: &str, then: &Reading, now: &Reading) -> String {
    let mut told = String::new();
    for (table, then) in &then.tables {
        let rows = now.tables.get(table).map_or(0, |now| now.rows);
        if rows != then.rows {
            let _ = writeln!(
                told,
                "  {table}: {} rows, {} in the sidecar {sidecar}",
                thousands(rows),
                thousands(then.rows)
            );
        }
    }
    match told.is_empty() {
        true => format!("The key tables have as many rows as the sidecar {sidecar}.\n"),
        false => format!("Rows beside the sidecar {sidecar}\n{told}"),
    }
}

fn word(what: Happening) -> &'static str {
    match what {
        Happening::Opened => "opened",
        Happening::Note => "note",
        Happening::Decision => "DECISION",
        Happening::Finding => "found",
        Happening::Done => "done",
        Happening::Failed => "FAILED",
        Happening::Gates => "gates",
        Happening::Closed => "closed",
    }
}

fn moment(entry: &IncidentEntry) -> String {
    entry.at.chars().take(19).collect::<String>().replace('T', " ")
}

/// What a run did, step by step; which gates were not passed.
fn steps(entry: &IncidentEntry) -> Vec<String> {
    let steps = entry.data["steps"].as_array().into_iter().flatten();
    let steps = steps.filter_map(|step| step.as_str().map(str::to_owned));
    let gates: Vec<Gate> = serde_json::from_value(entry.data.clone()).unwrap_or_default();
    let broken = gates.into_iter().filter(|gate| !gate.passes()).map(|gate| match gate.unknown {
        Some(why) => format!("unknown: {} ({why})", gate.name),
        None => format!("BROKEN: {}, {} rows", gate.name, gate.broken),
    });
    steps.chain(broken).collect()
}

fn broken(incident: &Incident) -> Option<String> {
    let line = incident.broken?;
    Some(format!("The timeline was edited by hand: line {line} does not follow from the one before it."))
}

/// The incident in lines.
pub fn incident(told: &IncidentTold<'_>) -> String {
    let mut out = format!("Incident {} of {}: {}\n", told.incident.id, told.project, told.incident.note());
    if let Some(why) = broken(told.incident) {
        let _ = writeln!(out, "{why}");
    }
    out.push_str("\nTimeline (UTC)\n");
    for entry in &told.incident.timeline {
        let _ = writeln!(out, "  {}  {:<8}  {}  ({})", moment(entry), word(entry.what), entry.text, entry.by);
        for step in steps(entry) {
            let _ = writeln!(out, "{:33}{step}", "");
        }
    }
    if !told.scripts.is_empty() {
        out.push_str("\nWhat was written\n");
    }
    for (path, statements) in told.scripts {
        let _ = writeln!(out, "  {path}: {statements} statements");
    }
    out.push_str("\nLeft open\n");
    for open in told.open {
        let _ = writeln!(out, "  {open}");
    }
    if told.open.is_empty() {
        out.push_str("  nothing\n");
    }
    out
}

/// The incident as a page that needs nothing beside itself.
pub fn incident_page(told: &IncidentTold<'_>) -> String {
    let title = format!("Incident {} of {}", told.incident.id, told.project);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{0}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{0}</h1>\n<p>{1}</p>\n",
        text(&title),
        text(told.incident.note())
    );
    if let Some(why) = broken(told.incident) {
        let _ = writeln!(page, "<p class=\"bad\">{}</p>", text(&why));
    }
    page.push_str("<h2>Timeline (UTC)</h2>\n<div class=\"wide\"><table>\n");
    for entry in &told.incident.timeline {
        let steps: String = steps(entry)
            .iter()
            .map(|step| format!("<br><span class=\"soft\">{}</span>", text(step)))
            .collect();
        let class = if entry.what == Happening::Failed { "bad" } else { "" };
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td class=\"{class}\">{}</td><td>{}{steps}</td><td class=\"soft\">{}</td></tr>",
            moment(entry),
            word(entry.what),
            text(&entry.text),
            text(&entry.by)
        );
    }
    page.push_str("</table></div>\n");
    if !told.scripts.is_empty() {
        page.push_str("<h2>What was written</h2>\n<ul>\n");
    }
    // The statements themselves hold values that not everybody may see who gets the page.
    for (path, statements) in told.scripts {
        let _ = writeln!(page, "<li><code>{}</code>: {statements} statements</li>", text(path));
    }
    page.push_str(if told.scripts.is_empty() { "" } else { "</ul>\n" });
    page.push_str("<h2>Left open</h2>\n<ul>\n");
    for open in told.open {
        let _ = writeln!(page, "<li>{}</li>", text(open));
    }
    page.push_str("</ul>\n</body>\n</html>\n");
    page
}
