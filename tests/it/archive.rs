//! The archive and sidecars on real clusters of both engines.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::sandbox::{Sandbox, bin_dir, is_root, skipped};
use crate::stack::{Stack, engine, wait_for};

/// A project whose log is kept, with a first base backup.
fn archived() -> Sandbox {
    let shop = Sandbox::new();
    let yaml = shop.read("odpm.yaml");
    shop.write("odpm.yaml", &format!("{yaml}archive: {{method: basebackup, keep: 1}}\n"));
    let _ = shop.run(&["archive", "enable", "--yes"]).code(0);
    shop
}

/// The server's clock, as a moment that no commit falls into.
pub fn now(shop: &Sandbox) -> String {
    sleep(Duration::from_millis(20));
    let sql = "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')";
    let at = shop.sql("postgres", sql).remove(0);
    sleep(Duration::from_millis(20));
    at
}

/// Orders, of which four hundred are cancelled after the moment that this returns.
pub fn damaged(shop: &Sandbox) -> String {
    let _ = shop.sql(
        "postgres",
        "CREATE TABLE orders AS SELECT n AS id, 'sale' AS state FROM generate_series(1, 1000) n",
    );
    let at = now(shop);
    let _ = shop.sql("postgres", "UPDATE orders SET state = 'cancel' WHERE id <= 400");
    at
}

/// An answer of a sidecar.
pub fn asked(shop: &Sandbox, name: &str, sql: &str) -> String {
    asked_in(shop, name, "postgres", sql)
}

/// An answer of a sidecar, in one of its databases.
pub fn asked_in(shop: &Sandbox, name: &str, database: &str, sql: &str) -> String {
    let socket = shop.path(&format!(".odpm/sidecars/{name}/run"));
    let output = Command::new(bin_dir().join("psql"))
        .args(["-XAtq", "-p", &shop.port.to_string(), "-U", "postgres", "-d", database, "-c", sql, "-h"])
        .arg(socket)
        .output()
        .unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
        .trim()
        .to_owned()
}

/// The segments that are kept, in their order.
fn segments(shop: &Sandbox) -> Vec<PathBuf> {
    let listing = fs::read_dir(shop.path("archive/wal")).unwrap().flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> =
        listing.filter(|path| path.file_name().unwrap().to_string_lossy().len() == 27).collect();
    found.sort();
    found
}

/// Has the server archive what it has.
pub fn switch(shop: &Sandbox) {
    let _ = shop.sql("postgres", "SELECT txid_current(), pg_switch_wal()");
    let waiting = "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'";
    wait_for(|| shop.sql("postgres", waiting) == ["0"]);
}

#[test]
fn a_running_project_is_archived_from_then_on() {
    let shop = Sandbox::new();
    let _ = shop.apply();
    let _ = shop
        .run(&["archive", "status"])
        .code(3)
        .says("describes no archive")
        .says("archive: {method: basebackup}");
    let yaml = shop.read("odpm.yaml");
    shop.write("odpm.yaml", &format!("{yaml}archive: {{method: basebackup, keep: 1, switch: 5m}}\n"));
    let _ = shop.run(&["archive", "basebackup", "--yes"]).code(3).says("does not archive its log yet");
    let said = shop.run(&["archive", "enable", "--plan"]).code(0).says("it runs with another configuration");
    let _ = said.says("[interrupts]");
    let _ = shop.run(&["archive", "enable", "--yes"]).code(0).says("any moment since");
    shop.at_rest();
    assert_eq!(shop.sql("postgres", "SHOW archive_timeout"), ["5min"]);
    let _ = shop.run(&["archive", "status"]).code(0).says("You can go back to any moment").says("works, ");
    let _ = shop.run(&["archive", "verify"]).code(0).says("good   base backup");
    let _ = shop.run(&["doctor"]).code(0).says("good    archive");

    // A second one makes the first one superfluous, with the log before it.
    let before = segments(&shop).len();
    let _ = shop.run(&["archive", "expire", "--yes"]).code(0);
    assert!(segments(&shop).len() < before, "the log before the first base backup goes");
    sleep(Duration::from_secs(1));
    let _ = shop.run(&["archive", "basebackup", "--yes"]).code(0);
    let _ = shop.run(&["archive", "expire"]).code(3).says("1 newer ones are kept").says("[destroys data]");
    let _ = shop.run(&["archive", "expire", "--yes"]).code(0);
    let status = shop.json(&["archive", "status", "--format", "json"]);
    assert_eq!(
        (status["bases"].as_array().unwrap().len(), status["troubles"].as_array().unwrap().len()),
        (1, 0)
    );
    let _ = shop.run(&["archive", "verify"]).code(0);
}

