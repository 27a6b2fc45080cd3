//! What stops an upgrade and what only warns, case by case.

use jiff::{SignedDuration, Timestamp};

use super::checkpoint::checkpoint;
use super::operation::checks;
use crate::facts::{
    AtWork, DatabaseSetting, DatabaseTerms, FolderSeen, JobSeen, Known, LastBackup, Measured, OdooSeen,
    OperationSeen, PreparedSeen, Rate, Room, SessionSeen, SubjectSeen, WorkerSeen,
};
use crate::plan::Check;
use crate::project::CheckpointKind::{Backup, Copy};
use crate::project::{Project, samples};

const GB: u64 = 1_000_000_000;

fn now() -> Timestamp {
    "2026-11-20T21:00:00Z".parse().unwrap()
}

fn before(hours: i64) -> Timestamp {
    now() - SignedDuration::from_hours(hours)
}

fn seconds(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

fn project(more: &str) -> Project {
    let text =
        "version: 1\nname: shop\nengine: local\nodoo: {version: \"18.0\"}\npostgres: {version: \"16\"}\n";
    samples::project(&format!("{text}{more}"), &[])
}

/// An upgrade that nothing stands in the way of.
fn good() -> OperationSeen {
    let odoo = OdooSeen { version: "18.0.1.3".into(), modules: 120, neutralized: false };
    OperationSeen {
        at: now(),
        database: "shop".into(),
        subject: Known::Known(Some(SubjectSeen {
            open: true,
            bytes: Some(4 * GB),
            odoo: Known::Known(Some(odoo)),
        })),
        at_work: Known::Known(AtWork::default()),
        terms: Known::Known(DatabaseTerms { connection_limit: -1, superuser: true, ..Default::default() }),
        backup: Some(LastBackup { path: "/b/shop.odpm".into(), at: before(3), verified: Some(before(2)) }),
        drilled: Some(before(48)),
        room: Room {
            data: Known::Known(100 * GB),
            backups: Known::Known(100 * GB),
            unlinked: None,
            fast: Some(GB),
            unshared: None,
        },
        rates: Vec::new(),
    }
}

fn worker(pid: i32, state: &str, since: i64, endable: bool) -> WorkerSeen {
    let session = SessionSeen {
        pid,
        role: "odoo".into(),
        database: "shop".into(),
        application: "report".into(),
        address: String::new(),
        began: seconds(since),
        since: Some(seconds(since)),
        transaction: (state != "idle").then(|| seconds(since)),
        state: state.into(),
        waits: None,
        blocked_by: Vec::new(),
        query: "SELECT '***'".into(),
    };
    WorkerSeen { session, locks: vec!["res_partner RowExclusiveLock".into()], endable }
}

fn changed(change: impl FnOnce(&mut OperationSeen)) -> OperationSeen {
    let mut seen = good();
    change(&mut seen);
    seen
}

fn working(change: impl FnOnce(&mut AtWork)) -> OperationSeen {
    let mut work = AtWork::default();
    change(&mut work);
    changed(|seen| seen.at_work = Known::Known(work))
}

fn set(change: impl FnOnce(&mut DatabaseTerms)) -> OperationSeen {
    let mut terms = DatabaseTerms { connection_limit: -1, superuser: true, ..Default::default() };
    change(&mut terms);
    changed(|seen| seen.terms = Known::Known(terms))
}

fn subject(change: impl FnOnce(&mut SubjectSeen)) -> OperationSeen {
    let mut seen = good();
    if let Known::Known(Some(subject)) = &mut seen.subject {
        change(subject);
    }
    seen
}

fn found<'a>(all: &'a [Check], name: &str) -> &'a Check {
    all.iter().find(|check| check.name == name).unwrap_or_else(|| panic!("{name} is not in {all:?}"))
}

#[test]
fn nothing_stands_in_the_way_of_a_good_one() {
    let all = checks(&good(), &project(""), None);
    let names: Vec<&str> = all.iter().map(|check| check.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "database",
            "series",
            "backup",
            "drill",
            "room",
            "sessions",
            "prepared",
            "replication",
            "jobs",
            "settings"
        ]
    );
    assert!(all.iter().all(|check| check.good == Some(true) && check.remedies.is_empty()), "{all:?}");
}

