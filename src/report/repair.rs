//! What a repair does and leaves, for people.

use std::fmt::Write;

use super::findings::count;
use crate::base::size::thousands;
use crate::incident::{Gathered, Unrepaired};

/// How many of what is left alone are told by row.
const TOLD: usize = 12;

/// What can be taken back, table by table, and what is left alone.
pub fn gathered(found: &Gathered) -> String {
    let mut text = String::new();
    let counts = found.counts();
    if counts.is_empty() {
        text.push_str("Nothing is to be repaired.\n");
    }
    let width = counts.keys().map(String::len).max().unwrap_or_default();
    for (table, [insert, update, delete]) in counts {
        let parts = [(insert, "put back"), (update, "mended"), (delete, "deleted")];
        let parts = parts.iter().filter(|(rows, _)| *rows > 0);
        let parts: Vec<String> = parts.map(|(rows, what)| format!("{} {what}", thousands(*rows))).collect();
        let _ = writeln!(text, "  {table:width$}  {}", parts.join(", "));
    }
    if found.already > 0 {
        let _ = writeln!(text, "{} as they were before already.", are(found.already));
    }
    if !found.left.is_empty() {
        let _ = writeln!(text, "\nLeft alone: {}", count(found.left.len() as u64, "conflict"));
        for Unrepaired { table, id, why } in found.left.iter().take(TOLD) {
            let _ = writeln!(text, "  {table} {id}: {why}");
        }
        if let Some(more) = found.left.len().checked_sub(TOLD).filter(|more| *more > 0) {
            let _ = writeln!(text, "  and {more} more");
        }
        text.push_str("Decide about them by hand, or write over them: --table, --rows and --overwrite\n");
    }
    text
}

fn are(rows: u64) -> String {
    format!("{} {}", count(rows, "row"), if rows == 1 { "is" } else { "are" })
}
