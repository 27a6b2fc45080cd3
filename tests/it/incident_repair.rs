//! Repairs that must not go through, go through in part, or are killed in the middle.

use std::fs;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::incident::shop as fill;
use crate::sandbox::Sandbox;
use crate::shop::add_file;
use crate::stack::wait_for;

/// A shop, and a sidecar on each side of some damage.
struct Damaged {
    shop: Sandbox,
}

impl Damaged {
    fn by(prepare: &str, damage: &str) -> Self {
        Self::with(prepare, damage, |_| {})
    }

    fn with(prepare: &str, damage: &str, further: impl FnOnce(&Sandbox)) -> Self {
        let shop = Sandbox::with("database: shop", "");
        fill(&shop);
        let _ = shop.sql("shop", prepare);
        further(&shop);
        let clock = || shop.sql("postgres", "SELECT to_json(clock_timestamp())#>>'{}'").remove(0);
        let before = clock();
        let _ = shop.sql("shop", damage);
        let after = clock();
        for (name, at) in [("before", before), ("after", after)] {
            let _ = shop.run(&["incident", "sidecar", "--at", &at, "--name", name, "--yes"]).code(0);
        }
        Self { shop }
    }

    fn repair(&self, further: &[&str]) -> crate::sandbox::Said {
        self.shop.run(&[&["incident", "repair", "--after", "after", "--yes"], further].concat())
    }

    fn sql(&self, sql: &str) -> Vec<String> {
        self.shop.sql("shop", sql)
    }
}

const CANCEL: &str = "UPDATE sale_order SET state = 'cancel' WHERE id <= 200";

#[test]
fn a_repair_that_something_is_against_leaves_everything_as_it_was() {
    let it = Damaged::by("", CANCEL);
    let everything = || it.sql("SELECT md5(string_agg(o::text, '' ORDER BY id)) FROM sale_order o");
    let damaged = everything();
    // A check that the repair would break; one that is broken anyway is none of its business.
    let yaml = it.shop.read("odpm.yaml");
    let check = |query: &str| it.shop.write("odpm.yaml", &format!("{yaml}checks: {{few: \"{query}\"}}\n"));
    check("SELECT id, state FROM sale_order WHERE state = 'sale' OFFSET 850");
    let said = it.repair(&[]).code(3).says("the repair would break what has to hold");
    let _ = said.says("few: 150 rows instead of 0, the first: ").says("Nothing was changed");
    let _ = it.shop.run(&["apply", "--abandon"]).code(0);
    assert_eq!(everything(), damaged);
    check("SELECT id FROM sale_order WHERE id < 3");
    // A trigger that has a will of its own.
    let _ = it.sql(
        "CREATE FUNCTION will() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.state := 'draft'; RETURN NEW; END$$;
         CREATE TRIGGER will BEFORE UPDATE ON sale_order FOR EACH ROW EXECUTE FUNCTION will()",
    );
    let said =
        it.repair(&[]).code(1).says("is not what was written").says("state is \"draft\" instead of \"sale\"");
    let _ = said.says("Nothing was changed");
    let _ = it.shop.run(&["apply", "--abandon"]).code(0);
    assert_eq!(everything(), damaged);
    // One that keeps rows out.
    let _ = it.sql(
        "CREATE OR REPLACE FUNCTION will() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$",
    );
    let _ = it.repair(&[]).code(1).says("0 rows would have been written instead of 200");
    let _ = it.shop.run(&["apply", "--abandon"]).code(0);
    let _ = it.sql("DROP TRIGGER will ON sale_order");
    // Somebody who was quicker than the plan.
    let saved = ["--save-plan", "plan.json"];
    let _ = it.shop.run(&[&["incident", "repair", "--after", "after"], &saved[..]].concat()).code(0);
    let _ = it.sql("UPDATE sale_order SET state = 'done' WHERE id = 7");
    let damaged = everything();
    let said = it.shop.run(&["apply", "plan.json", "--yes"]).code(3).says("sale_order 7 state");
    let _ = said.says("are not as the plan saw them").says("make the plan again");
    let _ = it.shop.run(&["apply", "--abandon"]).code(0);
    assert_eq!(everything(), damaged);
    let said =
        it.repair(&[]).code(0).says("Left alone: 1 conflict").says("few was broken before and is, by 2 rows");
    let _ =
        said.says("sale_order 7: state is \"done\" now, was \"cancel\" after the damage and \"sale\" before");
    assert_eq!(it.sql("SELECT count(*) FROM sale_order WHERE state = 'cancel'"), ["0"]);
    let _ = it.repair(&["--table", "sale_order", "--rows", "7", "--overwrite"]).code(0);
    assert_eq!(it.sql("SELECT state FROM sale_order WHERE id = 7"), ["sale"]);
}