#[test]
fn each_trouble_is_judged_and_has_its_remedy() {
    let odoo = |version: &str| OdooSeen { version: version.into(), modules: 1, neutralized: false };
    let (stop, warn) = (Some(false), None);
    let table: Vec<(&str, Option<bool>, &str, &str, OperationSeen)> = vec![
        (
            "database",
            stop,
            "there is no database shop; Odoo would make an empty one",
            "odpm database list",
            changed(|seen| seen.subject = Known::Known(None)),
        ),
        ("database", stop, "takes no connections", "ALLOW_CONNECTIONS", subject(|s| s.open = false)),
        ("database", stop, "no database of Odoo's", "-d DB", subject(|s| s.odoo = Known::Known(None))),
        (
            "series",
            stop,
            "of Odoo 17.0.1.3, the project of 18.0",
            "OpenUpgrade",
            subject(|s| s.odoo = Known::Known(Some(odoo("17.0.1.3")))),
        ),
        (
            "series",
            stop,
            "of Odoo 18.01.1, the project of 18.0",
            "odoo.version",
            subject(|s| s.odoo = Known::Known(Some(odoo("18.01.1")))),
        ),
        ("backup", stop, "there is no backup", "odpm database backup -d shop", changed(|s| s.backup = None)),
        (
            "backup",
            stop,
            "is 25 h old; upgrade.backup_age allows 24 h",
            "odpm database backup",
            changed(|s| s.backup.as_mut().unwrap().at = before(25)),
        ),
        (
            "backup",
            warn,
            "nobody has read it",
            "odpm database verify /b/shop.odpm",
            changed(|s| s.backup.as_mut().unwrap().verified = None),
        ),
        ("drill", warn, "ever restored on trial", "odpm database drill", changed(|s| s.drilled = None)),
        (
            "drill",
            warn,
            "was 8 d ago; upgrade.drill_age allows 7 d",
            "odpm database drill",
            changed(|s| s.drilled = Some(before(8 * 24))),
        ),
        (
            "room",
            stop,
            "wants about 5.2 GB of room, and 2.0 GB are free on the disk of the data directory",
            "odpm database prune",
            changed(|s| {
                s.room.data = Known::Known(2 * GB);
                s.room.backups = Known::Known(GB);
            }),
        ),
        (
            "room",
            warn,
            "is not known: the server is elsewhere",
            "how much is free",
            changed(|s| s.room.data = Known::Unknown("the server is elsewhere".into())),
        ),
        (
            "sessions",
            warn,
            "42 odoo (report), idle in transaction for 20 s, has locked res_partner RowExclusiveLock: SELECT '***'",
            "odpm incident sessions --terminate 42",
            working(|w| w.sessions.push(worker(42, "idle in transaction", 20, true))),
        ),
        (
            "sessions",
            stop,
            "may not end",
            "a superuser",
            working(|w| w.sessions.push(worker(42, "idle", 20, false))),
        ),
        (
            "prepared",
            stop,
            "pay'1 of olga, prepared 2 h ago",
            "As olga, in shop: COMMIT PREPARED 'pay''1'",
            working(|w| {
                let since = before(2);
                w.prepared.push(PreparedSeen { name: "pay'1".into(), owner: "olga".into(), since });
            }),
        ),
        (
            "replication",
            warn,
            "the slot bi, which somebody reads from; the subscription feed",
            "upgrade.checkpoint: backup",
            working(|w| {
                w.slots.push(("bi".into(), true));
                w.subscriptions.push("feed".into());
            }),
        ),
        (
            "jobs",
            warn,
            "the scheduled action Send mails (process 7); the queue job Import",
            "Wait until",
            working(|w| {
                w.jobs.push(JobSeen { kind: "scheduled action", name: "Send mails".into(), pid: Some(7) });
                w.jobs.push(JobSeen { kind: "queue job", name: "Import".into(), pid: None });
            }),
        ),
        (
            "settings",
            Some(true),
            "gets them too: its limit of 50 connections; what is written on it: the shop",
            "",
            set(|terms| {
                terms.connection_limit = 50;
                terms.comment = Some("the shop".into());
            }),
        ),
        (
            "settings",
            warn,
            "no superuser: work_mem=64MB for bi",
            "psql",
            set(|terms| {
                terms.superuser = false;
                terms
                    .settings
                    .push(DatabaseSetting { role: Some("bi".into()), setting: "work_mem=64MB".into() });
            }),
        ),
        (
            "sessions",
            warn,
            "not known: it does not answer",
            "",
            changed(|s| s.at_work = Known::Unknown("it does not answer".into())),
        ),
    ];
    for (name, good, detail, remedy, seen) in table {
        let all = checks(&seen, &project(""), None);
        let check = found(&all, name);
        assert_eq!(check.good, good, "{check:?}");
        assert!(check.detail.contains(detail), "{detail:?} is not in {check:?}");
        assert!(
            remedy.is_empty() || check.remedies.iter().any(|r| r.contains(remedy)),
            "{remedy:?}: {check:?}"
        );
    }
}

