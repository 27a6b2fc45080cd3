//! Snapshots and rollbacks when something goes wrong: kills, full disks, triggers, edited files, other databases.

use std::fs;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::sandbox::{is_root, skipped};
use crate::stack::wait_for;
use crate::watchdog::{catalogue, fill, snapshots, sql, take};

#[test]
fn a_rollback_that_a_trigger_changes_is_taken_back_whole() {
    let shop = catalogue(40, "");
    let _ = take(&shop, "before");
    let _ = sql(&shop, "UPDATE product_template SET list_price = 1 WHERE id <= 10");
    let _ = take(&shop, "after");
    let _ = sql(
        &shop,
        "CREATE FUNCTION odd() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN IF NEW.id = 10 THEN NEW.list_price = 5; END IF; RETURN NEW; END$$;
         CREATE TRIGGER odd BEFORE UPDATE ON product_template FOR EACH ROW EXECUTE FUNCTION odd()",
    );
    let said = shop.run(&["watchdog", "rollback", "--yes"]).code(1);
    let _ = said.says("product.template 10 is not what was written").says("--via orm");
    assert_eq!(sql(&shop, "SELECT count(*) FROM product_template WHERE list_price = 1"), ["10"]);
    let _ = sql(&shop, "DROP TRIGGER odd ON product_template");
    let _ = shop.run(&["apply", "--resume", "--yes"]).code(0).says("10 rows written");
    assert_eq!(sql(&shop, "SELECT count(*) FROM product_template WHERE list_price = 1"), ["0"]);
}