#[test]
fn a_sidecar_stands_at_the_moment_and_reaches_nobody() {
    let shop = archived();
    let at = damaged(&shop);
    let said = shop.run(&["incident", "sidecar", "--at", &at, "--name", "before", "--yes"]).code(0);
    let _ = said.says("The moment: ").says("stands at ");
    assert_eq!(asked(&shop, "before", "SELECT count(*) FROM orders WHERE state = 'cancel'"), "0");
    assert_eq!(shop.sql("postgres", "SELECT count(*) FROM orders WHERE state = 'cancel'"), ["400"]);
    assert_eq!(
        asked(&shop, "before", "SELECT pg_is_in_recovery(), current_setting('archive_mode')"),
        "t|off"
    );
    assert!(asked(&shop, "before", "DELETE FROM orders").contains("read-only"));
    assert_eq!(asked(&shop, "before", "SHOW listen_addresses"), "");
    let _ = shop.run(&["incident", "sidecar", "list"]).code(0).says("before  stands at");
    let _ = shop
        .run(&["incident", "sidecar", "--at", &at, "--name", "before"])
        .code(3)
        .says("there is a sidecar before already");
    // Another one beside it, a moment later.
    let later = now(&shop);
    let _ = shop.run(&["incident", "sidecar", "--at", &later, "--name", "after", "--yes"]).code(0);
    assert_eq!(asked(&shop, "after", "SELECT count(*) FROM orders WHERE state = 'cancel'"), "400");
    for name in ["before", "after"] {
        let _ = shop.run(&["incident", "sidecar", "rm", name, "--yes"]).code(0);
    }
    assert_eq!(fs::read_dir(shop.path(".odpm/sidecars")).unwrap().count(), 0);
    let _ = shop.run(&["incident", "sidecar", "rm", "after"]).code(3).says("there is no sidecar after");
    shop.at_rest();
}

#[test]
fn moments_that_cannot_be_recovered_are_told_before_anything_is_copied() {
    let shop = archived();
    let table =
        [("2026-01-01 00:00Z", "no base backup was whole by"), ("2126-01-01 00:00Z", "is not past yet")];
    for (at, why) in table {
        let _ = shop.run(&["incident", "sidecar", "--at", at, "--yes"]).code(3).says(why);
    }
    let _ = shop.run(&["incident", "sidecar", "--at", "yesterday"]).code(64).says("--at '20m ago'");
    let _ = shop.run(&["incident", "sidecar"]).code(64).says("which moment is meant?");
    let zone = shop.run(&["incident", "sidecar", "--at", "2026-01-01 00:00", "--plan"]).code(3);
    let _ = zone.says("No zone was given");
    assert!(!shop.path(".odpm/sidecars").exists());
}

#[test]
fn gaps_and_damage_in_the_log_are_told_and_what_is_before_them_is_recovered() {
    let shop = archived();
    let at = damaged(&shop);
    switch(&shop);
    let good = now(&shop);
    let lost = segments(&shop).len();
    for n in 0..3 {
        let _ = shop.sql("postgres", &format!("CREATE TABLE t{n} (n int)"));
        switch(&shop);
    }
    let behind = now(&shop);
    let kept = segments(&shop);
    let (name, away) = (&kept[lost], shop.path("away"));
    fs::rename(name, &away).unwrap();
    let segment = name.file_name().unwrap().to_string_lossy()[..24].to_owned();
    let _ = shop.run(&["archive", "status"]).code(3).says("has a gap").says(&segment);
    let _ = shop.run(&["archive", "verify"]).code(1).says(&segment);
    let refused = shop.run(&["incident", "sidecar", "--at", &behind, "--yes"]).code(3);
    let _ = refused
        .says("the log has a gap before")
        .says(&segment)
        .says("can be recovered, and nothing after it");
    let _ = shop.run(&["incident", "sidecar", "--at", &at, "--name", "one", "--yes"]).code(0);
    assert_eq!(asked(&shop, "one", "SELECT count(*) FROM orders WHERE state = 'cancel'"), "0");

    // Cut in the middle, it is there by name only: found by a proof, and by the recovery itself.
    let whole = fs::read(&away).unwrap();
    fs::write(name, &whole[..whole.len() / 2]).unwrap();
    let _ = shop.run(&["archive", "status"]).code(0);
    let _ = shop.run(&["archive", "verify"]).code(1).says("it is damaged").says(&segment);
    let failed = shop.run(&["incident", "sidecar", "--at", &behind, "--name", "two", "--yes"]).code(1);
    let _ = failed.says("sidecar two: the recovery failed");
    fs::write(name, &whole).unwrap();
    let _ = shop.run(&["apply", "--resume", "--yes"]).code(0).says("stands at");
    assert_eq!(asked(&shop, "two", "SELECT count(*) FROM t2"), "0");
    let _ = shop.run(&["archive", "verify"]).code(0);
    let _ = good;
    for name in ["one", "two"] {
        let _ = shop.run(&["incident", "sidecar", "rm", name, "--yes"]).code(0);
    }
}