#[test]
fn a_repair_that_is_killed_goes_on_and_can_still_be_undone() {
    let it = Damaged::by("", &format!("{CANCEL}; DELETE FROM res_partner WHERE id = 5"));
    let everything = || it.sql("SELECT count(*), md5(string_agg(o::text, '' ORDER BY id)) FROM sale_order o");
    let damaged = everything();
    let _ = it.sql(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(0.02); RETURN NEW; END$$;
         CREATE TRIGGER slow BEFORE UPDATE ON sale_order FOR EACH ROW EXECUTE FUNCTION slow()",
    );
    let mut child = it
        .shop
        .command(&["incident", "repair", "--after", "after", "--yes"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let busy = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'UPDATE ONLY%' AND state = 'active'";
    wait_for(|| it.sql(busy) == ["1"]);
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    let _ = child.wait();
    wait_for(|| it.sql(busy) == ["0"]);
    assert_eq!(everything(), damaged);
    let _ = it.sql("DROP TRIGGER slow ON sale_order");
    let _ = it.shop.run(&["apply", "--resume", "--yes"]).code(0);
    let whole = everything();
    assert_eq!(it.sql("SELECT count(*) FROM sale_order WHERE state = 'cancel'"), ["0"]);
    // After the commit and before the journal tells of it.
    let run = it.shop.last_run();
    let journal = it.shop.path(&format!(".odpm/journal/{run}.jsonl"));
    let text = fs::read_to_string(&journal).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let started = lines.iter().rposition(|line| line.contains("\"started\"")).unwrap();
    fs::write(&journal, format!("{}\n", lines[..=started].join("\n"))).unwrap();
    let _ = it
        .shop
        .run(&["apply", "--resume", "--yes"])
        .code(0)
        .says("it had been committed by the attempt before");
    assert_eq!(everything(), whole);
    let _ = it.shop.run(&["undo", &run, "--yes"]).code(0);
    assert_eq!(everything(), damaged);
    // By hand, by the script that was left.
    let script = it.shop.path(&format!(".odpm/repairs/{run}.written.sql"));
    let output = crate::shop::psql(&it.shop, "shop")
        .args(["-v", "ON_ERROR_STOP=1", "-f"])
        .arg(script)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(everything(), whole);
}

#[test]
fn rows_columns_and_rogue_rows_are_chosen() {
    let it = Damaged::by(
        "",
        "UPDATE sale_order SET state = 'cancel', note = 'rogue' WHERE id <= 20; \
         INSERT INTO res_partner (id, name) VALUES (9000, 'Rogue'), (9001, 'Wanted'); \
         DELETE FROM sale_order_line WHERE id IN (3, 1003)",
    );
    let count =
        |condition: &str| it.sql(&format!("SELECT count(*) FROM sale_order WHERE {condition}")).remove(0);
    let _ = it.repair(&["--table", "sale_order", "--where", "id <= 5", "--columns", "state"]).code(0);
    assert_eq!((count("state = 'cancel'"), count("note = 'rogue'")), ("15".into(), "20".into()));
    let _ = it
        .repair(&["--table", "sale_order", "--where", "nonsense"])
        .code(64)
        .says("cannot be asked of sale_order");
    let _ = it.repair(&["--rows", "5"]).code(64).says("rows are named of one table");
    let _ = it.repair(&["--table", "sale_order", "--rows", "all"]).code(64).says("are no ids");
    let said = it.repair(&["--date-now"]).code(0).says("2 rows that came meanwhile stay");
    let _ = said.says("sale_order_line  2 put back");
    assert_eq!((count("state = 'cancel'"), count("note = 'rogue'")), ("0".into(), "0".into()));
    assert_eq!(count("write_date > (now() AT TIME ZONE 'UTC') - interval '1 minute'"), "20");
    // Somebody has ordered as one of them since: it is not taken along.
    let _ = it.sql("INSERT INTO sale_order (name, partner_id) VALUES ('new', 9001)");
    let said = it
        .repair(&["--remove-added"])
        .code(3)
        .says("rows of res_partner that came with the damage are referred to");
    let _ = said.says("rows of sale_order name 1 of them in partner_id");
    let _ = it.shop.run(&["apply", "--abandon"]).code(0);
    let _ =
        it.repair(&["--remove-added", "--table", "res_partner", "--rows", "9000"]).code(0).says("1 deleted");
    assert_eq!(it.sql("SELECT id FROM res_partner WHERE id >= 9000"), ["9001"]);
    // A lost row whose own order is gone by now cannot come back.
    let _ = it.sql("DELETE FROM sale_order_line WHERE id = 3; DELETE FROM sale_order WHERE id = 4");
    let said = it.repair(&["--table", "sale_order_line"]).code(0);
    let _ = said.says("sale_order_line 3: order_id refers to sale_order 4, which is gone");
    // The tables changed since.
    let _ =
        it.sql("ALTER TABLE sale_order ADD COLUMN fresh integer; ALTER TABLE sale_order DROP COLUMN note");
    let two =
        ["incident", "repair", "--sidecar", "before", "--until", "0s ago", "--table", "sale_order", "--plan"];
    let _ =
        it.shop.run(&two).code(3).says("the tables changed between the two moments").says("--common-columns");
    let _ = it
        .shop
        .run(&[&two[..], &["--common-columns"]].concat())
        .code(0)
        .says("sale_order.note is on one side only");
}

#[test]
fn without_a_sidecar_behind_it_the_time_of_the_last_write_tells() {
    let it = Damaged::by("", CANCEL);
    let at = it.sql("SELECT to_json(clock_timestamp())#>>'{}'").remove(0);
    let _ = it.sql(
        "UPDATE sale_order SET state = 'done', write_date = (clock_timestamp() AT TIME ZONE 'UTC') + interval '1 second' WHERE id = 9",
    );
    let _ = it.shop.run(&["incident", "repair", "--sidecar", "before"]).code(64);
    let said = it
        .shop
        .run(&["incident", "repair", "--sidecar", "before", "--until", &at, "--table", "sale_order", "--yes"])
        .code(0);
    let _ = said.says("sale_order 9: it was written at ").says("199 mended");
    assert_eq!(it.sql("SELECT state FROM sale_order WHERE id IN (8, 9) ORDER BY id"), ["sale", "done"]);
    let said =
        it.shop.run(&["incident", "verify", "--errors", "1000"]).says("The key tables have as many rows");
    let _ = said.says("passed   sequences");
    let wrong = it.shop.run(&["incident", "repair", "--sidecar", "after", "--after", "before"]).code(64);
    let _ = wrong.says("does not stand before the one after it");
}

#[test]
fn files_of_lost_attachments_come_back_from_a_backup() {
    let table = "CREATE TABLE ir_attachment (id serial PRIMARY KEY, name varchar, store_fname varchar, checksum varchar);
         CREATE TABLE ir_module_module (id serial PRIMARY KEY, name varchar, state varchar, latest_version varchar);
         ALTER TABLE ir_attachment OWNER TO odoo; ALTER TABLE ir_module_module OWNER TO odoo";
    let files = std::cell::RefCell::new(Vec::new());
    let it = Damaged::with(table, "DELETE FROM ir_attachment", |shop| {
        for content in ["one", "two", "three"] {
            files.borrow_mut().push(add_file(shop, "shop", content.as_bytes()));
        }
        let _ = shop.run(&["database", "backup", "-d", "shop", "--format", "fast", "--yes"]).code(0);
        files.borrow_mut().push(add_file(shop, "shop", b"after the backup"));
    });
    let folder = it.shop.path("data/odoo/filestore/shop");
    let files = files.into_inner();
    // Odoo has cleaned up since, all but one of them.
    for file in &files[1..] {
        fs::remove_file(folder.join(file)).unwrap();
    }
    let said = it.repair(&[]).code(0).says("put 2 files back into").says("ir_attachment  4 put back");
    let _ = said.says("1 files that lost attachments name are in no backup");
    assert_eq!(fs::read(folder.join(&files[2])).unwrap(), b"three");
    assert!(!folder.join(&files[3]).exists());
}

#[test]
fn the_whole_path_is_rehearsed_and_recorded() {
    let shop = Sandbox::with("database: shop", "");
    let yaml = shop.read("odpm.yaml");
    shop.write("odpm.yaml", &format!("{yaml}archive: {{method: basebackup}}\n"));
    let _ = shop.run(&["archive", "enable", "--yes"]).code(0);
    crate::shop::fill(&shop, "shop");
    let _ =
        shop.run(&["incident", "drill", "--yes"]).code(3).says("there is no backup of shop to rehearse with");
    let _ = shop.run(&["database", "backup", "-d", "shop", "--format", "fast", "--yes"]).code(0);
    let said = shop.run(&["incident", "drill", "--yes"]).code(0);
    let _ = said.says("The rehearsal passed: ").says("damaged rows were repaired");
    let _ = shop.run(&["status"]).code(0).says("rehearsal     ");
    let drills = shop.read(".odpm/drills.jsonl");
    assert!(drills.contains("\"kind\":\"sidecar\"") && drills.contains("\"database\":\"shop\""), "{drills}");
    let names = shop.sql(
        "postgres",
        "SELECT datname FROM pg_database WHERE datname LIKE 'rehearsal%' OR datname LIKE 'odpm%'",
    );
    assert_eq!(names, Vec::<String>::new());
    let _ = shop.run(&["incident", "sidecar", "list"]).code(0).says("no sidecar");
}

#[test]
fn a_sidecar_that_dies_ends_the_comparison_and_nothing_else() {
    let it = Damaged::by("", CANCEL);
    let pid = it.shop.read(".odpm/sidecars/before/data/postmaster.pid");
    let pid: i32 = pid.lines().next().unwrap().parse().unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::QUIT).unwrap();
    wait_for(|| {
        !it.shop.path(".odpm/sidecars/before/data/postmaster.pid").exists()
            || it.shop.run(&["incident", "diff", "--sidecar", "before"]).code != 0
    });
    let said = it.shop.run(&["incident", "diff", "--sidecar", "before"]).code(1);
    let _ = said.says("cannot");
    let _ = it.repair(&[]).code(1);
    assert_eq!(it.sql("SELECT count(*) FROM sale_order WHERE state = 'cancel'"), ["200"]);
    let _ = it.shop.run(&["incident", "sidecar", "rm", "before", "--yes"]).code(0);
}