#[test]
fn a_rollback_killed_in_the_middle_goes_on_and_can_still_be_undone() {
    let shop = catalogue(400, "");
    let _ = take(&shop, "before");
    let _ = sql(&shop, "UPDATE product_template SET list_price = 1");
    let _ = take(&shop, "after");
    let _ = sql(
        &shop,
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(0.02); RETURN NEW; END$$;
         CREATE TRIGGER slow BEFORE UPDATE ON product_template FOR EACH ROW EXECUTE FUNCTION slow()",
    );
    let mut child = shop
        .command(&["watchdog", "rollback", "--yes"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let busy = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'UPDATE ONLY%' AND state = 'active'";
    wait_for(|| sql(&shop, busy) == ["1"]);
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    let _ = child.wait();
    let _ = shop.run(&["watchdog", "rollback", "--yes"]).code(3).says("is not finished");
    wait_for(|| sql(&shop, busy) == ["0"]);
    assert_eq!(sql(&shop, "SELECT count(*) FROM product_template WHERE list_price = 1"), ["400"]);
    let _ = sql(&shop, "DROP TRIGGER slow ON product_template");
    let _ = shop.run(&["apply", "--resume", "--yes"]).code(0);
    let _ = shop.run(&["watchdog", "diff", "before", "live", "--detailed-exitcode"]).code(0);
    // After the commit and before the journal tells of it: what was written is still known.
    let entries = fs::read_dir(shop.path(".odpm/journal")).unwrap().flatten().map(|entry| entry.path());
    let journal = entries
        .filter(|path| path.is_file())
        .max_by_key(|path| path.metadata().unwrap().modified().unwrap())
        .unwrap();
    let text = fs::read_to_string(&journal).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let started = lines.iter().rposition(|line| line.contains("\"start")).expect("a step began");
    fs::write(&journal, format!("{}\n", lines[..=started].join("\n"))).unwrap();
    let _ = shop.run(&["apply", "--resume", "--yes"]).code(0).says("400 were as before already");
    let _ = shop.run(&["undo", &shop.last_run(), "--yes"]).code(0);
    assert_eq!(sql(&shop, "SELECT count(*) FROM product_template WHERE list_price = 1"), ["400"]);
}

#[test]
fn snapshots_that_were_cut_or_edited_are_told() {
    let shop = catalogue(60, "");
    let one = take(&shop, "one");
    let _ = take(&shop, "two");
    let whole = fs::read_to_string(&one).unwrap();
    let edited = whole.replacen("\"active\": true", "\"active\":false", 1);
    assert_eq!(edited.len(), whole.len());
    let cut = whole[..whole.len() / 2].to_owned();
    for (text, why) in [(&edited, "its checksum is another"), (&cut, "bytes, and had")] {
        fs::write(&one, text).unwrap();
        let said = shop.run(&["watchdog", "diff", "one", "two"]).code(1);
        let _ = said.says("is not what was written").says(why).says("take another snapshot");
        let _ = shop.run(&["watchdog", "list", "--verify"]).code(1).says("is not what was written");
    }
    fs::write(&one, &whole).unwrap();
    let _ = shop.run(&["watchdog", "diff", "one", "two", "--detailed-exitcode"]).code(0);
    let manifest = one.with_extension("json");
    let record = fs::read_to_string(&manifest).unwrap();
    for (text, why) in [
        (record.replace("\"format_version\": 1", "\"format_version\": 2"), "a later odpm wrote it"),
        ("{".to_owned(), "is no record of a snapshot"),
    ] {
        fs::write(&manifest, text).unwrap();
        let _ = shop.run(&["watchdog", "diff", "one", "two"]).code(1).says(why);
    }
    fs::remove_file(&manifest).unwrap();
    let _ = shop.run(&["watchdog", "diff", "one", "two"]).code(1).says("there is no snapshot one");
}

#[test]
fn databases_that_changed_under_the_watchdog_are_told() {
    let shop = catalogue(60, "");
    let _ = take(&shop, "one");
    let _ = sql(&shop, "ALTER TABLE marketplace_listing RENAME COLUMN qty TO amount");
    let _ = sql(&shop, "UPDATE ir_module_module SET latest_version = '18.0.2.0' WHERE name = 'stock'");
    let _ = sql(&shop, "ALTER TABLE product_pricelist_item DROP CONSTRAINT product_pricelist_item_pkey");
    let said = shop.run(&["watchdog", "snapshot", "two"]).code(0);
    let said = said.says("marketplace.listing.qty: there is no such field");
    let _ = said.says("product.pricelist.item: its table has no primary key");
    let said = shop.run(&["watchdog", "diff", "one", "two"]).code(0);
    let said = said.says("Modules changed: stock 18.0.1.1 -> 18.0.2.0.");
    let said = said
        .says("marketplace.listing.qty is in the first only")
        .says("product.pricelist.item is in the first only");
    let _ = said.says("Nothing that is watched has changed.");
    let _ = shop.sql("postgres", "ALTER DATABASE shop RENAME TO old");
    fill(&shop, "shop", 70);
    let said = shop.run(&["watchdog", "diff", "one", "live"]).code(0);
    let _ = said.says("shop was restored or made anew in between").says("10 rows added");
    let said = shop.run(&["watchdog", "diff", "live:old", "live:shop"]).code(0);
    let _ = said.says("The first is of old, the second of shop").says("10 rows added").says("(of 60 rows)");
    let _ = shop.run(&["watchdog", "snapshot", "x", "-d", "nowhere"]).code(1).says("does not exist");
    let _ = shop.run(&["watchdog", "snapshot", "a:b"]).code(64).says("cannot be a label");
    let _ = shop.run(&["watchdog", "diff", "none"]).code(1).says("there is no snapshot none");
}

#[test]
fn a_server_that_dies_leaves_no_half_snapshot() {
    let shop = catalogue(60, "");
    let yaml = shop.read("odpm.yaml");
    let slow = "SELECT id, pg_sleep(0.2)::text FROM product_template";
    shop.write(
        "odpm.yaml",
        &format!("{yaml}watchdog:\n  derive: {{product.template: {{slow: \"{slow}\"}}}}\n"),
    );
    let child = shop
        .command(&["watchdog", "snapshot", "half"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for(|| {
        sql(&shop, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY%' AND state = 'active'")
            == ["1"]
    });
    let server = shop.server_pid().unwrap();
    let _ = Command::new("kill").args(["-QUIT", &server.to_string()]).status();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("cannot read ") && said.contains(" of shop"), "{said}");
    assert_eq!(fs::read_dir(shop.path(".odpm/snapshots")).unwrap().count(), 0);
}

#[test]
fn a_disk_that_fills_leaves_no_half_snapshot() {
    if !is_root() {
        return skipped("a disk that fills: only root can mount one");
    }
    let shop = catalogue(3000, "");
    fs::create_dir_all(shop.path(".odpm/snapshots")).unwrap();
    let mount = |args: &[&str]| Command::new("mount").args(args).arg(shop.path(".odpm/snapshots")).status();
    if !mount(&["-t", "tmpfs", "-o", "size=300k", "tmpfs"]).is_ok_and(|status| status.success()) {
        return skipped("a disk that fills: mounting is not allowed here");
    }
    let said = shop.run(&["watchdog", "snapshot", "full"]);
    let left = fs::read_dir(shop.path(".odpm/snapshots")).unwrap().count();
    let _ = Command::new("umount").arg(shop.path(".odpm/snapshots")).status();
    let _ = said.code(1).says("The disk is full");
    assert_eq!(left, 0);
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let shop = catalogue(30, "");
    let _ = shop.sql("postgres", "CREATE DATABASE bytes OWNER odoo TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'");
    let _ = shop.sql(
        "bytes",
        "CREATE TABLE product_template (id serial PRIMARY KEY, default_code varchar); ALTER TABLE product_template OWNER TO odoo;
         INSERT INTO product_template (default_code) VALUES ('fine'), (convert_from('\\xff41', 'SQL_ASCII'))",
    );
    let said = shop.run(&["watchdog", "snapshot", "x", "-d", "bytes"]).code(1);
    let _ = said
        .says("cannot read product.template of bytes")
        .says("invalid byte sequence")
        .says("A text there is no UTF-8");
    assert!(snapshots(&shop).is_empty());
}
