//! The flags of odpm 4 on databases, which people go on typing.

use std::fs;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::sandbox::Sandbox;
use crate::shop::{backup, content, fill, names, stored};
use crate::stack::wait_for;

/// A project with a stand-in for Odoo's source tree and a filled database.
fn shop() -> Sandbox {
    let shop = Sandbox::with(
        "source: ./odoo-src\nmodules: {install: [base, web]}\nservices: {odoo: {replicas: 0}, odoo-cron: {replicas: 0}}",
        "",
    );
    shop.write("odoo-src/odoo-bin", include_str!("../images/odoo.py"));
    let _ = shop.apply();
    fill(&shop, "test_db");
    shop
}

#[test]
fn drop_restore_update_and_password_are_one_plan() {
    let shop = shop();
    let _ = shop.run(&["-d", "test_db", "--db-backup", "my_backup", "--yes"]).code(0);
    assert!(backup(&shop, "zip").ends_with("my_backup.zip"));
    let before = (content(&shop, "test_db"), stored(&shop, "test_db"));
    let _ = shop.sql("test_db", "INSERT INTO res_partner (name) VALUES ('since')");
    let all = ["-d", "test_db", "--db-drop", "--db-restore", "my_backup.zip", "-i", "-u", "--set-admin-pass"];
    let plan = shop.run(&[&all[..], &["--plan"]].concat()).code(0).out;
    let order = [
        "read backups/my_backup.zip",
        "load backups",
        "put its files",
        "install base, web and update base, web",
        "password of the administrator",
        "to test_db",
        "drop the database odpm_old",
    ];
    let places: Vec<usize> =
        order.iter().map(|words| plan.find(words).unwrap_or_else(|| panic!("{words}: {plan}"))).collect();
    assert!(places.is_sorted(), "{plan}");

    let pass = [("ODPM_ADMIN_PASSWORD", "geheim")];
    let _ = shop.run_with(&[&all[..], &["--yes"]].concat(), &pass).code(0);
    assert_eq!(names(&shop), ["test_db"]);
    assert_eq!(stored(&shop, "test_db"), before.1);
    let hash = shop.sql("test_db", "SELECT password FROM res_users WHERE id = 2").remove(0);
    assert!(hash.starts_with("$pbkdf2-sha512$"), "{hash}");
    assert_eq!(shop.sql("test_db", "SELECT count(*) FROM res_partner WHERE name = 'since'"), ["0"]);
    let log = fs::read_dir(shop.path(".odpm/log")).unwrap().flatten().map(|entry| entry.path());
    let log = log.into_iter().find(|path| path.to_string_lossy().contains("modules-")).unwrap();
    assert!(
        fs::read_to_string(log).unwrap().contains("-d', 'odpm_new_"),
        "the one in service was not touched"
    );
}

#[test]
fn a_backup_that_is_not_there_costs_no_database() {
    let shop = shop();
    let args = ["-d", "test_db", "--db-drop", "--db-restore", "missing.zip", "--yes"];
    let _ = shop.run(&args).code(1).says("missing.zip");
    assert_eq!(names(&shop), ["test_db"]);
    let _ = shop
        .run(&["-d", "test_db", "--set-admin-pass", "geheim"])
        .code(64)
        .says("can be read by every process");
    let _ = shop.run(&["--db-drop", "--yes"]).code(64).says("no database is named");
    let _ = shop.run(&["-d", "test_db", "--db-drop", "--yes"]).code(0).says("odpm undo");
    let _ = shop.run(&["database", "list"]).code(0).says("test_db, dropped by");
}

#[test]
fn what_odoo_says_at_its_end_is_not_believed() {
    let shop = shop();
    let _ = shop.run(&["-d", "test_db", "-u", "base,web", "--yes"]).code(0).says("2 modules");
    let _ =
        shop.run(&["-d", "test_db", "-i", "mail", "--yes"]).code(1).says("not installed afterwards: mail");
    let _ = shop.run(&["apply", "--abandon"]).code(0);
    let _ = shop.run(&["-d", "test_db", "-u", "broken", "--yes"]).code(1).says("no such thing as a price");
    let _ = shop.run(&["apply", "--abandon"]).code(0);
    let _ = shop.run(&["-d", "typo", "-u", "base", "--yes"]).code(3).says("there is no database typo");
    assert_eq!(names(&shop), ["test_db"]);
}

/// The first to run is at it for ever; the next one says how that is doing.
const STUBBORN: &str = r#"
import os, signal, sys, time
if not os.path.exists("FIRST"):
    with open("FIRST.new", "w") as file:
        file.write(str(os.getpid()))
    os.rename("FIRST.new", "FIRST")
    time.sleep(600)
    sys.exit(1)
try:
    state = open(f"/proc/{open('FIRST').read()}/stat").read().rsplit(")", 1)[1].split()[0]
except FileNotFoundError:
    state = "X"
if state not in "ZX":
    print("2026-11-20 21:13:33,000 1 ERROR ? odoo: another one is at work on this database", flush=True)
    sys.exit(1)
"#;

#[test]
fn an_odoo_that_outlives_its_odpm_is_ended_before_the_next_one_starts() {
    let shop = shop();
    let first = shop.path("odoo-src/first");
    shop.write("odoo-src/odoo-bin", &STUBBORN.replace("FIRST", &first.display().to_string()));
    let mut child = shop
        .command(&["-d", "test_db", "-u", "base", "--yes"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(|| first.exists());
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    let _ = child.wait();
    let pid = fs::read_to_string(&first).unwrap().parse().unwrap();
    assert!(odpm::process::lives(pid), "a child does not die of its parent's death");
    // Another odpm that looks on ends nobody's work, and resumes nothing.
    let _ = shop.run(&["plan"]).says("--resume");
    assert!(odpm::process::lives(pid));
    let _ = shop.run(&["apply", "--resume", "--yes"]).code(0).says("1 modules");
    assert!(!odpm::process::lives(pid));
    let left = fs::read_dir(shop.path(".odpm/run")).unwrap().flatten();
    assert!(left.filter(|entry| entry.file_name().to_string_lossy().starts_with("once.")).count() <= 1);
}
