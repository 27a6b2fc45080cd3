//! Whether an upgrade could be gone through with and taken back: the database, backups, drills, room, and who is at work.

use jiff::{SignedDuration, Timestamp};

use super::checkpoint::{Choice, checkpoint};
use crate::base::size::{count, human};
use crate::base::time::ago;
use crate::facts::{AtWork, DatabaseTerms, Known, OperationSeen, SubjectSeen, WorkerSeen};
use crate::plan::Check;
use crate::project::{CheckpointKind, Project, Scenario};

/// Odoo gives up waiting for a lock after so long; a transaction that is older is one that could make it.
const LONG: SignedDuration = SignedDuration::from_secs(15);

/// How many of a kind are named.
const NAMED: usize = 5;

/// How much of a statement is told.
const STATEMENT: usize = 80;

/// Everything that was looked at, in the order in which a person would. `wanted`: the kind of checkpoint, where one is named.
pub fn checks(seen: &OperationSeen, project: &Project, wanted: Option<CheckpointKind>) -> Vec<Check> {
    let mut found = Vec::new();
    let subject = match database(seen) {
        Ok((check, subject)) => {
            found.push(check);
            Some(subject)
        }
        Err(check) => {
            found.push(check);
            None
        }
    };
    if let Some(subject) = subject {
        found.extend(series(subject, &project.odoo.version));
    }
    found.push(backup(seen, project));
    found.push(drill(seen, project));
    if subject.is_some() {
        found.push(room(&checkpoint(seen, wanted), wanted));
        found.extend(at_work(seen));
        found.push(terms(&seen.terms));
    }
    found
}

/// The database, and the check of it; without one there is nothing more to ask of it.
fn database(seen: &OperationSeen) -> Result<(Check, &SubjectSeen), Check> {
    const NAME: &str = "database";
    let name = &seen.database;
    let subject = match &seen.subject {
        Known::Unknown(why) => return Err(Check::open(NAME, format!("{name} cannot be looked at: {why}"))),
        Known::Known(None) => {
            let check =
                Check::bad(NAME, format!("there is no database {name}; Odoo would make an empty one"));
            return Err(check.remedy("See what there is: odpm database list"));
        }
        Known::Known(Some(subject)) => subject,
    };
    if !subject.open {
        let check = Check::bad(NAME, format!("{name} takes no connections"));
        return Err(check.remedy(format!(
            "Something has closed it. Look who, then: ALTER DATABASE \"{name}\" WITH ALLOW_CONNECTIONS true"
        )));
    }
    match &subject.odoo {
        Known::Unknown(why) => Err(Check::open(NAME, format!("{name} cannot be looked into: {why}"))),
        Known::Known(None) => {
            let check = Check::bad(NAME, format!("{name} is no database of Odoo's"));
            Err(check.remedy("Name another one: -d DB"))
        }
        Known::Known(Some(odoo)) => {
            let size = subject.bytes.map_or_else(String::new, |bytes| format!(", {}", human(bytes)));
            let modules = count(u64::from(odoo.modules), "module");
            Ok((Check::good(NAME, format!("{name} is there, with {modules}{size}")), subject))
        }
    }
}

fn series(subject: &SubjectSeen, wanted: &str) -> Option<Check> {
    const NAME: &str = "series";
    let version = &subject.odoo.get()?.as_ref()?.version;
    let same = version.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    if same {
        return Some(Check::good(NAME, format!("the database is of Odoo {wanted}, as the project is")));
    }
    let check = Check::bad(NAME, format!("the database is of Odoo {version}, the project of {wanted}"));
    Some(
        check
            .remedy("Set odoo.version in odpm.yaml to the series of the database.")
            .remedy("From one series to another a database is brought by Odoo's own service or by OpenUpgrade, not by -u."),
    )
}

/// Whether a moment is longer ago than so many seconds.
fn older(seen: &OperationSeen, at: Timestamp, seconds: u64) -> bool {
    seen.at.as_second().saturating_sub(at.as_second()) > i64::try_from(seconds).unwrap_or(i64::MAX)
}

fn backup(seen: &OperationSeen, project: &Project) -> Check {
    const NAME: &str = "backup";
    let name = &seen.database;
    let take = format!("odpm database backup -d {name}");
    let Some(last) = &seen.backup else {
        return Check::bad(NAME, format!("there is no backup of {name}")).remedy(take);
    };
    let told = format!("the newest of {name} is {} old", ago(seen.at, last.at));
    if older(seen, last.at, project.upgrade.backup_age) {
        let check = Check::bad(
            NAME,
            format!("{told}; upgrade.backup_age allows {}", span(project.upgrade.backup_age)),
        );
        return check.remedy(take);
    }
    let path = last.path.display();
    match last.verified {
        Some(at) => Check::good(NAME, format!("{told}, and was found good {} ago", ago(seen.at, at))),
        None => Check::open(NAME, format!("{told}, and nobody has read it since it was written"))
            .remedy(format!("odpm database verify {path}")),
    }
}

