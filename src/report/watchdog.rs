//! Snapshots for people.

use std::fmt::Write;

use crate::base::size::human;
use crate::facts::SnapshotSeen;

/// A snapshot that was taken.
pub fn snapshot(taken: &SnapshotSeen) -> String {
    let manifest = &taken.manifest;
    let mut text = String::new();
    for section in &manifest.sections {
        let fields: Vec<&str> = section.fields.iter().map(|field| field.name.as_str()).collect();
        let _ = writeln!(text, "  {}: {} rows ({})", section.model, section.rows, fields.join(", "));
    }
    for skipped in &manifest.skipped {
        let what = skipped
            .field
            .as_ref()
            .map_or_else(|| skipped.model.clone(), |field| format!("{}.{field}", skipped.model));
        let _ = writeln!(text, "  not watched: {what}: {}", skipped.why);
    }
    let rows: u64 = manifest.sections.iter().map(|section| section.rows).sum();
    let seconds = manifest.duration_ms as f64 / 1000.0;
    let _ = write!(
        text,
        "Took {}: {rows} rows of {}, {}, in {seconds:.1} s.",
        taken.path.display(),
        manifest.database.name,
        human(manifest.bytes)
    );
    text
}
