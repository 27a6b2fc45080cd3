//! The whole cluster rewound to a moment, on real clusters of both engines.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::archive::{asked_in, now};
use crate::sandbox::{Sandbox, query};
use crate::stack::{Stack, engine, wait_for};

/// A shop whose log is kept, with orders before and after the moment that this returns.
fn damaged(shop: &Sandbox) -> String {
    damaged_by(shop, &|| now(shop))
}

/// The same, with something of its own done at the moment.
fn damaged_by(shop: &Sandbox, moment: &dyn Fn() -> String) -> String {
    let yaml = shop.read("odpm.yaml");
    shop.write("odpm.yaml", &format!("{yaml}archive: {{method: basebackup}}\n"));
    let _ = shop.run(&["archive", "enable", "--yes"]).code(0);
    let _ = shop.sql("postgres", "CREATE DATABASE shop OWNER odoo TEMPLATE template0");
    let _ = shop.sql("shop", "CREATE TABLE orders AS SELECT n AS id FROM generate_series(1, 1000) n");
    let at = moment();
    let _ = shop.sql("shop", "DELETE FROM orders WHERE id <= 400; INSERT INTO orders VALUES (5000)");
    let _ = shop.sql("postgres", "CREATE DATABASE late");
    at
}

fn orders(shop: &Sandbox) -> Vec<String> {
    shop.sql("shop", "SELECT count(*) || ' ' || max(id) FROM orders")
}

/// Folders beside the data directory, by a part of their names.
fn beside(shop: &Sandbox, part: &str) -> Vec<PathBuf> {
    let listing = fs::read_dir(shop.path("data")).unwrap().flatten().map(|entry| entry.path());
    listing.filter(|path| path.file_name().unwrap().to_string_lossy().contains(part)).collect()
}

fn cutback<'a>(at: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["incident", "cutback", "--at", at], more].concat()
}

/// Only what was there before the moment is there, the shop goes on, and nothing else is to do.
fn rewound(shop: &Sandbox) {
    assert_eq!(orders(shop), ["1000 1000"]);
    assert_eq!(shop.sql("postgres", "SELECT count(*) FROM pg_database WHERE datname = 'late'"), ["0"]);
    assert_eq!(shop.sql("postgres", "SELECT pg_is_in_recovery()"), ["f"]);
    let odpms = "SELECT count(*) FROM pg_settings WHERE name IN ('fsync', 'autovacuum') AND setting = 'off' \
        OR name = 'recovery_target_time' AND setting <> ''";
    assert_eq!(shop.sql("postgres", odpms), ["0"], "nothing of the recovery's configuration is left");
    assert!(beside(shop, "odpm-cutback").is_empty(), "{:?}", beside(shop, ""));
    assert_eq!(beside(shop, ".before-").len(), 1);
    shop.at_rest();
}

/// Commits after the fork, recovered from the archive; then everything put back.
fn goes_on_and_back(shop: &Sandbox, run: &str) {
    let _ = shop.run(&["archive", "status"]).code(0).says("but not");
    let _ = shop.run(&["archive", "verify"]).code(0);
    assert!(shop.path("archive/wal/00000002.history.gz").exists());
    let _ = shop.sql("shop", "INSERT INTO orders VALUES (6000)");
    let later = now(shop);
    let _ = shop.sql("shop", "DELETE FROM orders");
    let _ = shop.run(&["incident", "sidecar", "--at", &later, "--name", "later", "--yes"]).code(0);
    assert_eq!(orders_beside(shop, "later"), "1001 6000");
    let _ = shop.run(&["incident", "sidecar", "rm", "later", "--yes"]).code(0);

    let _ = shop.run(&["undo", run, "--yes"]).code(3).says("shop would be lost or replaced");
    let _ = shop.run(&["undo", run, "--yes", "--confirm=shop"]).code(0).says("goes out of service");
    assert_eq!(orders(shop), ["601 5000"]);
    assert_eq!(shop.sql("postgres", "SELECT count(*) FROM pg_database WHERE datname = 'late'"), ["1"]);
    assert_eq!((beside(shop, ".before-").len(), beside(shop, ".rewound-").len()), (0, 1));
    shop.at_rest();
    // The first branch goes on, beside what is kept of the other one.
    let _ = shop.run(&["archive", "status"]).code(0);
    let late = now(shop);
    let _ = shop.sql("shop", "DELETE FROM orders");
    let _ = shop.run(&["incident", "sidecar", "--at", &late, "--name", "late", "--yes"]).code(0);
    assert_eq!(orders_beside(shop, "late"), "601 5000");
    let _ = shop.run(&["incident", "sidecar", "rm", "late", "--yes"]).code(0);
}

