//! What the watchdog found, for people: grouped and counted, the unexpected first.

use std::fmt::Write;

pub(super) use crate::base::size::count;
use crate::base::size::thousands;
use crate::facts::SnapshotSeen;
use crate::incident::Consequence;
use crate::rows::{Key, Value};
use crate::watchdog::{FieldFindings, Findings, ModelFindings, Shift, Writer, moved, percent};

/// How long a value may be.
const LONG: usize = 48;

/// How many minutes of a writer are named.
const MINUTES: usize = 4;

/// What of the findings a part of the report is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Unexpected,
    Expected,
    Noise,
}

/// The findings as a report.
pub fn findings(found: &Findings) -> String {
    let mut text = String::new();
    for (word, side) in ["From", "to  "].iter().zip(&found.sides) {
        let _ = writeln!(text, "{word} {} ({}, {})", side.name, side.database, side.at);
    }
    for note in &found.notes {
        let _ = writeln!(text, "note: {note}");
    }
    if !found.patterns.is_empty() {
        text.push_str("\nWhat stands out\n");
    }
    for pattern in &found.patterns {
        let _ = writeln!(text, "  {}: {}", pattern.place(), pattern.what);
    }
    let parts = [
        (Part::Unexpected, "Unexpected", found.unexpected),
        (Part::Expected, "Expected", found.expected),
        (Part::Noise, "Noise", found.noise),
    ];
    for (part, title, rows) in parts {
        let mut body = String::new();
        found.models.iter().for_each(|model| self::model(model, part, &mut body));
        if rows > 0 || !body.is_empty() {
            let _ = write!(text, "\n{title}: {}\n{body}", count(rows, "row"));
        }
    }
    for rule in &found.rules {
        let kept = rule.broken.as_ref().map_or_else(|| "kept".to_owned(), |why| format!("not kept: {why}"));
        let _ = writeln!(text, "\nrule `{}`: {}, {kept}", rule.rule, count(rule.rows, "row"));
    }
    if found.is_empty() {
        text.push_str("\nNothing that is watched has changed.\n");
    }
    text
}

/// What a rollback changes, as a report.
pub fn rollback(found: &Findings) -> String {
    let [now, before] = &found.sides;
    let mut text = format!("Back from {} to {}\n", now.name, before.name);
    for note in &found.notes {
        let _ = writeln!(text, "note: {note}");
    }
    found.models.iter().for_each(|model| self::model(model, Part::Unexpected, &mut text));
    text
}

/// What differs between a sidecar and the primary, and what went with what was lost.
pub fn damaged(found: &Findings, apart: &[String], consequences: &[Consequence]) -> String {
    let [then, now] = &found.sides;
    let mut text = format!("{} now ({}), against {} ({})\n", now.database, now.at, then.name, then.at);
    for note in &found.notes {
        let _ = writeln!(text, "note: {note}");
    }
    for apart in apart {
        let _ = writeln!(text, "note: {apart}");
    }
    if found.is_empty() {
        text.push_str(if apart.is_empty() {
            "\nNothing differs.\n"
        } else {
            "\nNo row differs of what both have.\n"
        });
        return text;
    }
    if !found.patterns.is_empty() {
        text.push_str("\nWhat stands out\n");
    }
    for pattern in &found.patterns {
        let _ = writeln!(text, "  {}: {}", pattern.place(), pattern.what);
    }
    text.push('\n');
    found.models.iter().for_each(|model| self::model(model, Part::Unexpected, &mut text));
    if !consequences.is_empty() {
        text.push_str("\nWhat the lost rows took with them\n");
    }
    for Consequence { table, column, of, rows, cascaded } in consequences {
        let how = if *cascaded { "went with" } else { "are lost too and referred to" };
        let _ = writeln!(text, "  {} of {table} {how} rows of {of} ({column})", count(*rows, "row"));
    }
    text
}