fn drill(seen: &OperationSeen, project: &Project) -> Check {
    const NAME: &str = "drill";
    let allowed = span(project.upgrade.drill_age);
    let what = match seen.drilled {
        Some(at) if !older(seen, at, project.upgrade.drill_age) => {
            return Check::good(NAME, format!("a backup was restored on trial {} ago", ago(seen.at, at)));
        }
        Some(at) => format!(
            "the last restore on trial was {} ago; upgrade.drill_age allows {allowed}",
            ago(seen.at, at)
        ),
        None => "no backup was ever restored on trial".to_owned(),
    };
    let check = match project.scenario {
        Scenario::Server => Check::bad(NAME, what),
        Scenario::Developer | Scenario::Ci => Check::open(NAME, what),
    };
    check.remedy("odpm database drill --latest --yes")
}

/// A length of time in the largest unit that fits.
fn span(seconds: u64) -> String {
    let from = Timestamp::UNIX_EPOCH;
    let to = from.checked_add(SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX)));
    ago(to.unwrap_or(Timestamp::MAX), from)
}

fn room(choice: &Choice, wanted: Option<CheckpointKind>) -> Check {
    const NAME: &str = "room";
    let (what, place) = match choice.kind {
        CheckpointKind::Copy => ("a copy beside the database", "the disk of the data directory"),
        CheckpointKind::Backup => ("a backup", "the disk of the backups"),
    };
    let instead = match (choice.kind, wanted) {
        (CheckpointKind::Backup, None) => "there is no room for a copy; ",
        _ => "",
    };
    let told = format!("{instead}{what} wants about {} of room", human(choice.bytes));
    let time = choice.time();
    match (choice.fits, choice.free) {
        (Some(true), _) => Check::good(NAME, format!("{told}, and there is room; {time}")),
        (None, _) => {
            Check::open(NAME, format!("{told}; whether there is room for it is not known: {}", choice.why))
                .remedy(format!("Look how much is free on {place}."))
        }
        (Some(false), free) => {
            let free = free.map_or_else(String::new, |free| format!(", and {} are free", human(free)));
            Check::bad(NAME, format!("{told}{free} on {place}"))
                .remedy(format!(
                    "Make room on {place}; what odpm keeps and nobody needs: odpm database prune"
                ))
                .remedy(
                    "Take the other kind where there is room for that one: upgrade.checkpoint: copy | backup",
                )
        }
    }
}

fn at_work(seen: &OperationSeen) -> Vec<Check> {
    let work = match &seen.at_work {
        Known::Unknown(why) => {
            return vec![Check::open("sessions", format!("who is at work is not known: {why}"))];
        }
        Known::Known(work) => work,
    };
    vec![sessions(seen, work), prepared(seen, work), replication(work), jobs(work)]
}

fn named(all: &[String]) -> String {
    let more = all.len().saturating_sub(NAMED);
    let told = all.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
    if more > 0 { format!("{told}; and {more} more") } else { told }
}

/// Since when a session is in a transaction that could keep Odoo waiting for too long.
fn long(seen: &OperationSeen, worker: &WorkerSeen) -> bool {
    let since = worker.session.transaction;
    since.is_some_and(|since| seen.at.duration_since(since) >= LONG)
}

fn worker(seen: &OperationSeen, worker: &WorkerSeen) -> String {
    let WorkerSeen { session, locks, .. } = worker;
    let application = if session.application.is_empty() { "no name" } else { &session.application };
    let state = if session.state.is_empty() { "what it does is not shown" } else { &session.state };
    let since = session.transaction.map_or_else(String::new, |at| format!(" for {}", ago(seen.at, at)));
    let locks = if locks.is_empty() { String::new() } else { format!(", has locked {}", locks.join(", ")) };
    let query: String = session.query.trim_end_matches(';').chars().take(STATEMENT).collect();
    let query = if query.is_empty() { query } else { format!(": {query}") };
    format!("{} {} ({application}), {state}{since}{locks}{query}", session.pid, session.role)
}