fn orders_beside(shop: &Sandbox, name: &str) -> String {
    asked_in(shop, name, "shop", "SELECT count(*) || ' ' || max(id) FROM orders")
}

#[test]
fn the_cluster_is_rewound_goes_on_and_is_put_back_with_everything() {
    let shop = Sandbox::with("database: shop", "settings: {work_mem: 5MB}\n");
    // The passwords of then are others than those of now, and how the server is set up is no part of the moment.
    let at = damaged_by(&shop, &|| {
        let password = |name: &str| shop.read(&format!(".odpm/secrets/{name}_password")).trim().to_owned();
        let (admin, app) = (password("admin"), password("app"));
        let then = |sql: &str| query(shop.port, "postgres", "of then", "postgres", sql).unwrap();
        let _ = shop.sql("postgres", "ALTER ROLE odoo PASSWORD 'of then'");
        let _ = shop.sql("postgres", "ALTER ROLE postgres PASSWORD 'of then'");
        let clock =
            "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')";
        let at = then(clock).remove(0);
        let _ = then(&format!("ALTER ROLE postgres PASSWORD '{admin}'"));
        let _ = shop.sql("postgres", &format!("ALTER ROLE odoo PASSWORD '{app}'"));
        let _ = shop.sql("postgres", "ALTER SYSTEM SET log_min_duration_statement = 4711");
        at
    });
    let before = shop.tree(&["data", ".odpm", "archive"]);
    let shown = shop.run(&cutback(&at, &["--plan"])).code(0);
    let _ = shown.says("[destroys data]").says("Lost, or out of service: shop").says("Files are not rewound");
    let _ = shop.run(&cutback(&at, &["--yes"])).code(3).says("-d shop --yes");
    let _ = shop.run(&cutback(&at, &["-d", "nosuch", "--yes"])).code(3).says("no database nosuch");
    assert_eq!(before, shop.tree(&["data", ".odpm", "archive"]), "what is shown changes nothing");

    let done = shop.run(&cutback(&at, &["-d", "shop", "--yes"])).code(0);
    let run = shop.last_run();
    let _ = done.says("its last commit is of").says(&format!("postgres.before-{run}")).says("It stays until");
    rewound(&shop);
    assert_eq!(shop.sql("postgres", "SHOW log_min_duration_statement"), ["4711ms"]);
    assert_eq!(shop.sql("postgres", "SHOW work_mem"), ["5MB"]);
    let owner = |path: &PathBuf| (fs::metadata(path).unwrap().uid(), fs::metadata(path).unwrap().mode());
    assert_eq!(owner(&shop.data()), owner(&beside(&shop, ".before-")[0]));
    goes_on_and_back(&shop, &run);

    // Once more: the branch gets a number that the archive has not seen.
    let _ = shop.run(&cutback(&at, &["-d", "shop", "--yes"])).code(0);
    rewound(&shop);
    assert!(shop.path("archive/wal/00000003.history.gz").exists());
    let _ = shop.run(&["archive", "verify"]).code(0);
}

#[test]
fn what_cannot_be_rewound_is_left_as_it_is() {
    let shop = Sandbox::with("database: shop", "");
    let at = damaged(&shop);
    let pid = shop.server_pid();
    for (at, why) in
        [("2026-01-01 00:00Z", "no base backup was whole by"), ("2126-01-01 00:00Z", "is not past yet")]
    {
        let _ = shop.run(&cutback(at, &["-d", "shop", "--yes"])).code(3).says(why);
    }
    let _ = shop.run(&cutback("yesterday", &[])).code(64).says("is no moment");
    assert_eq!(shop.server_pid(), pid);

    // A recovery that fails: the log is there by name only.
    let segments = fs::read_dir(shop.path("archive/wal")).unwrap().flatten().map(|entry| entry.path());
    let mut segments: Vec<PathBuf> = segments.filter(|path| path.to_string_lossy().len() > 27).collect();
    segments.sort();
    let _ = shop.sql("postgres", "SELECT pg_switch_wal()");
    wait_for(|| shop.run(&["archive", "status"]).code(0).all().contains("works"));
    let tables: Vec<(PathBuf, Vec<u8>)> =
        segments.iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    segments.iter().for_each(|path| fs::write(path, "damaged").unwrap());
    let _ = shop.run(&cutback(&at, &["-d", "shop", "--yes"])).code(1).says("--abandon");
    assert_eq!((shop.server_pid(), orders(&shop)), (pid, vec!["601 5000".to_owned()]));
    for (path, text) in tables {
        fs::write(path, text).unwrap();
    }
    let _ = shop.run(&["apply", "--abandon"]).code(0);
    assert!(beside(&shop, "odpm-cutback").is_empty() && beside(&shop, ".before-").is_empty());
    shop.at_rest();
}

