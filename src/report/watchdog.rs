//! Snapshots, presets and specifications for people.

use std::fmt::Write;

use serde::Serialize;

use super::findings::count;
use crate::base::size::human;
use crate::error::Error;
use crate::facts::{Skipped, SnapshotSeen};
use crate::rows::Origin;
use crate::watchdog::{Findings, Preset, Resolved};

/// `odpm watchdog diff --format json`.
#[derive(Debug, Serialize)]
pub struct Comparison<'a> {
    /// 1.
    pub format_version: u32,
    /// What was found.
    #[serde(flatten)]
    pub findings: &'a Findings,
}

/// A snapshot that was taken.
pub fn snapshot(taken: &SnapshotSeen) -> String {
    let manifest = &taken.manifest;
    let mut text = String::new();
    for section in &manifest.sections {
        let fields: Vec<&str> = section.fields.iter().map(|field| field.name.as_str()).collect();
        let _ = writeln!(text, "  {}: {} ({})", section.model, count(section.rows, "row"), fields.join(", "));
    }
    text.push_str(&not_read(&manifest.skipped));
    text + &snapshot_in_brief(taken)
}

/// A snapshot that was taken, in a line.
pub fn snapshot_in_brief(taken: &SnapshotSeen) -> String {
    let manifest = &taken.manifest;
    format!(
        "Took {}: {} of {}, {}, in {:.1} s.",
        manifest.file,
        count(manifest.rows(), "row"),
        manifest.database.name,
        human(manifest.bytes),
        manifest.duration_ms as f64 / 1000.0
    )
}

/// What is wanted and not read: models that are not there in one line, the rest with their reasons.
fn not_read(skipped: &[Skipped]) -> String {
    let mut text = String::new();
    let absent = |skipped: &&Skipped| skipped.field.is_none() && skipped.why == "it is not installed";
    let names: Vec<&str> = skipped.iter().filter(absent).map(|skipped| skipped.model.as_str()).collect();
    if !names.is_empty() {
        let _ = writeln!(text, "  not installed: {}", names.join(", "));
    }
    for skipped in skipped.iter().filter(|skipped| !absent(skipped)) {
        let field = skipped.field.as_ref().map_or_else(String::new, |field| format!(".{field}"));
        let _ = writeln!(text, "  not watched: {}{field}: {}", skipped.model, skipped.why);
    }
    text
}

/// What is watched.
pub fn spec(resolved: &Resolved) -> String {
    let mut text = String::new();
    for section in &resolved.sections {
        let _ = writeln!(text, "{}", section.model);
        for field in &section.fields {
            let from = match field.origin {
                Origin::Column => "a column",
                Origin::ByCompany => "a column with a value for each company",
                Origin::ByLanguage => "a column with a text for each language",
                Origin::Property => "ir_property, a value for each company",
                Origin::Related => "a column of the row that it refers to",
                Origin::Query => "a query",
                Origin::Secret => "a column, as a digest: its value is not shown",
                Origin::Shell => "the Odoo shell",
            };
            let noise = if field.noise { "; noise" } else { "" };
            let _ = writeln!(text, "  {}: {from}{noise}", field.name);
        }
    }
    text + &not_read(&resolved.skipped)
}

/// What is watched, as a part of `odpm.yaml`.
pub fn suggestion(resolved: &Resolved) -> String {
    let mut text = "watchdog:\n  defaults: false\n  models:\n".to_owned();
    for section in &resolved.sections {
        let _ = writeln!(text, "    {}:", section.model);
        for field in &section.fields {
            let noise = if field.noise { " {noise: true}" } else { "" };
            let _ = writeln!(text, "      {}:{noise}", field.name);
        }
    }
    for line in not_read(&resolved.skipped).lines() {
        let _ = writeln!(text, "  # {}", line.trim());
    }
    text
}

/// The kinds of change.
pub fn presets(presets: &[Preset]) -> String {
    let mut text = String::new();
    for preset in presets {
        let models =
            if preset.models.is_empty() { "every model".to_owned() } else { preset.models.join(", ") };
        let _ = writeln!(text, "{}: when {}\n  {models}", preset.name, preset.when);
    }
    text.push_str("Models and fields of odpm.yaml are watched with each of them.\n");
    text
}

/// Something changed that nobody expected.
pub fn unexpected(found: &Findings) -> Error {
    let [before, after] = &found.sides;
    found
        .refusal()
        .hint(format!("Put back what changed: odpm watchdog rollback {} {}", before.name, after.name))
        .hint("Or say under watchdog.expect in odpm.yaml what is meant to change.")
}
