//! The archive and sidecars for people.

use std::fmt::Write;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::findings::count;
use crate::base::size::human;
use crate::base::time;
use crate::facts::{ArchiveSeen, Known};
use crate::plan::{Journal, PlannedStep};
use crate::project::Archive;
use crate::step::{SidecarRecord, Step};

/// `odpm archive status`.
#[derive(Debug, Serialize)]
pub struct ArchiveStatus {
    /// 1.
    pub format_version: u32,
    /// Its folder, or its repositories.
    pub path: String,
    /// Whether the server archives, in a few words.
    pub archiving: String,
    /// The base backups, oldest first.
    pub bases: Vec<BaseStatus>,
    /// The first moment that can be recovered.
    pub from: Option<Timestamp>,
    /// The last moment whose log is archived; what was committed since follows by itself.
    pub until: Option<Timestamp>,
    /// The spans between that nothing reaches, for the cluster was rewound or promoted in them.
    pub except: Vec<(Timestamp, Timestamp)>,
    /// How many segments of the log are kept.
    pub segments: u64,
    /// Their size as they are kept.
    pub segment_bytes: u64,
    /// What is wrong.
    pub troubles: Vec<String>,
    /// When this was looked at.
    pub at: Timestamp,
    /// Whether the server answers, and archives what is committed from now on.
    pub goes_on: bool,
    /// How soon the server archives what was committed, in seconds.
    pub switch: u64,
}

/// A base backup.
#[derive(Debug, Serialize)]
pub struct BaseStatus {
    /// Its name.
    pub id: String,
    /// The number of the repository that it is in, where pgBackRest keeps it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<usize>,
    /// When it was whole.
    pub whole_at: Timestamp,
    /// Its size.
    pub bytes: u64,
    /// The server's version.
    pub server_version: String,
    /// The end of its log without a gap.
    pub until: Option<Timestamp>,
    /// The first segment that is missing.
    pub gap: Option<String>,
}

impl ArchiveStatus {
    /// What was seen, at a moment.
    pub fn of(archive: &Archive, seen: &ArchiveSeen, at: Timestamp) -> Self {
        let bases = seen.bases.iter().map(|base| {
            let reach = seen.reach(base);
            BaseStatus {
                id: base.id.clone(),
                repository: base.kept.as_ref().map(|kept| kept.repository),
                whole_at: base.stopped_at,
                bytes: base.bytes,
                server_version: base.server_version.clone(),
                until: reach.until,
                gap: reach.gap.map(|gap| gap.name(base.segment_bytes)),
            }
        });
        let bases: Vec<BaseStatus> = bases.collect();
        let on_it = seen.bases.iter().any(|base| seen.timeline() == Some(base.timeline));
        let works = seen.archiver.get().is_some_and(|archiver| archiver.on && !archiver.fails());
        let goes_on = works && on_it;
        Self {
            format_version: 1,
            path: archive.told(),
            archiving: archiving(seen, at),
            from: bases.first().map(|base| base.whole_at),
            until: bases.iter().filter_map(|base| base.until).max(),
            bases,
            except: seen.forks(),
            segments: seen.segments.len() as u64,
            segment_bytes: seen.segments.iter().map(|kept| kept.bytes).sum(),
            troubles: seen.troubles(),
            at,
            goes_on,
            switch: archive.switch,
        }
    }
}

fn ago(at: Timestamp, now: Timestamp) -> String {
    format!("{} ago", time::ago(now, at))
}

fn archiving(seen: &ArchiveSeen, now: Timestamp) -> String {
    let archiver = match &seen.archiver {
        Known::Unknown(why) => return format!("unknown: {why}"),
        Known::Known(archiver) => archiver,
    };
    let last = archiver.last.as_ref().map_or_else(
        || "nothing was archived yet".to_owned(),
        |(name, at)| format!("{name} was archived {}", ago(*at, now)),
    );
    let waiting = archiver.waiting.filter(|count| *count > 0);
    let waiting = waiting.map_or_else(String::new, |waiting| format!(", {} wait", count(waiting, "segment")));
    match (archiver.on, archiver.fails()) {
        (false, _) => "off".to_owned(),
        (true, false) => format!("works, {last}{waiting}"),
        (true, true) => format!("FAILS, {last}{waiting}"),
    }
}

