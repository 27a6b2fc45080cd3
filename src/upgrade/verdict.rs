//! Whether an upgrade is good: by what the modules are, and by what the log says; never by the exit code alone.

use std::collections::BTreeMap;

use regex::Regex;

use super::diagnose::{Diagnosis, FindingKind};
use crate::facts::ModuleStates;

/// What is judged.
#[derive(Clone, Copy, Debug)]
pub struct Ran<'a> {
    /// Whether Odoo's exit code says that it went well.
    pub exited_well: bool,
    /// How it ended, in words.
    pub exit: &'a str,
    /// What the log says; none where it is empty.
    pub diagnosis: Option<&'a Diagnosis>,
    /// The modules before.
    pub before: &'a ModuleStates,
    /// The modules afterwards.
    pub after: &'a ModuleStates,
    /// The modules that have to be installed, with their versions where those are known.
    pub wanted: &'a BTreeMap<String, Option<String>>,
    /// Errors of the log that do not matter.
    pub allow: &'a [Regex],
}

/// What is wrong, the first cause first, and what is only worth knowing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// What is not as it has to be.
    pub wrong: Vec<String>,
    /// What is worth knowing.
    pub notes: Vec<String>,
}

/// Whether it went well.
pub fn judge(ran: &Ran<'_>) -> Judged {
    let mut judged = Judged::default();
    let allowed = |text: &str| ran.allow.iter().any(|pattern| pattern.is_match(text));
    let failure = ran.diagnosis.and_then(|diagnosis| diagnosis.failure.as_ref());
    match failure {
        Some(failure) if ran.exited_well && allowed(&failure.cause) => {
            judged.notes.push(format!("allowed: {}", failure.cause));
        }
        Some(failure) => {
            let module = failure.module.as_ref().map_or_else(String::new, |module| format!("{module}: "));
            judged.wrong.push(format!("{module}{}", failure.cause));
        }
        None if !ran.exited_well => judged.wrong.push(format!("Odoo ended with {}", ran.exit)),
        None => {}
    }
    match ran.diagnosis {
        None => judged.wrong.push("Odoo has written no log, so nothing says that it did anything".to_owned()),
        Some(diagnosis) => {
            for finding in &diagnosis.findings {
                match (matters(finding.kind), allowed(&finding.what)) {
                    (_, true) => judged.notes.push(format!("allowed: {}", finding.what)),
                    (true, false) => judged.wrong.push(finding.what.clone()),
                    (false, false) => judged.notes.push(finding.what.clone()),
                }
            }
        }
    }
    modules(ran, &mut judged);
    judged.wrong.dedup();
    judged
}

/// Whether the log of a good upgrade has none of it.
fn matters(kind: FindingKind) -> bool {
    match kind {
        FindingKind::ConstraintMissing
        | FindingKind::UnknownModule
        | FindingKind::ModulesNotLoaded
        | FindingKind::ModuleStates
        | FindingKind::NotInstallable
        | FindingKind::MigrationScript
        | FindingKind::View
        | FindingKind::Model
        | FindingKind::NotInitialised
        | FindingKind::SurvivedError
        | FindingKind::Unfinished => true,
        FindingKind::DemoData | FindingKind::ServerWideModule | FindingKind::Limit => false,
    }
}