fn model(found: &ModelFindings, part: Part, text: &mut String) {
    let mut lines = Vec::new();
    for (word, tally, keys) in [("added", found.added, &found.came), ("removed", found.removed, &found.gone)]
    {
        let rows = match part {
            Part::Unexpected => tally.unexpected,
            Part::Expected => tally.rows - tally.unexpected,
            Part::Noise => 0,
        };
        if rows > 0 {
            lines.push(format!("    {} {word}{}", count(rows, "row"), named(keys, rows)));
        }
    }
    for field in &found.fields {
        let rows = match part {
            Part::Noise if field.noise => field.rows,
            Part::Unexpected if !field.noise => field.unexpected,
            Part::Expected if !field.noise => field.rows - field.unexpected,
            _ => 0,
        };
        if rows > 0 {
            lines.extend(field_lines(field, rows, part));
        }
    }
    if lines.is_empty() {
        return;
    }
    if part == Part::Unexpected {
        lines.extend(found.writers.iter().map(writer));
    }
    let of = if found.rows > 0 { format!(" (of {})", count(found.rows, "row")) } else { String::new() };
    let _ = writeln!(text, "  {}{of}", found.model);
    for line in lines {
        let _ = writeln!(text, "{line}");
    }
}

fn field_lines(found: &FieldFindings, rows: u64, part: Part) -> Vec<String> {
    let share = found.share.map_or_else(String::new, |share| format!(", {} of all", percent(share)));
    let mut lines = vec![format!("    {}: {}{share}", found.field, count(rows, "row"))];
    if part == Part::Noise {
        return lines;
    }
    // A moment in many rows says nothing by its values.
    if let (Some(hint), Some(line)) = (&found.hint, lines.first_mut()) {
        let _ = write!(line, "; where that is a schedule's doing, {hint}");
        return lines;
    }
    lines.extend(found.shift.as_ref().map(|shift| format!("      moved   {}", shift_told(shift))));
    if !found.pairs.is_empty() {
        let pair = |pair: &crate::watchdog::Pair| {
            format!("{} -> {} ({})", shown(&pair.before), shown(&pair.after), thousands(pair.rows))
        };
        let told: Vec<String> = found.pairs.iter().map(pair).collect();
        lines.push(format!("      mostly  {}", told.join(", ")));
    }
    let sample = |sample: &crate::watchdog::Sample| {
        format!("{}: {} -> {}", sample.id, shown(&sample.before), shown(&sample.after))
    };
    let told: Vec<String> = found.samples.iter().take(3).map(sample).collect();
    lines.push(format!("      such as {}", told.join("; ")));
    lines
}

/// How numbers moved, in one line.
pub(super) fn shift_told(shift: &Shift) -> String {
    let (factor, same) = shift.commonest;
    format!(
        "median {}, from {} to {}; {} by {}",
        moved(shift.median),
        moved(shift.least),
        moved(shift.greatest),
        count(same, "row"),
        moved(factor)
    )
}

fn writer(writer: &Writer) -> String {
    let mut minutes: Vec<_> = writer.minutes.iter().collect();
    minutes.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let told: Vec<String> = minutes
        .iter()
        .take(MINUTES)
        .map(|(minute, rows)| format!("{} at {minute}", thousands(**rows)))
        .collect();
    let more = minutes.len().saturating_sub(MINUTES);
    let more = if more > 0 { format!(", and at {more} other minutes") } else { String::new() };
    if writer.login.is_empty() {
        let rows = count(writer.rows, "row");
        return format!(
            "    no write is recorded for {rows}: by SQL, or computed from what changed elsewhere"
        );
    }
    format!("    written by {} ({}): {}{more}", writer.login, count(writer.rows, "row"), told.join(", "))
}

fn named(keys: &[Key], rows: u64) -> String {
    let names: Vec<String> = keys.iter().map(Key::to_string).collect();
    let more = if rows > keys.len() as u64 { ", ..." } else { "" };
    if names.is_empty() { String::new() } else { format!(": {}{more}", names.join(", ")) }
}

/// A value, cut where it is long.
pub(super) fn shown(value: &Value) -> String {
    let text = value.as_json();
    match text.char_indices().nth(LONG) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

/// Snapshots as a table.
pub fn snapshots(seen: &[SnapshotSeen]) -> String {
    if seen.is_empty() {
        return "There are no snapshots. Take one: odpm watchdog snapshot LABEL\n".to_owned();
    }
    let mut rows =
        vec![["snapshot", "taken at (UTC)", "database", "rows", "size", "fields"].map(str::to_owned)];
    for snapshot in seen {
        let manifest = &snapshot.manifest;
        rows.push([
            manifest.file.clone(),
            manifest.taken_at.chars().take(19).collect::<String>().replace('T', " "),
            manifest.database.name.clone(),
            thousands(manifest.rows()),
            crate::base::size::human(manifest.bytes),
            manifest.spec.short().to_owned(),
        ]);
    }
    super::databases::table(&rows)
}
