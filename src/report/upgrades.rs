//! Upgrades as they were: what came of each, and the way back.

use std::fmt::Write;
use std::time::Duration;

use super::findings::count;
use crate::error::Error;
use crate::facts::{Release, UpgradeEnd, UpgradeRecord, UpgradeSeen};

/// How many modules and notes are shown.
const TOLD: usize = 20;

/// Every upgrade, a few lines each.
pub fn upgrades(all: &[UpgradeSeen]) -> String {
    if all.is_empty() {
        return "Nothing was upgraded yet.\n".to_owned();
    }
    all.iter().map(brief).collect()
}

fn brief(seen: &UpgradeSeen) -> String {
    let record = &seen.record;
    let mut text = format!("{}  {:<16} {:<14} {}\n", record.run, record.database, standing(seen), record.by);
    let _ = writeln!(text, "    {}{}", record.command, took(seen));
    if let Some(cause) = seen.diagnosis.as_ref().or(seen.stopped.as_ref()) {
        let _ = writeln!(text, "    {}", cause.replace('\n', " "));
    }
    text
}

/// How it ended, in a word or two.
fn standing(seen: &UpgradeSeen) -> &'static str {
    let failed = seen.verdict.as_ref().is_some_and(|verdict| !verdict.wrong.is_empty());
    match seen.outcome.as_ref().map(|outcome| outcome.end) {
        Some(UpgradeEnd::Upgraded) => "upgraded",
        Some(UpgradeEnd::RolledBack) => "rolled back",
        Some(UpgradeEnd::Superseded) => "superseded",
        Some(UpgradeEnd::Rehearsed) => "rehearsed",
        None if seen.record.rehearsal && (failed || seen.stopped.is_some()) => "rehearsal failed",
        None if failed || seen.stopped.is_some() => "failed",
        None => "not at its end",
    }
}

fn took(seen: &UpgradeSeen) -> String {
    let Some(verdict) = &seen.verdict else { return String::new() };
    format!(" ({})", super::duration(length(verdict.seconds)))
}

/// A length of time on record; none at all where somebody has written what is no length.
fn length(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// One upgrade with all that is recorded of it.
pub fn one_upgrade(seen: &UpgradeSeen) -> String {
    let mut text = brief(seen);
    let record = &seen.record;
    modules(record, "    ", &mut text);
    for release in &record.releases {
        let _ = writeln!(text, "    {}", commit(release));
    }
    if let Some(verdict) = &seen.verdict {
        for (what, said) in [("wrong", &verdict.wrong), ("note", &verdict.notes)] {
            for line in said.iter().take(TOLD) {
                let _ = writeln!(text, "    {what}: {line}");
            }
        }
    }
    let _ = writeln!(text, "    log and evidence: {}", seen.folder.display());
    text
}

fn modules(record: &UpgradeRecord, indent: &str, text: &mut String) {
    for (name, versions) in record.modules.iter().take(TOLD) {
        let from = versions.from.as_deref().unwrap_or("not installed");
        let to = versions.to.as_deref().unwrap_or("?");
        let _ = match from == to {
            true => writeln!(text, "{indent}{name} {to}, loaded anew"),
            false => writeln!(text, "{indent}{name} {from} -> {to}"),
        };
    }
    if record.modules.len() > TOLD {
        let _ = writeln!(text, "{indent}and {} more", record.modules.len() - TOLD);
    }
}

fn commit(release: &Release) -> String {
    let sha = release.sha.as_deref().unwrap_or("no commit");
    let branch = release.branch.as_ref().map_or_else(String::new, |branch| format!(" ({branch})"));
    let dirty = match release.dirty {
        0 => String::new(),
        files => format!(", {} not committed", count(files, "file")),
    };
    format!("{}: {sha}{branch}{dirty}", release.path.display())
}

/// After a rehearsal that has passed.
pub fn rehearsed(seen: &UpgradeSeen) -> String {
    let mut text = format!("The rehearsal has passed{}.\n", took(seen));
    for note in seen.verdict.iter().flat_map(|verdict| &verdict.notes).take(TOLD) {
        let _ = writeln!(text, "  note: {note}");
    }
    text
}

/// After an upgrade that is done.
pub fn upgraded(seen: &UpgradeSeen) -> String {
    let record = &seen.record;
    let mut text = format!("{} is upgraded and in service{}.\n", record.database, took(seen));
    let _ = writeln!(text, "Go back, should it turn out wrong: odpm upgrade rollback {}", record.run);
    let _ = writeln!(text, "When that is not wanted any more: odpm database prune");
    let _ = writeln!(text, "For the release notes: odpm upgrade history {} --release-notes", record.run);
    text
}

/// The commands that bring back the code of before, as far as its commits are on record.
fn code_before(seen: &UpgradeSeen, all: &[UpgradeSeen]) -> Vec<String> {
    let releases = before(seen, all).map_or(&[][..], |before| &before.record.releases);
    let known = releases.iter().filter_map(|release| Some((release.path.display(), release.sha.as_ref()?)));
    known.map(|(path, sha)| format!("git -C {path} checkout {sha}")).collect()
}

/// The database is back, and the code is another one.
pub fn other_code(seen: &UpgradeSeen, all: &[UpgradeSeen], misfits: &[String]) -> Error {
    let record = &seen.record;
    let what = format!("{} is what it was before {}, and the code is not", record.database, record.run);
    let error = misfits.iter().take(TOLD).fold(Error::refused(what), |error, misfit| error.because(misfit));
    let known = code_before(seen, all);
    let error = match known.is_empty() {
        true => error.hint("Redeploy the release of before; its commit is not on record."),
        false => known.iter().fold(error, |error, command| error.hint(format!("Redeploy: {command}"))),
    };
    error
        .hint("Then let the services go: odpm upgrade rollback")
        .hint("Whatever code is there: odpm upgrade rollback --reopen")
}

/// The last good upgrade of the same database before this one.
fn before<'a>(seen: &UpgradeSeen, all: &'a [UpgradeSeen]) -> Option<&'a UpgradeSeen> {
    let earlier = all.iter().take_while(|other| other.record.run != seen.record.run);
    earlier
        .filter(|other| other.record.database == seen.record.database && other.ended(UpgradeEnd::Upgraded))
        .last()
}

