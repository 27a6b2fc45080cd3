//! What happens around an upgrade at an hour when nobody wants it to.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::sandbox::Sandbox;
use crate::upgrade_run::{failing, in_service, in_the_middle, modules, own, shop, whole};

const KEY_ERROR: &str =
    "Traceback (most recent call last):\n  File \"x.py\", line 1, in y\nKeyError: 'rate'\n";

fn signal(name: &str, pid: &str) {
    assert!(Command::new("kill").args([name, pid]).status().unwrap().success());
}

/// The process of the server that copies a database, once there is one.
fn copying(shop: &Sandbox) -> String {
    let begun = Instant::now();
    let question =
        "SELECT pid FROM pg_stat_activity WHERE query LIKE 'CREATE DATABASE \"odpm%' AND state = 'active'";
    loop {
        if let Some(pid) = shop.sql("postgres", question).pop() {
            return pid;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "nothing was ever copied");
    }
}

/// An upgrade that is killed while the server copies; the server goes on with that as soon as it is let.
fn killed_while_copying(shop: &Sandbox) -> String {
    let mut command = shop.command(&["upgrade", "run", "--yes", "-u", "rent"]);
    let mut odpm = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let server = copying(shop);
    signal("-STOP", &server);
    odpm.kill().unwrap();
    let _ = odpm.wait();
    server
}

#[test]
fn killed_while_the_copy_is_made_it_is_gone_on_with_at_once() {
    let shop = shop("");
    let _ = shop.sql(
        "shop",
        "CREATE TABLE large AS SELECT n, repeat(md5(n::text), 30) AS text FROM generate_series(1, 150000) n; \
         ALTER TABLE large OWNER TO odoo",
    );
    let before = whole(&shop);
    for way in [
        &["apply", "--resume", "--yes"][..],
        &["upgrade", "rollback", "--reopen", "--yes"],
        &["upgrade", "run", "--fix-forward", "--yes"],
    ] {
        let server = killed_while_copying(&shop);
        let mut command = shop.command(way);
        let on = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(700));
        signal("-CONT", &server);
        let said = on.wait_with_output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        in_service(&shop);
        if way[1] != "rollback" {
            let _ = shop.run(&["upgrade", "rollback", "--reopen", "--yes", "-d", "shop"]).code(0);
            let _ = shop.run(&["database", "prune", "--yes"]).code(0);
        }
        assert!(whole(&shop) == before, "{way:?}");
        assert!(own(&shop).is_empty(), "{:?}", own(&shop));
    }
}

#[test]
fn what_was_odd_about_a_database_before_is_in_nobodys_way_back() {
    let shop = shop("");
    // A sequence that lags behind, as imports leave them, and a table of somebody else's.
    let _ = shop.sql(
        "shop",
        "INSERT INTO rent (id, price, name) VALUES (90000, 1, 'imported'); \
         CREATE TABLE bi (id integer); GRANT SELECT ON bi TO odoo",
    );
    let before = whole(&shop);
    for checkpoint in ["copy", "backup"] {
        failing(&shop, "rent", KEY_ERROR);
        let run = ["upgrade", "run", "--yes", "-u", "rent", "--checkpoint", checkpoint];
        let _ = shop.run(&[&run[..], &["--fix-forward"]].concat()).code(1).says("KeyError");
        let _ = shop.run(&["upgrade", "rollback", "--reopen", "--yes"]).code(0);
        // Out of a backup all of it belongs to the application's role.
        assert!(checkpoint == "backup" || whole(&shop) == before);
        std::fs::remove_file(shop.path("addons/rent/failure.json")).unwrap();
        let _ = shop.run(&run).code(0);
        let _ = shop.run(&["upgrade", "rollback", "--reopen", "--yes", "-d", "shop"]).code(0);
        assert!(checkpoint == "backup" || whole(&shop) == before);
        assert_eq!(shop.sql("shop", "SELECT max(id) FROM rent"), ["90000"]);
        in_service(&shop);
    }
}