#[test]
fn what_is_usual_does_not_warn() {
    let idle = working(|w| w.sessions.push(worker(42, "idle", 900, true)));
    let brief = working(|w| w.sessions.push(worker(42, "active", 3, true)));
    let carried = set(|terms| {
        terms.settings.push(DatabaseSetting { role: None, setting: "work_mem=64MB".into() });
        terms.privileges = Some(vec!["CONNECT TO bi".into()]);
    });
    for (name, seen, detail) in [
        ("sessions", idle, "1 session, none in a long transaction"),
        ("sessions", brief, "1 session"),
        ("settings", carried, "the copy gets them too: work_mem=64MB; CONNECT TO bi"),
    ] {
        let all = checks(&seen, &project(""), None);
        let check = found(&all, name);
        assert_eq!((check.good, check.detail.contains(detail)), (Some(true), true), "{check:?}");
    }
}

#[test]
fn a_backup_is_taken_where_there_is_no_room_for_a_copy() {
    let all = checks(&changed(|seen| seen.room.data = Known::Known(GB)), &project(""), None);
    let room = found(&all, "room");
    assert_eq!(room.good, Some(true));
    assert!(
        room.detail.starts_with("there is no room for a copy; a backup wants about 1.0 GB of room"),
        "{room:?}"
    );
}

#[test]
fn a_server_asks_for_its_drill() {
    let server = project("scenario: server\nupgrade: {drill_age: 1d}\n");
    let check = |seen: &OperationSeen| found(&checks(seen, &server, None), "drill").good;
    assert_eq!(check(&good()), Some(false));
    assert_eq!(check(&changed(|seen| seen.drilled = Some(before(20)))), Some(true));
    assert_eq!(check(&changed(|seen| seen.drilled = None)), Some(false));
}

#[test]
fn the_checkpoint_is_the_quickest_that_fits() {
    let free = |data: u64, backups: u64| {
        changed(|seen| {
            seen.room.data = Known::Known(data * GB);
            seen.room.backups = Known::Known(backups * GB);
        })
    };
    for (data, backups, wanted, kind, fits) in [
        (100, 100, None, Copy, Some(true)),
        (6, 100, None, Copy, Some(true)),
        (5, 100, None, Backup, Some(true)),
        (5, 1, None, Copy, Some(false)),
        (100, 100, Some(Backup), Backup, Some(true)),
        (100, 1, Some(Backup), Backup, Some(false)),
        (5, 100, Some(Copy), Copy, Some(false)),
    ] {
        let choice = checkpoint(&free(data, backups), wanted);
        assert_eq!((choice.kind, choice.fits), (kind, fits), "{data} {backups} {wanted:?}: {choice:?}");
    }
    // Files that cannot be linked, or that no backup has yet, are copied.
    let folder = Some(FolderSeen { files: 10, bytes: 3 * GB });
    let apart = changed(|seen| {
        seen.room.unlinked = folder;
        seen.room.unshared = folder;
        seen.room.fast = None;
    });
    assert_eq!(checkpoint(&apart, Some(Copy)).bytes, 8 * GB + (256 << 20));
    assert_eq!(checkpoint(&apart, Some(Backup)).bytes, 4 * GB / 3 + 3 * GB);
}

#[test]
fn times_are_those_of_earlier_runs() {
    let rate = |what, bytes, ms| Rate { what, bytes, ms, at: String::new() };
    let seen = changed(|seen| {
        seen.rates = vec![
            rate(Measured::Copy, 2 * GB, 4_000),
            rate(Measured::Copy, 2 * GB, 5_500),
            rate(Measured::Copy, 8_000_000, 900),
            rate(Measured::Restore, GB, 60_000),
        ];
    });
    let copy = checkpoint(&seen, Some(Copy));
    assert_eq!((copy.seconds, copy.back), (Some(11), Some(5)));
    assert_eq!(copy.time(), "it takes about 11 s, the way back takes about 5 s");
    let backup = checkpoint(&seen, Some(Backup));
    assert_eq!((backup.seconds, backup.back), (None, Some(305)));
    assert_eq!(backup.time(), "how long it takes was not measured yet, the way back takes about 6 min");
}
