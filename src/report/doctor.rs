//! The checks of a machine, one line each, and what an audit found.

use std::fmt::Write;

use console::style;

use crate::plan::Check;
use crate::stack::{Diagnosis, Weight};

/// The checks, a line each, with their remedies.
pub fn checks(checks: &[Check]) -> String {
    let mut text = String::new();
    for check in checks {
        let mark = match check.good {
            Some(true) => style("good   ").green(),
            Some(false) => style("BAD    ").red().bold(),
            None => style("unknown").yellow(),
        };
        let _ = writeln!(text, "{mark} {:<15} {}", check.name, check.detail);
        for remedy in &check.remedies {
            let _ = writeln!(text, "        {:<15} {} {remedy}", "", style("help:").cyan());
        }
    }
    text
}

/// The checks and the findings for people.
pub fn doctor(found: &Diagnosis) -> String {
    let mut text = checks(&found.checks);
    for finding in &found.findings {
        let mark = match finding.weight {
            Weight::Person => style("LOOK   ").red().bold(),
            Weight::Advice => style("advice ").cyan(),
        };
        let _ = writeln!(text, "{mark} {:<15} {}", finding.area, finding.what);
        let _ = writeln!(text, "        {:<15} because {}", "", finding.why);
        for remedy in &finding.remedies {
            let _ = writeln!(text, "        {:<15} {} {remedy}", "", style("help:").cyan());
        }
    }
    text
}
