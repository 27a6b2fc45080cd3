//! Unified diffs of the files that a plan changes. Secrets are masked on both sides.

use std::path::Path;

use similar::TextDiff;

use crate::base::{Secret, SecretRef};
use crate::facts::{FileSeen, Observation};
use crate::odoo_conf::{self, OdooConf};
use crate::plan::Plan;
use crate::step::Step;

/// The diff of every file that the plan writes or edits.
pub fn diffs(plan: &Plan, seen: &Observation) -> String {
    let mut text = String::new();
    for step in &plan.steps {
        let (path, after) = match &step.step {
            Step::WriteFile(write) => (&write.path, write.content.clone()),
            Step::EditConf(edit) => {
                let before = seen.files.get(&edit.path).and_then(FileSeen::text);
                let masked = |_: &SecretRef| Ok(Secret::new("***"));
                let Ok(after) = odoo_conf::apply_edits(before, &edit.edits, &masked) else { continue };
                (&edit.path, redacted(&after))
            }
            _ => continue,
        };
        let before = seen.files.get(path).and_then(FileSeen::text).unwrap_or_default();
        let before =
            if matches!(step.step, Step::EditConf(_)) { redacted(before) } else { before.to_owned() };
        text.push_str(&unified(path, &plan.project.root, &before, &after));
    }
    text
}

fn redacted(text: &str) -> String {
    OdooConf::parse(text).map_or_else(|_| text.to_owned(), |conf| conf.redacted())
}

fn unified(path: &Path, root: &Path, before: &str, after: &str) -> String {
    let name = path.strip_prefix(root).unwrap_or(path).display().to_string();
    let old = if before.is_empty() { "/dev/null".to_owned() } else { format!("a/{name}") };
    TextDiff::from_lines(before, after).unified_diff().header(&old, &format!("b/{name}")).to_string()
}