/// The section of the release notes: what changes, how to do it, how to go back.
pub fn release_notes(seen: &UpgradeSeen, all: &[UpgradeSeen]) -> String {
    let record = &seen.record;
    let day: String = record.begun.chars().take(10).collect();
    let mut text = format!("## Upgrade of {}, {day}\n\n", record.database);
    for (name, versions) in &record.modules {
        let from = versions.from.as_deref().unwrap_or("not installed");
        let _ = writeln!(text, "- `{name}`: {from} -> {}", versions.to.as_deref().unwrap_or("?"));
    }
    if record.modules.is_empty() {
        for (names, what) in [(&record.install, "installed"), (&record.update, "upgraded")] {
            for name in names {
                let _ = writeln!(text, "- `{name}`: {what}");
            }
        }
    }
    if !record.releases.is_empty() {
        text.push_str("\nCode:\n\n");
        for release in &record.releases {
            let _ = writeln!(text, "- {}", commit(release));
        }
    }
    let _ = write!(
        text,
        "\n### Upgrade\n\n    {}\n\n### Rollback\n\n    odpm upgrade rollback {}\n\n\
         The database goes back to what it was before; what was written since is kept aside. The services follow when the \
         code of before is deployed again.\n",
        record.command, record.run
    );
    for (at, command) in code_before(seen, all).iter().enumerate() {
        let begin = if at == 0 { "\nThe code of before:\n\n" } else { "" };
        let _ = writeln!(text, "{begin}    {command}");
    }
    text.push('\n');
    let took = seen.verdict.as_ref().map(|verdict| verdict.seconds);
    if let Some(seconds) = took {
        let took = super::duration(length(seconds));
        let _ = writeln!(text, "Running the upgrade took {took}; it ended as: {}.", standing(seen));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Verdict, samples};

    #[test]
    fn a_record_that_was_edited_is_told() {
        for (begun, seconds, day) in [
            ("2026-11-20T21:13:33Z", 62.0, "2026-11-20\n"),
            ("2026-11-2ä, I think", -1.0, "2026-11-2ä\n"),
            ("", f64::MAX, ", \n"),
        ] {
            let verdict = Verdict {
                begun: begun.into(),
                seconds,
                exit: "0".into(),
                wrong: Vec::new(),
                notes: Vec::new(),
                after: Default::default(),
            };
            let record = UpgradeRecord { begun: begun.into(), ..samples::upgrade() };
            let seen = UpgradeSeen {
                folder: "/p".into(),
                record,
                begun: true,
                verdict: Some(verdict),
                diagnosis: None,
                stopped: None,
                outcome: None,
            };
            let notes = release_notes(&seen, std::slice::from_ref(&seen));
            assert!(notes.contains(day), "{notes}");
            assert!(one_upgrade(&seen).contains("rent"));
        }
    }
}