fn sessions(seen: &OperationSeen, work: &AtWork) -> Check {
    const NAME: &str = "sessions";
    let stay: Vec<String> = work.sessions.iter().filter(|w| !w.endable).map(|w| worker(seen, w)).collect();
    if !stay.is_empty() {
        let what = format!(
            "sessions that odpm's role may not end, and that nothing can be copied beside: {}",
            named(&stay)
        );
        return Check::bad(NAME, what).remedy("Have their owner, or a superuser, end them.");
    }
    let mut long: Vec<&WorkerSeen> = work.sessions.iter().filter(|worker| long(seen, worker)).collect();
    long.sort_by_key(|worker| worker.session.transaction);
    let Some(first) = long.first() else {
        let sessions = count(work.sessions.len() as u64, "session");
        return Check::good(NAME, format!("{sessions}, none in a long transaction; they are ended"));
    };
    let told: Vec<String> = long.iter().map(|w| worker(seen, w)).collect();
    let what = format!("long transactions, which are ended and rolled back: {}", named(&told));
    Check::open(NAME, what)
        .remedy("Wait for them, or ask whose they are: odpm incident sessions")
        .remedy(format!("odpm incident sessions --terminate {}", first.session.pid))
}

fn prepared(seen: &OperationSeen, work: &AtWork) -> Check {
    const NAME: &str = "prepared";
    let Some(first) = work.prepared.first() else { return Check::good(NAME, "there are none") };
    let told: Vec<String> = work
        .prepared
        .iter()
        .map(|one| format!("{} of {}, prepared {} ago", one.name, one.owner, ago(seen.at, one.since)))
        .collect();
    let what = format!(
        "they keep their locks whoever is sent away, and nothing can be copied beside them: {}",
        named(&told)
    );
    let name = crate::base::quote::literal(&first.name);
    Check::bad(NAME, what).remedy(format!(
        "As {}, in {}: COMMIT PREPARED {name} or ROLLBACK PREPARED {name}",
        first.owner, seen.database
    ))
}

fn replication(work: &AtWork) -> Check {
    const NAME: &str = "replication";
    let slot = |(name, active): &(String, bool)| {
        format!("the slot {name}{}", if *active { ", which somebody reads from" } else { "" })
    };
    let told: Vec<String> = work
        .slots
        .iter()
        .map(slot)
        .chain(work.subscriptions.iter().map(|name| format!("the subscription {name}")))
        .collect();
    if told.is_empty() {
        return Check::good(NAME, "no slot and no subscription is of this database");
    }
    Check::open(
        NAME,
        format!("they stay with the database as it was, and the upgraded copy has none: {}", named(&told)),
    )
    .remedy("Make them anew after the upgrade, with a copy of the data.")
    .remedy("Or upgrade the database itself: upgrade.checkpoint: backup")
}

fn jobs(work: &AtWork) -> Check {
    const NAME: &str = "jobs";
    if work.jobs.is_empty() {
        return Check::good(NAME, "no scheduled action and no queue job runs");
    }
    let job = |job: &crate::facts::JobSeen| {
        let by = job.pid.map_or_else(String::new, |pid| format!(" (process {pid})"));
        format!("the {} {}{by}", job.kind, job.name)
    };
    let told: Vec<String> = work.jobs.iter().map(job).collect();
    Check::open(NAME, format!("they are broken off: {}", named(&told)))
        .remedy("Wait until they are done, where what they do outside cannot be done twice.")
}

fn terms(seen: &Known<DatabaseTerms>) -> Check {
    const NAME: &str = "settings";
    let terms = match seen {
        Known::Unknown(why) => {
            return Check::open(NAME, format!("what is set on the database is not known: {why}"));
        }
        Known::Known(terms) => terms,
    };
    let of = |setting: &crate::facts::DatabaseSetting| match &setting.role {
        Some(role) => format!("{} for {role}", setting.setting),
        None => setting.setting.clone(),
    };
    let mut carried: Vec<String> = terms.settings.iter().map(of).collect();
    carried.extend(terms.privileges.iter().flatten().cloned());
    if terms.connection_limit >= 0 {
        let limit = terms.connection_limit.unsigned_abs().into();
        carried.push(format!("its limit of {}", count(limit, "connection")));
    }
    carried.extend(terms.comment.iter().map(|comment| format!("what is written on it: {comment}")));
    match (carried.is_empty(), terms.superuser) {
        (true, _) => Check::good(NAME, "nothing is set on the database itself"),
        (false, true) => Check::good(NAME, format!("the copy gets them too: {}", named(&carried))),
        (false, false) => Check::open(
            NAME,
            format!(
                "the copy gets them as far as odpm's role may set them, which is no superuser: {}",
                named(&carried)
            ),
        )
        .remedy("Look at the copy's afterwards: \\drds and \\l in psql"),
    }
}
