//! What an upgrade finds around its database, on real servers; and what a copy of a database takes along.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use odpm::facts::{Known, Measured, OperationSeen};
use odpm::observe;
use odpm::plan::Check;
use odpm::upgrade::operation::checks;

use crate::sandbox::Sandbox;
use crate::shop::{backup, fill, psql};

fn looked(shop: &Sandbox, database: &str) -> (OperationSeen, Vec<Check>) {
    let loaded = observe::load(shop.root()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut seen = runtime.block_on(observe::operation(&loaded, database, None)).unwrap();
    // As if all of it had begun half a minute earlier.
    seen.at += SignedDuration::from_secs(30);
    let found = checks(&seen, &loaded.project, None);
    (seen, found)
}

fn found<'a>(all: &'a [Check], name: &str) -> &'a Check {
    all.iter().find(|check| check.name == name).unwrap_or_else(|| panic!("{name} is not in {all:?}"))
}

/// A session that has done this and stays in its transaction.
struct Held(Child);

impl Held {
    fn new(mut command: Command, sql: &str) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(format!("{sql}\n").as_bytes()).unwrap();
        stdin.flush().unwrap();
        child.stdin = Some(stdin);
        Self(child)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[track_caller]
fn until(shop: &Sandbox, question: &str, answer: &str) {
    let begun = Instant::now();
    while shop.sql("postgres", question) != [answer] {
        assert!(begun.elapsed() < Duration::from_secs(10), "{question}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn whoever_is_at_work_is_named() {
    let shop =
        Sandbox::with("database: shop", "settings: {max_prepared_transactions: \"4\", wal_level: logical}\n");
    let _ = shop.apply();
    fill(&shop, "shop");
    let (_, all) = looked(&shop, "shop");
    for name in ["database", "series", "sessions", "prepared", "replication", "jobs", "room"] {
        assert_eq!(found(&all, name).good, Some(true), "{all:?}");
    }
    assert_eq!(found(&all, "backup").good, Some(false));
    let (_, none) = looked(&shop, "shpo");
    assert_eq!((found(&none, "database").good, none.len()), (Some(false), 3), "{none:?}");
    assert_eq!(found(&looked(&shop, "postgres").1, "database").good, Some(false));

    let _ = shop.sql(
        "shop",
        "ALTER TABLE ir_cron ADD cron_name varchar; UPDATE ir_cron SET cron_name = 'Send mails' WHERE id = 2;
         ALTER TABLE ir_cron OWNER TO odoo; DROP TABLE queue_job;
         CREATE TABLE queue_job (id serial PRIMARY KEY, uuid varchar, name varchar, state varchar);
         INSERT INTO queue_job (name, state) VALUES ('Import', 'started'), ('Later', 'pending')",
    );
    let _ = shop.sql("shop", "SELECT pg_create_logical_replication_slot('bi', 'pgoutput')");
    let _ = shop.sql("shop", "BEGIN; CREATE TABLE half (id integer); PREPARE TRANSACTION 'payment 7'");
    let mut report = psql(&shop, "shop");
    report.env("PGAPPNAME", "nightly report");
    let _report = Held::new(report, "BEGIN; UPDATE ir_attachment SET name = 'secret words' WHERE id = 1;");
    let mut cron = psql(&shop, "shop");
    cron.env("PGAPPNAME", "odoo-cron");
    let _cron = Held::new(cron, "BEGIN; SELECT 1 FROM ir_cron WHERE id = 2 FOR NO KEY UPDATE SKIP LOCKED;");
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop' AND state = 'idle in transaction' \
         AND query ~ 'UPDATE'";
    until(&shop, waiting, "2");
    let xid = "SELECT pg_current_xact_id_if_assigned() IS NULL";
    assert_eq!(shop.sql("shop", xid), ["t"]);

    let (seen, all) = looked(&shop, "shop");
    let sessions = found(&all, "sessions");
    assert_eq!(sessions.good, None, "{sessions:?}");
    assert!(sessions.detail.contains("odoo (nightly report), idle in transaction for 3"), "{sessions:?}");
    assert!(sessions.detail.contains("ir_attachment RowExclusiveLock"), "{sessions:?}");
    assert!(!sessions.detail.contains("secret words"), "{sessions:?}");
    assert!(sessions.remedies[1].contains("--terminate"), "{sessions:?}");
    let prepared = found(&all, "prepared");
    assert_eq!(prepared.good, Some(false));
    assert!(prepared.remedies[0].contains("ROLLBACK PREPARED 'payment 7'"), "{prepared:?}");
    assert!(found(&all, "replication").detail.contains("the slot bi"), "{all:?}");
    let jobs = found(&all, "jobs");
    assert!(jobs.detail.contains("the scheduled action Send mails (process "), "{jobs:?}");
    assert!(jobs.detail.ends_with("the queue job Import"), "{jobs:?}");
    assert!(matches!(&seen.at_work, Known::Known(work) if work.jobs.len() == 2));
    // A row that refers to the scheduled action adds itself to what its row says of who holds it.
    let _ = shop.sql("shop", "INSERT INTO ir_cron_trigger (cron_id) VALUES (2)");
    let alone = "SELECT count(*) FROM ir_cron c JOIN pg_locks l ON l.transactionid = c.xmax";
    assert_eq!(shop.sql("shop", alone), ["0"]);
    let jobs = looked(&shop, "shop").1;
    assert!(found(&jobs, "jobs").detail.contains("the scheduled action Send mails (process "), "{jobs:?}");
}

#[test]
fn a_backup_counts_as_verified_once_somebody_has_read_it() {
    let shop = crate::shop::shop();
    let _ = shop.run(&["database", "backup", "-d", "shop", "--format", "fast", "--yes"]).code(0);
    let path = backup(&shop, "odpm");
    let (seen, all) = looked(&shop, "shop");
    let open = found(&all, "backup");
    assert_eq!((open.good, seen.room.fast.is_some()), (None, true), "{open:?}");
    assert_eq!(open.remedies, [format!("odpm database verify {}", path.display())]);
    let _ = shop.run(&["database", "verify", path.to_str().unwrap()]).code(0);
    assert_eq!(found(&looked(&shop, "shop").1, "backup").good, Some(true));
    assert_eq!(found(&all, "drill").good, None);
    let _ = shop.run(&["database", "drill", "--latest", "--yes"]).code(0);
    let (seen, all) = looked(&shop, "shop");
    assert_eq!(found(&all, "drill").good, Some(true));
    for what in [Measured::Backup, Measured::Restore] {
        assert!(seen.rates.iter().any(|rate| rate.what == what), "{what:?} is not in {:?}", seen.rates);
    }
}

/// What PostgreSQL says of a database's own settings and privileges.
fn own(shop: &Sandbox, database: &str) -> Vec<String> {
    let question = "SELECT coalesce(r.rolname, '*') || ' ' || c FROM pg_db_role_setting s \
         JOIN pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_roles r ON r.oid = s.setrole, unnest(s.setconfig) c \
         WHERE d.datname = 'DB' UNION ALL SELECT coalesce(g.rolname, 'PUBLIC') || ' ' || a.privilege_type || a.is_grantable \
         FROM pg_database d, aclexplode(d.datacl) a LEFT JOIN pg_roles g ON g.oid = a.grantee \
         WHERE d.datname = 'DB' AND a.grantee <> d.datdba ORDER BY 1";
    shop.sql("postgres", &question.replace("DB", database))
}

#[test]
fn a_copy_takes_along_what_is_set_on_the_database_itself() {
    let shop = crate::shop::shop();
    for statement in [
        "CREATE ROLE \"Ana Lyst\" LOGIN",
        "CREATE ROLE bi LOGIN",
        "ALTER DATABASE shop SET work_mem = '5MB'",
        "ALTER DATABASE shop SET search_path = \"$user\", public, \"odd, \"\"one\"\"\"",
        "ALTER DATABASE shop SET \"my.words\" = 'it''s \\ so'",
        "ALTER DATABASE shop SET default_transaction_read_only = on",
        "ALTER ROLE \"Ana Lyst\" IN DATABASE shop SET statement_timeout = '7s'",
        "REVOKE ALL ON DATABASE shop FROM PUBLIC",
        "GRANT CONNECT ON DATABASE shop TO bi WITH GRANT OPTION",
        "GRANT CONNECT, TEMP ON DATABASE shop TO \"Ana Lyst\"",
    ] {
        let _ = shop.sql("postgres", statement);
    }
    let wanted = own(&shop, "shop");
    let _ = shop.run(&["database", "duplicate", "copy", "-d", "shop", "--yes"]).code(0);
    let mut copied = own(&shop, "copy");
    // That writes are held back is no part of what the database is.
    copied.push("* default_transaction_read_only=on".to_owned());
    copied.sort();
    let mut wanted_sorted = wanted.clone();
    wanted_sorted.sort();
    assert_eq!(copied, wanted_sorted);
    assert!(wanted.len() >= 8, "{wanted:?}");
    // Whoever owned the original, and does not own the copy, keeps what there was to do.
    let _ = shop.sql("postgres", "ALTER DATABASE shop OWNER TO bi");
    let _ = shop.run(&["database", "duplicate", "other", "-d", "shop", "--yes"]).code(0);
    assert!(
        own(&shop, "other").iter().any(|line| line.starts_with("bi CONNECT")),
        "{:?}",
        own(&shop, "other")
    );
    let (seen, _) = looked(&shop, "copy");
    assert!(
        seen.rates.iter().any(|rate| rate.what == Measured::Copy && rate.bytes > 1_000_000),
        "{:?}",
        seen.rates
    );
}

#[test]
fn a_large_database_is_copied_past_the_log() {
    let shop = crate::shop::shop();
    let _ = shop.sql(
        "shop",
        "CREATE UNLOGGED TABLE small (id integer);
         CREATE TABLE large AS SELECT g AS id, repeat(md5(g::text), 4) AS text FROM generate_series(1, 700000) g",
    );
    let position = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint";
    let before: i64 = shop.sql("postgres", position)[0].parse().unwrap();
    let _ = shop.run(&["database", "duplicate", "copy", "-d", "shop", "--yes"]).code(0);
    let after: i64 = shop.sql("postgres", position)[0].parse().unwrap();
    let version: i64 = shop.sql("postgres", "SHOW server_version_num")[0].parse().unwrap();
    if version >= 150_000 {
        assert!(after - before < 20_000_000, "{} bytes of log", after - before);
    }
    let count =
        "SELECT count(*) || ' ' || sum(id) || ' ' || md5(string_agg(text, '' ORDER BY id)) FROM large";
    assert_eq!(shop.sql("copy", count), shop.sql("shop", count));
}