#[test]
fn what_was_written_meanwhile_stops_a_rollback_once_and_not_for_ever() {
    let shop = shop("");
    failing(&shop, "rent", KEY_ERROR);
    let _ = shop.run(&["upgrade", "run", "--yes", "-u", "rent", "--fix-forward"]).code(1);
    let _ = shop.sql("postgres", "ALTER DATABASE shop ALLOW_CONNECTIONS true");
    let _ = shop.sql("shop", "INSERT INTO ir_config_parameter (key, value) VALUES ('by.hand', 'at night')");
    for _ in 0..2 {
        let said = shop.run(&["upgrade", "rollback", "--yes"]).code(1);
        let _ = said.says("is not what it was before").says("odpm upgrade rollback --reopen");
    }
    let _ = shop.run(&["upgrade", "rollback", "--reopen", "--yes"]).code(0).says("ir_config_parameter has");
    in_service(&shop);
    shop.at_rest();
    let kept = shop.sql("shop", "SELECT value FROM ir_config_parameter WHERE key = 'by.hand'");
    assert_eq!(kept, ["at night"]);
}

#[test]
fn a_machine_that_went_down_in_the_middle_comes_up_again_and_goes_on() {
    let shop = shop("");
    // A server that recovers goes on some numbers further in the sequences that it has written since.
    let _ = shop.sql("postgres", "CHECKPOINT");
    let before = whole(&shop);
    for way in [&["apply", "--resume", "--yes"][..], &["upgrade", "run", "--fix-forward", "--yes"]] {
        let (mut odpm, odoo) = in_the_middle(&shop, &[]);
        odpm.kill().unwrap();
        let _ = odpm.wait();
        signal("-KILL", &odoo.to_string());
        signal("-KILL", &shop.server_pid().unwrap().to_string());
        std::fs::remove_file(shop.path("odoo-src/hold")).unwrap();
        let _ =
            shop.run(&["apply", "--yes"]).code(0).says("Only the server is started").says("is not finished");
        let _ = shop.run(&["apply", "--yes"]).code(3).says("is not finished");
        let _ = shop.run(way).code(0);
        assert_eq!(modules(&shop)[1], "rent installed 18.0.1.1");
        in_service(&shop);
        let _ = shop.run(&["upgrade", "rollback", "--reopen", "--yes", "-d", "shop"]).code(0);
        assert!(whole(&shop) == before, "{way:?}");
    }
}

#[test]
fn a_rollback_that_stopped_when_the_database_was_back_comes_to_its_end() {
    let shop = shop("");
    for pruned in [false, true] {
        let _ = shop.run(&["upgrade", "run", "--yes", "-u", "rent"]).code(0);
        let kept = own(&shop).pop().unwrap();
        let _ = shop.sql("postgres", &format!("ALTER DATABASE {kept} ALLOW_CONNECTIONS true"));
        let _ =
            shop.sql(&kept, "INSERT INTO ir_config_parameter (key, value) VALUES ('by.hand', 'at night')");
        let stops =
            |words: &[&str]| shop.run(&[&["upgrade", "rollback", "--yes", "-d", "shop"], words].concat());
        let _ = stops(&[]).code(1).says("ir_config_parameter has");
        // What stands there now is not put aside, and not taken for the upgraded one.
        let _ = stops(&[]).code(1).says("ir_config_parameter has");
        if pruned {
            // Whatever looks left behind: while it rests nobody removes it.
            let _ = shop.run(&["apply", "--abandon"]).code(0);
            let _ = shop.run(&["database", "prune", "--yes"]).code(3).says("an upgrade is not at its end");
        }
        let _ = stops(&["--reopen"]).code(0);
        assert_eq!(modules(&shop)[1], "rent installed 18.0.1.0");
        in_service(&shop);
        let _ = shop.run(&["database", "prune", "--yes"]).code(0);
        let _ = shop.sql("shop", "DELETE FROM ir_config_parameter WHERE key = 'by.hand'");
    }
}
