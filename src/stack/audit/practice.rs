//! Whether the way back is kept in practice.

use jiff::{SignedDuration, Timestamp};

use super::{Case, Finding, Weight};
use crate::base::time::ago;
use crate::facts::DrillKind;
use crate::project::Scenario;

const DAY: i64 = 24;

/// A week, and a day for a timer that drifts.
const RESTORE: SignedDuration = SignedDuration::from_hours(8 * DAY);

/// A quarter, and a day.
const SIDECAR: SignedDuration = SignedDuration::from_hours(93 * DAY);

/// How old a base backup may get before somebody is reminded, and before somebody has to look.
const BASE: [SignedDuration; 2] = [SignedDuration::from_hours(8 * DAY), SignedDuration::from_hours(32 * DAY)];

/// What is overdue.
pub fn findings(case: &Case<'_>) -> Vec<Finding> {
    let backups = case.seen.backups > 0;
    let archive = case.project.archive.is_some() && !case.archive.bases.is_empty();
    let mut found = Vec::new();
    if backups {
        let remedy = "odpm database drill --latest --yes, weekly by cron";
        found.extend(drill(
            case,
            DrillKind::Restore,
            RESTORE,
            ["no backup was ever restored on trial", "the last restore on trial was"],
            remedy,
        ));
    }
    if archive {
        let remedy = "Hold one, each quarter: odpm incident drill";
        found.extend(drill(
            case,
            DrillKind::Sidecar,
            SIDECAR,
            ["no sidecar was ever recovered on trial", "the last drill with a sidecar was"],
            remedy,
        ));
    }
    found.extend(base(case));
    found.extend(none(case));
    found
}

fn old(case: &Case<'_>, at: Timestamp, limit: SignedDuration) -> bool {
    case.now.duration_since(at) > limit
}

fn drill(
    case: &Case<'_>,
    kind: DrillKind,
    limit: SignedDuration,
    words: [&str; 2],
    remedy: &str,
) -> Option<Finding> {
    let [never, last] = words;
    let what = match case.seen.last(kind) {
        None => never.to_owned(),
        Some(at) if old(case, at, limit) => format!("{last} {} ago", ago(case.now, at)),
        Some(_) => return None,
    };
    Some(Finding {
        area: "drills",
        weight: case.grave(),
        what,
        why: "a way back that nobody has gone lately is a hope; the drill also says how long it takes",
        remedies: vec![remedy.to_owned()],
    })
}

/// The log since the newest base backup has to be replayed, all of it.
fn base(case: &Case<'_>) -> Option<Finding> {
    case.project.archive.as_ref()?;
    let newest = case.archive.bases.last()?.stopped_at;
    let [advised, grave] = BASE;
    old(case, newest, advised).then(|| Finding {
        area: "archive",
        weight: if old(case, newest, grave) { case.grave() } else { Weight::Advice },
        what: format!("the newest base backup is {} old", ago(case.now, newest)),
        why: "a recovery replays all of the log since, which takes the longer the older it is",
        remedies: vec!["odpm archive basebackup --yes, weekly by cron".to_owned()],
    })
}

fn none(case: &Case<'_>) -> Option<Finding> {
    let lacks = case.project.archive.is_none() && case.project.postgres.external.is_none();
    (lacks && case.project.scenario == Scenario::Server).then(|| Finding {
        area: "archive",
        weight: Weight::Advice,
        what: "the server's log is not kept".to_owned(),
        why: "without it one can go back to the last backup only, not to the minute before the damage",
        remedies: vec!["In odpm.yaml: archive: {method: basebackup}; then: odpm archive enable".to_owned()],
    })
}
