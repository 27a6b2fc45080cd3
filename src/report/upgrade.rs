//! What the log of a server says, for people.

use std::fmt::Write;

use super::findings::count;
use crate::base::size::thousands;
use crate::upgrade::{Diagnosis, Evidence, Failure, FindingKind, Phase};

/// How many later failures and findings are shown.
const TOLD: usize = 12;

/// A diagnosis as a report.
pub fn diagnosis(seen: &Diagnosis) -> String {
    let mut text = match &seen.failure {
        Some(failure) => first_failure(failure),
        None => "The log shows no failure.\n".to_owned(),
    };
    for loaded in &seen.loaded {
        let modules = count(loaded.modules, "module");
        let _ = writeln!(text, "{}: {modules} loaded (line {})", loaded.database, thousands(loaded.line));
    }
    if !seen.later.is_empty() {
        text.push_str("\nFailed later, by another cause\n");
    }
    for later in seen.later.iter().take(TOLD) {
        let module = later.module.as_ref().map_or_else(String::new, |module| format!("{module}: "));
        let again = if later.count > 1 { format!(" ({} times)", later.count) } else { String::new() };
        let _ = writeln!(text, "  {:>7}  {module}{}{again}", later.line, later.cause);
    }
    more(seen.later.len(), &mut text);
    findings(seen, &mut text);
    let odoo = if seen.versions.is_empty() {
        String::new()
    } else {
        format!(" of Odoo {}", seen.versions.join(", "))
    };
    let (lines, records) = (count(seen.lines, "line"), count(seen.records, "record"));
    let _ = writeln!(text, "\nRead {lines}: {records}{odoo}, {}.", count(seen.warnings, "warning"));
    text
}

fn more(all: usize, text: &mut String) {
    if all > TOLD {
        let _ = writeln!(text, "  and {} more; --format json has them", all - TOLD);
    }
}

fn findings(seen: &Diagnosis, text: &mut String) {
    if !seen.findings.is_empty() {
        text.push_str("\nAlso found; none of it stopped the server\n");
    }
    for finding in seen.findings.iter().take(TOLD) {
        let again = if finding.count > 1 { format!(" ({} times)", finding.count) } else { String::new() };
        let what = finding.what.replace('\n', " ");
        let _ = writeln!(text, "  {:>7}  {}: {what}{again}", finding.line, self::finding(finding.kind));
    }
    more(seen.findings.len(), text);
}

/// The first failure of a log: what, where, why, and what usually fixes it.
pub fn first_failure(failure: &Failure) -> String {
    let mut text = format!("Line {}: {}\n\n", thousands(failure.line), failure.cause);
    let mut fact = |name: &str, value: String| {
        if !value.is_empty() {
            let _ = writeln!(text, "  {name:<10} {value}");
        }
    };
    let told = |value: &Option<String>| value.clone().unwrap_or_default();
    fact("module", told(&failure.module));
    fact("database", told(&failure.database));
    fact("phase", phase(failure.phase).to_owned());
    let place = failure.place.as_ref().map(|place| match place.line {
        0 => place.file.clone(),
        line => format!("{}:{line}", place.file),
    });
    fact("file", place.unwrap_or_default());
    if let Some(view) = &failure.view {
        let names = [view.xmlid.clone(), view.name.as_ref().map(|name| format!("\"{name}\""))];
        let model = view.model.as_ref().map(|model| format!("of {model}"));
        fact("view", names.into_iter().chain([model]).flatten().collect::<Vec<_>>().join(" "));
        fact("looks for", told(&view.locator));
    }
    let sql = failure.sql.clone().unwrap_or_default();
    fact("statement", told(&sql.statement).replace('\n', " "));
    let state = sql.sqlstate.map_or_else(String::new, |state| format!(", SQLSTATE {state}"));
    fact("class", format!("{}{state}", failure.class.name()));
    fact("exception", told(&failure.exception));
    fact(
        "when",
        [told(&failure.time), failure.pid.map_or_else(String::new, |pid| format!("process {pid}"))]
            .join("  ")
            .trim()
            .to_owned(),
    );
    if !failure.confirmed {
        text.push_str("\nThe log ends before the server says that this ended it: probably it did.\n");
    }
    text.push_str("\nWhat usually fixes it\n");
    for remedy in &failure.remedies {
        let _ = writeln!(text, "  {remedy}");
    }
    lines("Evidence", &failure.evidence, &mut text);
    lines("What followed from it", &failure.consequences, &mut text);
    text.push('\n');
    text
}

fn lines(heading: &str, lines: &[Evidence], text: &mut String) {
    if !lines.is_empty() {
        let _ = writeln!(text, "\n{heading}");
    }
    for Evidence { line, text: said } in lines {
        let _ = writeln!(text, "  {line:>7}  {said}");
    }
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Starting => "before any database",
        Phase::Connecting => "connecting to PostgreSQL",
        Phase::Dependencies => "dependencies",
        Phase::LoadingPython => "loading Python",
        Phase::Models => "setting up models",
        Phase::PreMigration => "pre-migration script",
        Phase::PostMigration => "post-migration script",
        Phase::EndMigration => "end-migration script",
        Phase::Schema => "schema change",
        Phase::Data => "data file",
        Phase::Views => "views and their inheritance",
        Phase::Translations => "translations",
        Phase::Hooks => "hook of the manifest",
        Phase::Tests => "tests",
        Phase::Loading => "loading modules",
        Phase::Request => "answering a request",
        Phase::ScheduledAction => "scheduled action or job",
        Phase::Running => "running",
    }
}

fn finding(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::ConstraintMissing => {
            "a constraint is missing in the database (fill or mend the rows, upgrade again)"
        }
        FindingKind::UnknownModule => "a module that was asked for is not known, nothing was done for it",
        FindingKind::ModulesNotLoaded => "installed modules were not loaded",
        FindingKind::ModuleStates => "modules are left half-way",
        FindingKind::NotInstallable => "a module cannot be installed",
        FindingKind::MigrationScript => "a migration script was passed over",
        FindingKind::DemoData => "demo data were not loaded",
        FindingKind::View => "a view does not fit any more",
        FindingKind::Model => "a model cannot be used",
        FindingKind::ServerWideModule => "a server-wide module was not loaded",
        FindingKind::NotInitialised => "the database has no Odoo in it",
        FindingKind::SurvivedError => "an error",
        FindingKind::Limit => "a limit was reached",
        FindingKind::Unfinished => "unfinished",
    }
}
