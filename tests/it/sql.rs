//! Scripts: rehearsed, run for good, taken back, and cut off, on real clusters.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::sandbox::Sandbox;
use crate::shop::psql;

/// A running project with a shop in its database.
fn shop() -> Sandbox {
    let shop = Sandbox::with("database: shop", "");
    let _ = shop.apply();
    let _ = shop.sql("postgres", "CREATE DATABASE shop OWNER odoo TEMPLATE template0");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/incident.sql");
    let output = psql(&shop, "shop").args(["-v", "ON_ERROR_STOP=1", "-f", script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    as_app(&shop, "CREATE TABLE stat (what varchar, n integer); INSERT INTO stat VALUES ('orders', 1000)");
    shop
}

/// What the application role does.
fn as_app(shop: &Sandbox, sql: &str) {
    let output = psql(shop, "shop").args(["-v", "ON_ERROR_STOP=1", "-c", sql]).output().unwrap();
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Everything of the database, each value exactly.
fn everything(shop: &Sandbox) -> Vec<String> {
    ["res_users", "res_partner", "sale_order", "sale_order_line", "sale_order_tag_rel", "stat"]
        .iter()
        .flat_map(|table| {
            let all =
                format!("SET extra_float_digits = 3; SELECT '{table}', t.* FROM {table} t ORDER BY t::text");
            // The first column alone would not tell.
            let rows =
                shop.sql("shop", &all.replace(&format!("'{table}', t.*"), &format!("'{table} ' || t::text")));
            rows.into_iter()
        })
        .collect()
}

/// Customers go, and by reference their orders, with lines and tags; others lose a parent; orders are altered, some come.
const FIX: &str = "-- Sixty customers too many.
BEGIN;
UPDATE sale_order SET state = 'cancel', amount_total = amount_total / 3
  WHERE id BETWEEN 301 AND 700;
DELETE FROM res_partner WHERE id <= 60;
INSERT INTO res_users (login) VALUES ('robot; \"1\"'), ('x');
DO $$ BEGIN
  UPDATE res_users SET login = 'two' WHERE id = 2;
  BEGIN UPDATE sale_order SET note = 'n' WHERE id = 790; RAISE EXCEPTION 'no'; EXCEPTION WHEN others THEN NULL; END;
  BEGIN UPDATE sale_order SET note = 'kept' WHERE id = 791; EXCEPTION WHEN others THEN NULL; END;
END $$;
COMMIT;
";

#[test]
fn a_rehearsal_shows_what_would_happen_and_changes_no_row() {
    let shop = shop();
    as_app(
        &shop,
        "CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; \
         CREATE TRIGGER watches AFTER UPDATE ON sale_order FOR EACH ROW EXECUTE FUNCTION noted(); \
         CREATE TRIGGER sleeps AFTER INSERT ON sale_order FOR EACH ROW EXECUTE FUNCTION noted()",
    );
    let (before, tree) = (everything(&shop), shop.tree(&["data", ".odpm/log"]));
    shop.write("fix.sql", FIX);
    let told = shop.run(&["sql", "fix.sql"]).code(0);
    let told = told
        .says("Rehearsed in shop: 4 statements")
        .says("In tables that the script does not name")
        .says("sale_order_line: ")
        .says("by order_id -> sale_order ON DELETE CASCADE")
        .says("sale_order: watches runs, it calls noted()")
        .says("sale_order: sleeps does not run for this")
        .says("ROW EXCLUSIVE: ")
        .says("Sequences stay where it has brought them: res_users_id_seq")
        .says("The BEGIN and the COMMIT around the script are left out");
    assert!(!told.out.contains("Cannot be taken back"), "{}", told.out);
    let seen = shop.json(&["sql", "fix.sql", "--format", "json"]);
    let of = |table: &str, what: &str| seen["tables"][table][what].as_u64().unwrap();
    assert_eq!(
        (of("res_partner", "deleted"), of("res_users", "inserted"), of("res_users", "updated")),
        (60, 2, 1)
    );
    let lost: u64 =
        shop.sql("shop", "SELECT count(*) FROM sale_order WHERE partner_id <= 60")[0].parse().unwrap();
    assert_eq!(of("sale_order", "deleted"), lost);
    let lines =
        "SELECT count(*) FROM sale_order_line l JOIN sale_order o ON o.id = order_id WHERE partner_id <= 60";
    assert_eq!(of("sale_order_line", "deleted").to_string(), shop.sql("shop", lines)[0]);
    assert!(seen["wal_bytes"].as_u64().unwrap() > 10_000 && seen["writes"] == true);
    assert_eq!(everything(&shop), before);
    let mut after = shop.tree(&["data", ".odpm/log"]);
    after.retain(|path, _| !path.ends_with("fix.sql") && path != shop.root());
    let mut tree = tree;
    tree.retain(|path, _| path != shop.root());
    assert_eq!(after, tree, "nothing is left behind");
    let _ = shop.run(&["sql", "-c", "SELECT 1"]).code(0).says("No row would be touched");
    let _ = shop.run(&["sql"]).code(64);
    let _ = shop.run(&["sql", "absent.sql"]).code(64);
}

#[test]
fn a_script_is_run_and_taken_back_row_by_row() {
    let shop = shop();
    let before = everything(&shop);
    shop.write("fix.sql", FIX);
    let _ = shop.run(&["sql", "fix.sql", "--apply", "--plan"]).code(0).says("run ");
    let _ = shop.run(&["sql", "fix.sql", "--apply"]).code(3).says("--yes");
    assert_eq!(everything(&shop), before);
    let done = shop.run(&["sql", "fix.sql", "--apply", "--yes"]).code(0);
    let run = run_of(&done.out);
    let after = everything(&shop);
    assert_ne!(after, before);
    assert_eq!(shop.sql("shop", "SELECT count(*) FROM sale_order WHERE note = 'kept'"), ["1"]);
    let _ = shop.run(&["undo", &run, "--yes"]).code(0);
    assert_eq!(everything(&shop), before);
    // Done once more and taken back by the script for people.
    let undone = shop.last_run();
    let _ = shop.run(&["undo", &undone, "--yes"]).code(0);
    assert_eq!(everything(&shop), after);
    let script = shop.path(&format!(".odpm/scripts/{run}.written.undo.sql"));
    let text = std::fs::read_to_string(script).unwrap();
    assert!(text.contains("BEGIN;\nINSERT INTO"), "{}", &text[..100]);
    // What somebody has written since is not overwritten.
    as_app(&shop, "UPDATE sale_order SET state = 'done' WHERE id = 690");
    let redone = shop.last_run();
    let _ = shop.run(&["undo", &redone, "--yes"]).code(3).says("sale_order 690 state");
    let _ = shop.run(&["apply", "--abandon"]).code(0);
}

/// The run that a command was.
fn run_of(out: &str) -> String {
    out.split("sql (").nth(1).unwrap().split(')').next().unwrap().to_owned()
}

#[test]
fn what_others_write_meanwhile_is_no_part_of_the_undo() {
    let shop = shop();
    shop.write(
        "slow.sql",
        "SELECT pg_sleep(1.5);\nUPDATE sale_order SET note = 'mine' WHERE id <= 10;\nSELECT pg_sleep(1.5);\n",
    );
    let done = std::thread::scope(|scope| {
        let run = scope.spawn(|| shop.run(&["sql", "slow.sql", "--apply", "--yes"]));
        // Within the rehearsal, and within the run for good.
        for id in 500..530 {
            as_app(
                &shop,
                &format!(
                    "UPDATE sale_order SET note = 'theirs' WHERE id = {id}; DELETE FROM sale_order_line WHERE id = {id}"
                ),
            );
            std::thread::sleep(Duration::from_millis(150));
        }
        run.join().unwrap()
    });
    let run = run_of(&done.code(0).out);
    assert_eq!(shop.read(&format!(".odpm/scripts/{run}.written.jsonl")).lines().count(), 10);
    let _ = shop.run(&["undo", &run, "--yes"]).code(0);
    assert_eq!(
        shop.sql("shop", "SELECT note, count(*) FROM sale_order WHERE note IS NOT NULL GROUP BY 1"),
        ["theirs|30"]
    );
}

#[test]
fn a_truncate_that_reaches_further_is_refused_with_what_it_reaches() {
    let shop = shop();
    let before = everything(&shop);
    for text in [
        "TRUNCATE res_partner CASCADE",
        "TRUNCATE sale_order, sale_order_line CASCADE; DELETE FROM sale_order_tag_rel",
    ] {
        let _ = shop.run(&["sql", "-c", text]).code(3).says("sale_order_tag_rel").says("does not name");
    }
    let _ = shop.run(&["sql", "-c", "TRUNCATE sale_order"]).code(1).says("0A000").says("DELETE FROM");
    let late = "CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY); CREATE TABLE s.u (t int REFERENCES s.t); \
         SET search_path = s; TRUNCATE t CASCADE";
    let _ = shop.run(&["sql", "-c", late]).code(3).says("it empties 1 further tables: u");
    let unseen = "DO $$ BEGIN TRUNCATE sale_order_line; END $$";
    let _ = shop.run(&["sql", "-c", unseen]).code(3).says("from within a function").says("sale_order_line");
    assert_eq!(everything(&shop), before);
    let over = "TRUNCATE sale_order_line RESTART IDENTITY";
    let _ =
        shop.run(&["sql", "-c", over, "--apply", "--yes"]).code(3).says("sequence sale_order_line_id_seq");
    // All of them named: counted, locked, and put back.
    let named = "TRUNCATE sale_order, sale_order_line, sale_order_tag_rel CASCADE; \
         INSERT INTO sale_order_line (product, order_id) SELECT 'p', 1 WHERE false";
    let told = shop.run(&["sql", "-c", named]).code(0).says("emptied").says("ACCESS EXCLUSIVE: sale_order");
    let told = told.says("others wait with everything");
    assert!(!told.out.contains("Cannot be taken back"), "{}", told.out);
    let run = run_of(&shop.run(&["sql", "-c", named, "--apply", "--yes"]).code(0).out);
    assert_eq!(shop.sql("shop", "SELECT count(*) FROM sale_order"), ["0"]);
    let _ = shop.run(&["undo", &run, "--yes"]).code(0);
    assert_eq!(everything(&shop), before);
}

#[test]
fn what_has_no_undo_is_told_and_wanted() {
    let shop = shop();
    let before = everything(&shop);
    for (text, why) in [
        ("UPDATE stat SET n = 0", "stat: its table has no primary key"),
        ("ALTER TABLE sale_order ADD x integer", "it alters definitions: table sale_order"),
        ("DO $$ BEGIN EXECUTE 'DROP TABLE sale_order_tag_rel'; END $$", "table sale_order_tag_rel"),
        ("CREATE TEMP TABLE t AS SELECT 1 AS n; DROP TABLE t; UPDATE stat SET n = 0", "stat"),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "function f"),
        ("COMMENT ON TABLE sale_order IS 'x'", "pg_description"),
        ("ALTER TABLE sale_order ALTER note SET DEFAULT 'x'", "table sale_order"),
        (
            "ALTER TABLE sale_order_tag_rel DROP CONSTRAINT sale_order_tag_rel_pkey",
            "constraint sale_order_tag_rel_pkey",
        ),
    ] {
        let said =
            shop.run(&["sql", "-c", text, "--apply", "--yes"]).code(3).says(why).says("--without-undo");
        assert!(!said.all().contains("table t,"), "{}", said.all());
    }
    assert_eq!(everything(&shop), before);
    let text = "CREATE TEMP TABLE old AS SELECT id FROM sale_order WHERE id < 5; \
         UPDATE sale_order SET note = 'old' WHERE id IN (SELECT id FROM old)";
    let run = run_of(&shop.run(&["sql", "-c", text, "--apply", "--yes"]).code(0).out);
    let _ = shop.run(&["undo", &run, "--yes"]).code(0);
    assert_eq!(everything(&shop), before);
    let run = run_of(
        &shop.run(&["sql", "-c", "UPDATE stat SET n = 7", "--apply", "--without-undo", "--yes"]).code(0).out,
    );
    assert_eq!(shop.sql("shop", "SELECT n FROM stat"), ["7"]);
    let _ = shop.run(&["undo", &run, "--yes"]).code(0).says("Not taken back");
    assert_eq!(shop.sql("shop", "SELECT n FROM stat"), ["7"]);
}

#[test]
fn what_goes_wrong_is_told_with_its_line() {
    let shop = shop();
    let before = everything(&shop);
    shop.write(
        "bad.sql",
        "UPDATE sale_order SET note = 'x';\n\n-- here\nDELETE FROM sale_order\n  WHERE nothing = 1;\n",
    );
    let _ = shop.run(&["sql", "bad.sql"]).code(1).says("bad.sql:5:9").says("42703").says("taken back");
    let double = "INSERT INTO res_users (id, login) VALUES (1, 'a')";
    let _ = shop.run(&["sql", "-c", double]).code(1).says("23505").says("(id)=(1) already exists");
    shop.write("not.sql", "DELETE FROM sale_order;\nVACUUM sale_order;\n\\i more.sql\n");
    let said =
        shop.run(&["sql", "not.sql", "--apply", "--yes"]).code(3).says("not.sql:2:1").says("not.sql:3:1");
    let _ = said.says("Nothing was run");
    as_app(&shop, "CREATE PROCEDURE tidy() LANGUAGE plpgsql AS 'BEGIN DELETE FROM stat; COMMIT; END'");
    let _ = shop.run(&["sql", "-c", "CALL tidy()"]).code(3).says("the procedure tidy ends transactions");
    // Somebody else is at work on the table.
    let lock = "BEGIN; LOCK TABLE sale_order_line; SELECT pg_sleep(6)";
    let mut other = psql(&shop, "shop").args(["-c", lock]).stdout(Stdio::null()).spawn().unwrap();
    let active =
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'BEGIN; LOCK%' AND wait_event = 'PgSleep'";
    crate::stack::wait_for(|| shop.sql("postgres", active) == ["1"]);
    let begun = Instant::now();
    let _ =
        shop.run(&["sql", "-c", "DELETE FROM sale_order_line", "--lock-timeout", "1"]).code(1).says("55P03");
    assert!(begun.elapsed() < Duration::from_secs(4));
    let _ = other.wait();
    let _ = shop.run(&["sql", "-c", "SELECT pg_sleep(9)", "--timeout", "1"]).code(1).says("--timeout");
    assert_eq!(everything(&shop), before);
}

#[test]
fn it_is_run_only_as_it_was_shown() {
    let shop = shop();
    let text = "UPDATE sale_order SET note = 'x' WHERE state = 'sale' AND id < 100";
    let _ = shop.run(&["sql", "-c", text, "--apply", "--save-plan", "plan.json"]).code(0);
    as_app(&shop, "UPDATE sale_order SET state = 'done' WHERE id = 7");
    let before = everything(&shop);
    let _ = shop
        .run(&["apply", "plan.json", "--yes"])
        .code(3)
        .says("sale_order: now 98 updated; when it was shown, 99 updated");
    assert_eq!(everything(&shop), before);
    let _ = shop.run(&["apply", "--abandon"]).code(0);
    // A check of the project holds, or nothing is done.
    let yaml = shop.read("odpm.yaml");
    shop.write(
        "odpm.yaml",
        &format!("{yaml}checks:\n  named: SELECT id FROM sale_order WHERE name IS NULL\n"),
    );
    let text = "UPDATE sale_order SET name = NULL WHERE id = 3";
    let _ = shop.run(&["sql", "-c", text]).code(0).says("named: 1 rows, the first: 3");
    let _ = shop.run(&["sql", "-c", text, "--apply", "--yes"]).code(3).says("break what has to hold");
    assert_eq!(everything(&shop), before);
}

const COUNT: &str = "UPDATE res_partner SET score = score + 1 WHERE id <= 20";

fn counted(shop: &Sandbox) -> String {
    shop.sql("shop", "SELECT round(sum(score)) FROM res_partner WHERE id <= 20").remove(0)
}

/// The one unfinished run's file.
fn journal(shop: &Sandbox) -> std::path::PathBuf {
    let listing = std::fs::read_dir(shop.path(".odpm/journal")).unwrap().flatten().map(|entry| entry.path());
    let mut found: Vec<_> =
        listing.filter(|path| path.extension().is_some_and(|end| end == "jsonl")).collect();
    // Two may begin within a second: their names do not tell which is the later one.
    found.sort_by_key(|path| path.metadata().unwrap().modified().unwrap());
    found.pop().unwrap()
}

#[test]
fn killed_before_its_commit_it_is_run_once_by_the_resume() {
    let shop = shop();
    shop.write("count.sql", &format!("{COUNT};\nSELECT pg_sleep(2);\n"));
    let before = counted(&shop);
    let mut child =
        shop.command(&["sql", "count.sql", "--apply", "--yes"]).stdout(Stdio::null()).spawn().unwrap();
    crate::stack::wait_for(|| {
        std::fs::read_to_string(journal(&shop)).is_ok_and(|text| text.contains("\"run-script\",\"attempt\""))
    });
    let asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    crate::stack::wait_for(|| shop.sql("postgres", asleep) == ["1"]);
    child.kill().unwrap();
    let _ = child.wait();
    assert_eq!(counted(&shop), before);
    // It had named a transaction that came to nothing.
    let number = shop.sql("shop", "BEGIN; SELECT pg_current_xact_id(); ROLLBACK").remove(0);
    let run = journal(&shop).file_stem().unwrap().to_str().unwrap().to_owned();
    shop.write(&format!(".odpm/scripts/{run}.attempt.json"), &format!("{{\"transaction\": \"{number}\"}}"));
    let _ = shop.run(&["apply", "--resume", "--yes"]).code(0);
    let once: f64 = before.parse::<f64>().unwrap() + 20.0;
    assert_eq!(counted(&shop).parse::<f64>().unwrap(), once);
    let _ = shop.run(&["undo", &run, "--yes"]).code(0);
    assert_eq!(counted(&shop), before);
}

#[test]
fn killed_after_its_commit_it_is_not_run_again() {
    let shop = shop();
    let before = counted(&shop);
    let run = run_of(&shop.run(&["sql", "-c", COUNT, "--apply", "--yes"]).code(0).out);
    let after = counted(&shop);
    assert_ne!(after, before);
    // The journal as a kill right after the commit leaves it.
    let text = std::fs::read_to_string(journal(&shop)).unwrap();
    let begun: Vec<&str> =
        text.lines().take_while(|line| !line.contains("\"record\":\"finished\"")).collect();
    assert_eq!(begun.len() + 2, text.lines().count(), "{text}");
    std::fs::write(journal(&shop), begun.join("\n") + "\n").unwrap();
    for _ in 0..2 {
        let _ = shop.run(&["sql", "-c", COUNT, "--apply", "--yes"]).code(3).says("is not finished");
    }
    let _ = shop.run(&["apply", "--resume", "--yes"]).code(0).says("had been committed");
    assert_eq!(counted(&shop), after, "never twice");
    let _ = shop.run(&["undo", &run, "--yes"]).code(0);
    assert_eq!(counted(&shop), before);
    // A number that the server does not know is no leave to run it again.
    let _ = shop.run(&["sql", "-c", COUNT, "--apply", "--yes"]).code(0);
    let text = std::fs::read_to_string(journal(&shop)).unwrap();
    let begun: Vec<&str> =
        text.lines().take_while(|line| !line.contains("\"record\":\"finished\"")).collect();
    std::fs::write(journal(&shop), begun.join("\n") + "\n").unwrap();
    let run = journal(&shop).file_stem().unwrap().to_str().unwrap().to_owned();
    shop.write(&format!(".odpm/scripts/{run}.attempt.json"), "{\"transaction\": \"999999999\"}");
    let _ = shop.run(&["apply", "--resume", "--yes"]).code(1);
    assert_eq!(counted(&shop), after);
}
