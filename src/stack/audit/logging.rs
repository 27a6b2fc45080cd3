//! What the server writes down: after damage it is all that tells who did it.

use super::{Case, Finding, Weight};
use crate::facts::{Known, Logging};

/// What every line of the log should begin with, and the letters that stand for it.
const PREFIX: [(&str, &[&str]); 5] = [
    ("the time", &["%m", "%t", "%n"]),
    ("the process", &["%p", "%c"]),
    ("the role", &["%u"]),
    ("the database", &["%d"]),
    ("the application", &["%a"]),
];

/// What is not written down.
pub fn findings(case: &Case<'_>, log: &Logging) -> Vec<Finding> {
    let value = |name: &str| log.settings.get(name).map_or("", String::as_str);
    let mut found = Vec::new();
    let mut advise = |what: String, why: &'static str, setting: &str| {
        let remedies = vec![remedy(case, setting)];
        found.push(Finding { area: "logging", weight: Weight::Advice, what, why, remedies });
    };
    // These forms hold all of it in fields of their own.
    let fields = ["csvlog", "jsonlog"].iter().any(|form| value("log_destination").contains(form));
    let prefix = value("log_line_prefix");
    let lacks = PREFIX.iter().filter(|(_, letters)| !letters.iter().any(|letter| has(prefix, letter)));
    let lacks: Vec<&str> = lacks.map(|(what, _)| *what).collect();
    if !lacks.is_empty() && !fields {
        advise(
            format!("lines of the server's log do not tell {}", lacks.join(", ")),
            "of a statement that did damage one wants to know who sent it, and from which program",
            "log_line_prefix: \"%m [%p] %u@%d %a \"",
        );
    }
    let slow = value("log_min_duration_statement").trim();
    if !["ddl", "mod", "all"].contains(&value("log_statement")) && slow.starts_with('-') {
        advise(
            "no statement is written down, however long it takes or whatever it drops".to_owned(),
            "a script that runs for minutes, or drops a column, leaves no trace (`mod` tells every write, with its values)",
            "log_statement: ddl, log_min_duration_statement: 1s",
        );
    }
    if ["off", ""].contains(&value("log_connections")) {
        advise(
            "logins are not written down".to_owned(),
            "nobody can tell afterwards who was in, and from where",
            "log_connections: on",
        );
    }
    if value("log_lock_waits") == "off" {
        advise(
            "long waits for locks are not written down".to_owned(),
            "an upgrade or a script that hangs is explained by who held the lock",
            "log_lock_waits: on",
        );
    }
    if value("track_commit_timestamp") == "off" {
        advise(
            "the moments of commits are not kept".to_owned(),
            "with them pg_xact_commit_timestamp(xmin) dates every row, those that plain SQL wrote too (takes a restart)",
            "track_commit_timestamp: on",
        );
    }
    found.extend(statements(case, log));
    found
}

/// Whether a prefix holds a letter: `%5p` and `%-10u` do.
fn has(prefix: &str, letter: &str) -> bool {
    let wanted = letter.trim_start_matches('%');
    let plain = prefix.replace("%%", "");
    let mut parts = plain.split('%').skip(1);
    parts.any(|part| part.trim_start_matches(|c: char| c == '-' || c.is_ascii_digit()).starts_with(wanted))
}

fn statements(case: &Case<'_>, log: &Logging) -> Option<Finding> {
    let loaded = log.settings.get("shared_preload_libraries").map_or("", String::as_str);
    let why = "it counts what each statement did and took: which one has changed since yesterday";
    let finding = |what: &str, remedy| Finding {
        area: "logging",
        weight: Weight::Advice,
        what: what.to_owned(),
        why,
        remedies: vec![remedy],
    };
    if !loaded.contains("pg_stat_statements") {
        let list = match loaded {
            "" => "pg_stat_statements".to_owned(),
            others => format!("\"{others}, pg_stat_statements\""),
        };
        let remedy = remedy(case, &format!("shared_preload_libraries: {list}"));
        // Without the package the server would not start.
        return log.statements.then(|| finding("pg_stat_statements is not loaded (takes a restart)", remedy));
    }
    let held = match &case.seen.holdings {
        Known::Known(held) if !held.statements => held,
        _ => return None,
    };
    let remedy = case.sql(&held.database, "CREATE EXTENSION pg_stat_statements");
    Some(finding("pg_stat_statements is loaded, and not made in the database", remedy))
}

/// How a setting is made.
fn remedy(case: &Case<'_>, setting: &str) -> String {
    match &case.project.postgres.external {
        Some(external) => format!("Set on {}: {setting}", external.host),
        None => format!("In odpm.yaml: postgres: {{settings: {{{setting}}}}}; then: odpm apply"),
    }
}