/// A moment in UTC and as this machine's clocks show it.
pub fn moment(at: Timestamp) -> String {
    let utc = at.strftime("%Y-%m-%d %H:%M:%S UTC");
    let here = at.to_zoned(TimeZone::system());
    match here.offset().seconds() {
        0 => utc.to_string(),
        _ => format!("{utc} ({} here)", here.strftime("%H:%M:%S %Z")),
    }
}

/// The archive in lines.
pub fn archive_status(status: &ArchiveStatus) -> String {
    let mut text = format!("archive in {}\n", status.path);
    let _ = writeln!(text, "  archiving     {}", status.archiving);
    let log = (count(status.segments, "segment"), human(status.segment_bytes));
    let _ = writeln!(text, "  log           {}, {}", log.0, log.1);
    for (at, base) in status.bases.iter().enumerate() {
        let name = if at == 0 { "base backups" } else { "" };
        let within = base.repository.map_or_else(String::new, |number| format!(", in repository {number}"));
        let what = format!("{}, PostgreSQL {}{within}", human(base.bytes), base.server_version);
        let _ = writeln!(text, "  {name:<12}  {}: {}, {what}", base.id, ago(base.whole_at, status.at));
        if let Some(gap) = &base.gap {
            let _ = writeln!(text, "                its log has a gap: {gap} is missing");
        }
    }
    match (status.from, status.until) {
        (Some(from), until) => {
            let _ = writeln!(text, "You can go back to any moment\n  from          {}", moment(from));
            let until = until.unwrap_or(from).max(from);
            let _ = match status.goes_on {
                true => writeln!(
                    text,
                    "  until         now; up to {} it is archived, the rest within {} s of a commit",
                    moment(until),
                    status.switch
                ),
                false => writeln!(text, "  until         {}", moment(until)),
            };
            for (from, to) in &status.except {
                let _ = writeln!(
                    text,
                    "  but not       from {} to {}: the log forks there",
                    moment(*from),
                    moment(*to)
                );
            }
        }
        (None, _) => text
            .push_str("You can go back to no moment: take a base backup with `odpm archive basebackup`.\n"),
    }
    for trouble in &status.troubles {
        let _ = writeln!(text, "WRONG  {trouble}");
    }
    text.trim_end().to_owned()
}

/// `odpm archive verify`.
#[derive(Debug, Default, Serialize)]
pub struct ArchiveProof {
    /// The base backups that are whole.
    pub bases: Vec<String>,
    /// How many segments of the log are whole.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is wrong.
    pub wrong: Vec<String>,
    /// What could not be looked at.
    pub notes: Vec<String>,
}

/// The proof in lines.
pub fn archive_proof(proof: &ArchiveProof) -> String {
    let mut text = String::new();
    for base in &proof.bases {
        let _ = writeln!(text, "good   base backup {base}");
    }
    let _ = writeln!(text, "good   {} of the log, {}", count(proof.segments, "segment"), human(proof.bytes));
    for wrong in &proof.wrong {
        let _ = writeln!(text, "WRONG  {wrong}");
    }
    for note in &proof.notes {
        let _ = writeln!(text, "note   {note}");
    }
    text.trim_end().to_owned()
}

/// Sidecars in lines.
pub fn sidecars(all: &[SidecarRecord]) -> String {
    if all.is_empty() {
        return "There is no sidecar.".to_owned();
    }
    let line = |record: &SidecarRecord| {
        let at = record.moment.parse().map_or_else(|_| record.moment.clone(), moment);
        let how = if record.stands { "stands at" } else { "UNFINISHED, was begun for" };
        format!("{}  {how} {at}, from base backup {}", record.sidecar.name, record.base)
    };
    all.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Where a run has set a data directory aside, and how to be rid of it.
pub fn set_aside(journal: &Journal) -> Option<String> {
    let replaces = |step: &PlannedStep| match &step.step {
        Step::ReplaceData(replace) => Some((step.id.clone(), replace.aside.clone())),
        _ => None,
    };
    let (id, aside) = journal.plan.steps.iter().find_map(replaces)?;
    let outcome =
        journal.finished.iter().find(|(finished, _)| *finished == id).map(|(_, outcome)| outcome)?;
    let aside = aside.display();
    let told = outcome.detail.clone().unwrap_or_else(|| format!("the old one is in {aside}"));
    Some(format!(
        "The data directory: {told}. It stays until you remove it; as long as it is there, `odpm undo {}` puts it back.",
        journal.plan.run
    ))
}
