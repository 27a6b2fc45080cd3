//! What is safe today and would not be on a bad day: who may do too much, who gets in too easily, what would be missing
//! afterwards. Each finding says what, why, and what to do; and whether a person has to look, or it is advice.

mod logging;
mod logins;
mod practice;
mod roles;
#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::facts::{ArchiveSeen, AuditSeen, Known};
use crate::grounds::specs;
use crate::plan::Check;
use crate::project::{Project, Scenario};

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Somebody has to look.
    Person,
    /// It would be better otherwise.
    Advice,
}

/// Something that an audit found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Where: `roles`, `logins`.
    pub area: &'static str,
    /// How much it weighs.
    pub weight: Weight,
    /// What was found.
    pub what: String,
    /// Why that matters.
    pub why: &'static str,
    /// What to do about it.
    pub remedies: Vec<String>,
}

/// What an audit is made on.
#[derive(Clone, Copy)]
struct Case<'a> {
    project: &'a Project,
    seen: &'a AuditSeen,
    archive: &'a ArchiveSeen,
    now: jiff::Timestamp,
}

impl Case<'_> {
    /// What endangers data that other people depend on has to be looked at; on a machine of one's own it is advice.
    fn grave(&self) -> Weight {
        match self.project.scenario {
            Scenario::Server => Weight::Person,
            Scenario::Developer | Scenario::Ci => Weight::Advice,
        }
    }

    /// The same for what whoever runs a server elsewhere answers for.
    fn grave_here(&self) -> Weight {
        if self.project.postgres.external.is_some() { Weight::Advice } else { self.grave() }
    }

    /// What the administrative role has to say to a database.
    fn sql(&self, database: &str, statement: &str) -> String {
        let role = specs::admin_role(self.project).unwrap_or("an administrative role");
        format!("In {database}, as {role}: {statement}")
    }
}

/// What was found, those that a person has to look at first; and a check for each area with which nothing is wrong, or of
/// which nothing is known.
pub fn audit(
    project: &Project,
    seen: &AuditSeen,
    archive: &ArchiveSeen,
    now: jiff::Timestamp,
) -> (Vec<Finding>, Vec<Check>) {
    let case = Case { project, seen, archive, now };
    let mut findings = practice::findings(&case);
    let mut checks = Vec::new();
    if let Some(why) = seen.roles.why() {
        // One reason is enough: who says nothing of roles says nothing at all.
        checks.push(unknown("audit", why));
    } else {
        area("roles", &seen.roles, |roles| roles::roles(&case, roles), &mut findings, &mut checks);
        let holdings = &seen.holdings;
        area("ownership", holdings, |held| roles::ownership(&case, held), &mut findings, &mut checks);
        area("grants", holdings, |held| roles::grants(&case, held), &mut findings, &mut checks);
        area("logins", &seen.logins, |rules| logins::findings(&case, rules), &mut findings, &mut checks);
        area("logging", &seen.logging, |log| logging::findings(&case, log), &mut findings, &mut checks);
    }
    findings.sort_by_key(|finding| finding.weight);
    (findings, checks)
}

fn area<T>(
    name: &str,
    seen: &Known<T>,
    judge: impl FnOnce(&T) -> Vec<Finding>,
    findings: &mut Vec<Finding>,
    checks: &mut Vec<Check>,
) {
    match seen {
        Known::Unknown(why) => checks.push(unknown(name, why)),
        Known::Known(seen) => {
            let found = judge(seen);
            if found.is_empty() {
                let detail = match name {
                    "roles" => "nobody may more than the work needs",
                    "ownership" => "the application role owns the database and its tables",
                    "grants" => "nobody else writes the database",
                    "logins" => "nobody gets in without a password",
                    _ => "the server writes down what one would look for",
                };
                checks.push(Check::good(name, detail));
            }
            findings.extend(found);
        }
    }
}

fn unknown(name: &str, why: &str) -> Check {
    Check::open(name, format!("not known: {why}"))
}

/// `a, b, c and 4 more`.
fn some(names: &[String], all: u64) -> String {
    let more = all.saturating_sub(names.len() as u64);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names.join(", "))
}