fn modules(ran: &Ran<'_>, judged: &mut Judged) {
    let mut half = Vec::new();
    for (name, module) in ran.after {
        if module.state.starts_with("to ") {
            half.push(format!("{name} ({})", module.state));
        }
        let was = ran.before.get(name).is_some_and(|module| module.state == "installed");
        if was && ["uninstalled", "uninstallable"].contains(&module.state.as_str()) {
            judged.notes.push(format!("{name} was installed and is {} now", module.state));
        }
    }
    if !half.is_empty() {
        judged.wrong.push(format!("left half-way: {}", half.join(", ")));
    }
    for gone in ran.before.keys().filter(|name| !ran.after.contains_key(*name)) {
        judged.notes.push(format!("{gone} is not known any more"));
    }
    for (name, version) in ran.wanted {
        let module = ran.after.get(name);
        match (module, version) {
            (Some(module), _) if module.state.starts_with("to ") => {}
            (Some(module), Some(wanted)) if module.state == "installed" => {
                let now = module.version.as_deref().unwrap_or("nothing");
                if now != wanted {
                    judged.wrong.push(format!("{name} is at {now}, its manifest says {wanted}"));
                }
            }
            (Some(module), None) if module.state == "installed" => {}
            (Some(module), _) => judged.wrong.push(format!("{name} is {}, not installed", module.state)),
            (None, _) => judged.wrong.push(format!("{name} is not installed")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::ModuleInDatabase;
    use crate::upgrade::Reading;

    fn states(all: &[(&str, &str, &str)]) -> ModuleStates {
        let module = |(name, state, version): &(&str, &str, &str)| {
            let version = (!version.is_empty()).then(|| (*version).to_owned());
            (
                (*name).to_owned(),
                ModuleInDatabase { state: (*state).to_owned(), version, ..Default::default() },
            )
        };
        all.iter().map(module).collect()
    }

    fn log(lines: &[&str]) -> Diagnosis {
        let mut reading = Reading::default();
        let usual =
            ["INFO ? odoo: Odoo version 18.0", "INFO shop odoo.modules.loading: loading 2 modules..."];
        let end = [
            "INFO shop odoo.modules.loading: 2 modules loaded in 1.00s, 9 queries",
            "INFO shop odoo.modules.loading: Modules loaded.",
        ];
        for line in usual.iter().chain(lines).chain(&end) {
            reading.see(&format!("2026-01-09 08:00:00,001 41 {line}"));
        }
        reading.end()
    }

    fn wrong(lines: &[&str], exited_well: bool, after: &[(&str, &str, &str)], allow: &[&str]) -> Vec<String> {
        let allow: Vec<Regex> = allow.iter().map(|text| Regex::new(text).unwrap()).collect();
        let before = states(&[("base", "installed", "18.0.1.3"), ("sale", "installed", "18.0.1.2")]);
        let wanted = [("sale".to_owned(), Some("18.0.1.3".to_owned()))].into();
        let ran = Ran {
            exited_well,
            exit: "exit status: 255",
            diagnosis: Some(&log(lines)),
            before: &before,
            after: &states(after),
            wanted: &wanted,
            allow: &allow,
        };
        judge(&ran).wrong
    }

    #[test]
    fn an_exit_code_alone_is_no_verdict() {
        let good = [("base", "installed", "18.0.1.3"), ("sale", "installed", "18.0.1.3")];
        let with = |sale: (&'static str, &'static str, &'static str)| [good[0], sale];
        let not_null = "ERROR shop odoo.schema: Table 'rent': unable to set NOT NULL on column 'price'";
        let unknown = "WARNING shop odoo.modules.loading: invalid module names, ignored: no_such";
        let none: &[&str] = &[];
        assert_eq!(wrong(&[], true, &good, none), none);
        assert_eq!(wrong(&[], false, &good, none), ["Odoo ended with exit status: 255"]);
        assert_eq!(
            wrong(&[], true, &with(("sale", "installed", "18.0.1.2")), none),
            ["sale is at 18.0.1.2, its manifest says 18.0.1.3"]
        );
        assert_eq!(
            wrong(&[], true, &with(("sale", "to upgrade", "18.0.1.2")), none),
            ["left half-way: sale (to upgrade)"]
        );
        assert_eq!(wrong(&[], true, &good[..1], none), ["sale is not installed"]);
        assert_eq!(
            wrong(&[], true, &with(("sale", "uninstalled", "")), none),
            ["sale is uninstalled, not installed"]
        );
        let said = wrong(&[not_null], true, &good, none);
        assert!(said[0].contains("unable to set NOT NULL"), "{said:?}");
        assert_eq!(wrong(&[not_null], true, &good, &["NOT NULL on column 'price'"]), none);
        assert!(wrong(&[unknown], true, &good, none)[0].contains("invalid module names, ignored: no_such"));
    }

    #[test]
    fn an_empty_log_is_a_failure() {
        let (before, wanted) = (states(&[]), BTreeMap::new());
        let ran = Ran {
            exited_well: true,
            exit: "",
            diagnosis: None,
            before: &before,
            after: &before,
            wanted: &wanted,
            allow: &[],
        };
        assert!(judge(&ran).wrong[0].contains("no log"));
    }
}