#[test]
fn killed_in_the_middle_it_goes_on_or_is_given_up() {
    let shop = Sandbox::with("database: shop", "");
    let at = damaged(&shop);
    for (step, how) in
        [("rewind-cluster", "--abandon"), ("replace-data", "--resume"), ("rewind-cluster", "--resume")]
    {
        let begun =
            || crate::stack::journal(&shop).matches(&format!("\"started\",\"step\":\"{step}\"")).count();
        let before = begun();
        let mut child = shop.command(&cutback(&at, &["-d", "shop", "--yes"]));
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_for(|| begun() > before || child.try_wait().unwrap().is_some());
        let _ = kill_process(Pid::from_child(&child), Signal::KILL);
        let _ = child.wait();
        let run = shop.last_run();
        let _ = shop.run(&["plan"]).code(3).says("is not finished");
        if how == "--abandon" {
            let _ = shop.run(&["apply", "--abandon"]).code(0);
            assert!(beside(&shop, "odpm-cutback").is_empty(), "{step}");
            let _ = shop.run(&["apply", "--yes"]).code(0);
            assert_eq!(orders(&shop), ["601 5000"], "{step}");
            continue;
        }
        let _ = shop.run(&["apply", "--resume", "--yes"]).code(0).says("It stays until");
        rewound(&shop);
        let _ = shop.run(&["undo", &run, "--yes", "--confirm=shop"]).code(0);
        assert_eq!(orders(&shop), ["601 5000"], "{step}");
        let _ = beside(&shop, ".rewound-").iter().map(fs::remove_dir_all).collect::<Vec<_>>();
    }
    let left = std::process::Command::new("pgrep")
        .args(["-fc", &format!("{}.*cutback", shop.root().display())])
        .output();
    assert!(left.is_ok_and(|found| found.stdout.starts_with(b"0")), "no server of a recovery is left");
}

#[test]
fn in_containers_too() {
    let Some(stack) = Stack::new() else { return };
    stack.describe(engine().unwrap(), "");
    let shop = &stack.shop;
    let yaml = shop.read("odpm.yaml").replace("odoo:\n", "odoo:\n  database: shop\n");
    shop.write("odpm.yaml", &yaml);
    let at = damaged(shop);
    let owner = |path: &PathBuf| (fs::metadata(path).unwrap().uid(), fs::metadata(path).unwrap().mode());
    let before = owner(&shop.data());
    let done = shop.run(&cutback(&at, &["-d", "shop", "--yes"])).code(0);
    let run = shop.last_run();
    let _ = done.says(&format!("postgres.before-{run}"));
    rewound(shop);
    assert_eq!(owner(&shop.data()), before);
    let left = crate::stack::asked(&["ps", "-aq", "--filter", &format!("name={}-sidecar", stack.name)]);
    assert_eq!(left, "");
    goes_on_and_back(shop, &run);
}

#[test]
fn a_shop_that_is_contained_stays_so_in_the_rewound_cluster() {
    let shop = Sandbox::with("database: shop", "");
    let at = damaged(&shop);
    let _ = shop.run(&["incident", "contain", "--read-only", "--yes"]).code(0);
    let _ = shop.run(&cutback(&at, &["-d", "shop", "--yes"])).code(0).says("sessions were sent away");
    assert_eq!(shop.sql("shop", "SHOW default_transaction_read_only"), ["on"]);
    let _ = shop.run(&["plan"]).code(3).says("an incident is contained");
    let _ = shop.run(&["incident", "reopen", "--watch", "0s", "--yes"]).code(0);
    assert_eq!(shop.sql("shop", "SHOW default_transaction_read_only"), ["off"]);
    rewound(&shop);
}
