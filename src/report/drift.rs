//! Drift in lines.

use std::fmt::Write;

use console::{StyledObject, style};

use crate::drift::{How, Judged, Severity, wording};

/// Every difference, one line each, with what it means and how to accept it.
pub fn drift(drift: &[Judged]) -> String {
    let mut text = String::new();
    for judged in drift {
        let drift = &judged.drift;
        let _ = writeln!(
            text,
            "  {} {:<22} {}",
            severity(drift.severity),
            drift.kind.as_str(),
            wording::line(drift)
        );
        let mut below = |line: &str| {
            let _ = writeln!(text, "  {:6} {:<22} {line}", "", "");
        };
        if let Some(note) = &drift.note {
            below(note);
        }
        match judged.accepted {
            Some(How::Flag) => below("accepted by flag"),
            Some(How::Prompt) => below("accepted at the prompt"),
            None if judged.pending() && drift.acceptable => {
                below(&format!("accept: --accept-database-drift={}={}", drift.kind.as_str(), drift.hash));
            }
            None => {}
        }
    }
    text
}

fn severity(severity: Severity) -> StyledObject<String> {
    let word = style(format!("{:<6}", severity.as_str()));
    match severity {
        Severity::Info => word.cyan(),
        Severity::Low => word.yellow(),
        Severity::Medium => word.yellow().bold(),
        Severity::High => word.red().bold(),
    }
}