#[test]
fn without_the_primary_what_is_archived_is_recovered() {
    let shop = archived();
    let at = damaged(&shop);
    switch(&shop);
    let late = now(&shop);
    let _ = shop.run(&["down", "--yes"]).code(0);
    let said = shop.run(&["incident", "sidecar", "--at", &at, "--name", "before", "--yes"]).code(0);
    let _ = said.says("cannot be asked for the end of its log");
    assert_eq!(asked(&shop, "before", "SELECT count(*) FROM orders WHERE state = 'cancel'"), "0");
    let failed = shop.run(&["incident", "sidecar", "--at", &late, "--name", "late", "--yes"]).code(1);
    let _ = failed.says("the log ends before that moment: its last commit is of");
    let _ = shop.run(&["apply", "--abandon", "--yes"]).code(0);
    let _ = shop.run(&["incident", "sidecar", "list"]).code(0).says("late  UNFINISHED");
    let _ = shop.run(&["incident", "sidecar", "rm", "late", "--yes"]).code(0);
    let _ = shop.run(&["incident", "sidecar", "rm", "before", "--yes"]).code(0);
}

#[test]
fn an_archive_that_cannot_be_written_to_is_told() {
    if !is_root() {
        return skipped("an archive of somebody else's: only root can make one");
    }
    let shop = archived();
    let wal = shop.path("archive/wal");
    let owner = fs::metadata(&wal).unwrap();
    std::os::unix::fs::chown(&wal, Some(0), Some(0)).unwrap();
    fs::set_permissions(&wal, fs::Permissions::from_mode(0o700)).unwrap();
    let failed = shop.run(&["archive", "basebackup", "--yes"]).code(1);
    let _ = failed.says("archiving ").says("the server goes on trying");
    let _ = shop.run(&["archive", "status"]).code(3).says("archiving fails");
    let _ = shop.run(&["doctor"]).code(1).says("BAD     archive");
    use std::os::unix::fs::MetadataExt;
    std::os::unix::fs::chown(&wal, Some(owner.uid()), Some(owner.gid())).unwrap();
    fs::set_permissions(&wal, fs::Permissions::from_mode(0o750)).unwrap();
    let _ = shop.run(&["apply", "--resume", "--yes"]).code(0);
    let _ = shop.run(&["archive", "status"]).code(0);
}

#[test]
fn killed_in_a_base_backup_and_in_a_recovery_it_goes_on() {
    let shop = archived();
    let at = damaged(&shop);
    let begun = |step: &str| {
        crate::stack::journal(&shop).matches(&format!("\"started\",\"step\":\"{step}\"")).count()
    };
    for (args, step) in [
        (vec!["archive", "basebackup", "--yes"], "take-base-backup"),
        (vec!["incident", "sidecar", "--at", &at, "--name", "before", "--yes"], "lay-out-sidecar"),
        (vec!["incident", "sidecar", "--at", &at, "--name", "again", "--yes"], "recover-sidecar"),
    ] {
        let before = begun(step);
        let mut child = shop.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_for(|| begun(step) > before || child.try_wait().unwrap().is_some());
        let _ = kill_process(Pid::from_child(&child), Signal::KILL);
        let _ = child.wait();
        let _ = shop.run(&["plan"]).code(3).says("is not finished");
        let _ = shop.run(&["apply", "--resume", "--yes"]).code(0);
    }
    for name in ["before", "again"] {
        assert_eq!(asked(&shop, name, "SELECT count(*) FROM orders WHERE state = 'cancel'"), "0");
        let _ = shop.run(&["incident", "sidecar", "rm", name, "--yes"]).code(0);
    }
    let _ = shop.run(&["archive", "verify"]).code(0);
}

#[test]
fn in_containers_the_log_is_kept_and_a_sidecar_stands_without_a_network() {
    let Some(stack) = Stack::new() else { return };
    let shop = &stack.shop;
    stack.describe(engine().unwrap(), "");
    let yaml = shop.read("odpm.yaml");
    shop.write("odpm.yaml", &format!("{yaml}archive: {{method: basebackup}}\n"));
    let _ = shop.run(&["archive", "enable", "--yes"]).code(0);
    shop.at_rest();
    let at = damaged(shop);
    let _ = shop
        .run(&["incident", "sidecar", "--at", &at, "--name", "before", "--yes"])
        .code(0)
        .says("stands at");
    assert_eq!(asked(shop, "before", "SELECT count(*) FROM orders WHERE state = 'cancel'"), "0");
    let name = format!("{}-sidecar-before", stack.name);
    let network = crate::stack::asked(&[
        "inspect",
        "-f",
        "{{.HostConfig.NetworkMode}} {{.HostConfig.PortBindings}}",
        &name,
    ]);
    assert_eq!(network, "none map[]");
    let _ = shop.run(&["archive", "verify"]).code(0);
    let _ = shop.run(&["incident", "sidecar", "rm", "before", "--yes"]).code(0);
    assert_eq!(crate::stack::asked(&["ps", "-aq", "--filter", &format!("name={name}")]), "");
    shop.at_rest();
}
