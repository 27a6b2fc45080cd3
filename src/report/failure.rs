//! How a failure is told.

use std::fmt::Write;

use console::StyledObject;

use crate::error::{Error, Kind, Problem};

/// The failure for people: what, why, the places in files, what to do.
pub fn failure(error: &Error) -> String {
    let report = error.report();
    let mut text = String::new();
    let heading = match report.kind {
        Kind::Refused => style("stopped:").yellow().bold(),
        _ => style("error:").red().bold(),
    };
    let _ = writeln!(text, "{heading} {}", report.what);
    for why in &report.why {
        let _ = writeln!(text, "  because: {why}");
    }
    for problem in &report.problems {
        text.push('\n');
        text.push_str(&snippet(problem));
    }
    if !report.problems.is_empty() && !report.hints.is_empty() {
        text.push('\n');
    }
    for hint in &report.hints {
        let _ = writeln!(text, "   {} {hint}", style("help:").cyan());
    }
    if report.kind == Kind::Internal {
        let _ = writeln!(
            text,
            "   {} this is a bug in odpm {}",
            style("note:").cyan(),
            env!("CARGO_PKG_VERSION")
        );
    }
    text.trim_end().to_owned()
}

/// Styled for the stream that failures go to.
fn style<D>(text: D) -> StyledObject<D> {
    console::style(text).for_stderr()
}

/// The place in the file, with the line and a mark under what is wrong.
fn snippet(problem: &Problem) -> String {
    let mut text = String::new();
    if problem.line == 0 {
        let _ = writeln!(text, "  {}: {}", problem.file, problem.message);
    } else {
        let Problem { file, line, column, excerpt, width, message, .. } = problem;
        let _ = writeln!(text, "  {file}:{line}:{column}: {message}");
        let number = line.to_string();
        let room = excerpt.chars().count().saturating_sub(column - 1).max(1);
        let mark = "^".repeat((*width).clamp(1, room));
        let _ = writeln!(text, "  {number} | {excerpt}");
        let _ = writeln!(
            text,
            "  {:pad$} | {:indent$}{}",
            "",
            "",
            style(mark).red(),
            pad = number.len(),
            indent = column - 1
        );
    }
    if let Some(suggestion) = &problem.suggestion {
        let _ = writeln!(text, "  {} {suggestion}", style("help:").cyan());
    }
    text
}
