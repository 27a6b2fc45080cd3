//! The checks of a machine, one line each.

use std::fmt::Write;

use console::style;

use crate::stack::Check;

/// The checks for people.
pub fn doctor(checks: &[Check]) -> String {
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
