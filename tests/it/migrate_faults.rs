//! What goes wrong while rows go from one database to another: production is as it was, and that is told.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use odpm::facts::{TableCopy, Transfer, TransferCheck};

use crate::migrate_copy::{both, definitions, go, identity, plan, transfer, whole};
use crate::sandbox::{Sandbox, is_root, skipped};
use crate::shop::content;

/// Nothing but the numbers that sequences have given away.
#[track_caller]
fn as_before(shop: &Sandbox, before: &BTreeMap<String, Vec<String>>) {
    let now = state(shop);
    for (what, rows) in before {
        assert!(now.get(what) == Some(rows), "{what} is not as it was");
    }
}

fn state(shop: &Sandbox) -> BTreeMap<String, Vec<String>> {
    let tables = [
        "shop_category",
        "shop_tag",
        "shop_product",
        "shop_variant",
        "shop_product_tag_rel",
        "shop_loose_rel",
        "\"shop \"\"note\"",
        "ir_model_data",
    ];
    let mut all: BTreeMap<String, Vec<String>> = tables
        .iter()
        .map(|table| {
            ((*table).to_owned(), shop.sql("prod", &format!("SELECT t::text FROM {table} t ORDER BY 1")))
        })
        .collect();
    all.insert("definitions".into(), definitions(shop, "prod"));
    let sequences = "SELECT sequencename || ' ' || coalesce(last_value, 0) FROM pg_sequences WHERE sequencename <> 'ir_model_data_id_seq' ORDER BY 1";
    all.insert("sequences".into(), shop.sql("prod", sequences));
    all
}

/// Where something goes wrong, the SQL that makes it so and that takes it back, or what is copied instead; and what is told.
type Case = (&'static str, &'static str, &'static str, fn(&mut Transfer), &'static [&'static str]);

#[test]
fn whatever_fails_production_is_as_it_was() {
    let shop = both();
    let good = transfer(&shop);
    let cases: [Case; 8] = [
        (
            "prod",
            "INSERT INTO shop_tag (id, name) VALUES (100, '{}')",
            "DELETE FROM shop_tag WHERE id = 100",
            |_| (),
            &["has changed since the plan", "shop_tag has 2 rows up to 100, it had 1 up to 1"],
        ),
        (
            "prod",
            "SELECT 1",
            "SELECT 1",
            |t| {
                t.checks.push(TransferCheck {
                    what: "no cheap ones".into(),
                    sql: "SELECT 3, id, price FROM shop_product WHERE id < 3 ORDER BY id;".into(),
                })
            },
            &["would break 1 of what has to hold", "no cheap ones: 3, 1, 0.3", "3, 2, 0.6"],
        ),
        (
            "staging",
            "UPDATE shop_product SET code = 'mine' WHERE id = 9",
            "UPDATE shop_product SET code = 'c''ode 9' WHERE id = 9",
            |_| (),
            &["product_code-uniq", "Key (code)=(mine)"],
        ),
        (
            "staging",
            "SELECT 1",
            "SELECT 1",
            |t| {
                t.tables[3].fresh = Some(
                    "SELECT id, CASE id WHEN 77 THEN 70000 ELSE product_id END, sku FROM shop_variant".into(),
                )
            },
            &["shop_variant_product_id_fkey", "row 77: product_id 70000 is not in \"shop_product\""],
        ),
        (
            "staging",
            "SELECT 1",
            "SELECT 1",
            |t| t.tables[1].columns[1] = "title".into(),
            &["cannot copy shop_tag", "column \"title\"", "make it again"],
        ),
        (
            "staging",
            "SELECT 1",
            "SELECT 1",
            |t| {
                t.tables[6].fresh =
                    Some("SELECT id, \"Body\" FROM \"shop \"\"note\" WHERE 1 / (id - 20) < 9".into())
            },
            &["shop \"note"],
        ),
        (
            "prod",
            "INSERT INTO ir_model_data (module, name, model, res_id) VALUES ('__export__', 'it''s', 'shop.tag', 1)",
            "DELETE FROM ir_model_data WHERE module = '__export__'",
            |_| (),
            &["__export__.it's is another row's on the target: shop.tag 1"],
        ),
        (
            "staging",
            "ALTER SEQUENCE ir_sequence_002 RENAME TO gone",
            "ALTER SEQUENCE gone RENAME TO ir_sequence_002",
            |_| (),
            &["has no sequence ir_sequence_002"],
        ),
    ];
    for (database, breaks, mends, alter, told) in cases {
        let mut broken = good.clone();
        alter(&mut broken);
        let _ = shop.sql(database, breaks);
        let before = state(&shop);
        plan(&shop, &broken, 1);
        let mut said = go(&shop);
        assert_ne!(said.code, 0, "{told:?}");
        for words in told {
            said = said.says(words);
        }
        let _ = said.says("Nothing was changed in prod");
        as_before(&shop, &before);
        let _ = shop.run(&["apply", "--abandon"]);
        let _ = shop.sql(database, mends);
    }
    // The file is another, the source is another, both are one.
    plan(&shop, &good, 1);
    shop.write("transfer.json", "{}");
    let _ = go(&shop).code(3).says("is not what was planned");
    let _ = shop.run(&["apply", "--abandon"]);
    plan(&shop, &good, 1);
    let text = shop.read("a.plan").replace(&identity(&shop, "staging"), "7/7");
    shop.write("a.plan", &text);
    let _ = go(&shop).code(3).says("staging is another database than the one of the plan");
    let _ = shop.run(&["apply", "--abandon"]);
    plan(&shop, &good, 1);
    let text = shop.read("a.plan").replace("\"database\":\"staging\"", "\"database\":\"prod\"");
    shop.write("a.plan", &text.replace(&identity(&shop, "staging"), &identity(&shop, "prod")));
    let _ = go(&shop).code(3).says("source and target are one database");
}

/// Begins, and waits until some of it is written.
fn begun(shop: &Sandbox, database: &str) -> std::process::Child {
    begun_and(shop, "1", "FROM", database)
}

/// Begins, and waits until a connection is seen that copies from or to a database, with what is done to it then.
fn begun_and(shop: &Sandbox, done: &str, direction: &str, database: &str) -> std::process::Child {
    let mut child = shop
        .command(&["apply", "a.plan", "--yes"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let question = format!(
        "SELECT {done} FROM pg_stat_progress_copy c JOIN pg_stat_activity a USING (pid) \
         WHERE c.command = 'COPY {direction}' AND c.tuples_processed > 0 AND a.datname = '{database}'"
    );
    while shop.sql("postgres", &question).is_empty() {
        if child.try_wait().unwrap().is_some() {
            let said = child.wait_with_output().unwrap();
            panic!("it was too quick: {}", String::from_utf8_lossy(&said.stderr));
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing was ever copied");
    }
    child
}

/// Rows that take their time.
fn slow(transfer: &mut Transfer) {
    transfer.tables[3].fresh =
        Some("SELECT id, product_id, sku FROM shop_variant WHERE pg_sleep(0.0003) IS NOT NULL".into());
}

#[test]
fn killed_in_the_middle_nothing_is_there_and_a_resume_brings_all() {
    let shop = both();
    let before = state(&shop);
    let mut transfer = transfer(&shop);
    slow(&mut transfer);
    plan(&shop, &transfer, 1);
    let mut child = begun(&shop, "prod");
    child.kill().unwrap();
    let _ = child.wait();
    as_before(&shop, &before);
    let _ = shop.run(&["plan"]).code(3).says("odpm apply --resume");
    let _ = shop.run(&["apply", "--resume", "--yes"]).code(0).says("are the same on both sides");
    whole(&shop, "prod");
}

#[test]
fn a_server_that_dies_in_the_middle_takes_it_all_back() {
    let shop = both();
    let before = state(&shop);
    let mut transfer = transfer(&shop);
    slow(&mut transfer);
    plan(&shop, &transfer, 1);
    let child = begun(&shop, "prod");
    let pid = shop.server_pid().unwrap().to_string();
    assert!(Command::new("kill").args(["-QUIT", &pid]).status().unwrap().success());
    let said = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&said.stderr).into_owned();
    assert_eq!(said.status.code(), Some(1), "{text}");
    assert!(text.contains("error: cannot ") && text.contains("Nothing was changed in prod"), "{text}");
    let _ = shop.run(&["apply", "--abandon"]);
    let _ = shop.run(&["apply", "--yes"]);
    // A server that comes back skips numbers of sequences that it had set aside.
    let rows = |mut state: BTreeMap<String, Vec<String>>| {
        state.remove("sequences");
        state
    };
    assert!(rows(state(&shop)) == rows(before), "rows or definitions are not as they were");
}

struct Unmount<'a>(&'a Path);

impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[test]
fn a_full_disk_of_the_target_leaves_it_as_it_was() {
    for (jobs, size) in [(1, "14m"), (3, "24m")] {
        let shop = both();
        if !is_root() {
            return skipped("only root may make a small disk");
        }
        let small = shop.path("small");
        fs::create_dir(&small).unwrap();
        let size = format!("size={size},mode=777");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&small).status();
        if !mount.is_ok_and(|status| status.success()) {
            return skipped("this machine mounts no tmpfs");
        }
        let unmount = Unmount(&small);
        let place = small.join("place");
        fs::create_dir(&place).unwrap();
        assert!(Command::new("chown").arg("postgres").arg(&place).status().unwrap().success());
        let _ = shop.sql("postgres", &format!("CREATE TABLESPACE small LOCATION '{}'", place.display()));
        let _ = shop.sql("postgres", "ALTER DATABASE prod SET TABLESPACE small");
        let before = state(&shop);
        let mut transfer = transfer(&shop);
        transfer.tables[2].fresh = transfer.tables[2].fresh.clone().map(|query| {
            query.replacen(
                "\"blob\",",
                "(SELECT string_agg(decode(md5(id::text || g), 'hex'), '') FROM generate_series(1, 200) g),",
                1,
            )
        });
        plan(&shop, &transfer, jobs);
        let said = go(&shop);
        let after = state(&shop);
        // As long as it is there, its pages cannot be written, and no checkpoint comes to an end.
        let _ = shop.sql("postgres", "DROP DATABASE IF EXISTS odpm_copy");
        let _ = shop.sql("postgres", "ALTER DATABASE prod SET TABLESPACE pg_default");
        let _ = shop.sql("postgres", "DROP TABLESPACE small");
        drop(unmount);
        let _ = said.code(1).says("No space left").says("make room on it").says(unchanged(jobs));
        assert_eq!(after, before);
    }
}

/// What is told of production.
fn unchanged(jobs: u16) -> &'static str {
    if jobs == 1 {
        "Nothing was changed in prod"
    } else {
        "prod is as it was; the copy odpm_copy is made anew"
    }
}

#[test]
fn a_connection_that_is_lost_leaves_production_as_it_was_and_a_resume_brings_all() {
    for (jobs, target) in [(1, "prod"), (3, "odpm_copy")] {
        for lost in ["staging", target] {
            let shop = both();
            let before = state(&shop);
            let mut transfer = transfer(&shop);
            slow(&mut transfer);
            plan(&shop, &transfer, jobs);
            let direction = if lost == target { "FROM" } else { "TO" };
            let child = begun_and(&shop, "pg_terminate_backend(c.pid)", direction, lost);
            let said = child.wait_with_output().unwrap();
            let text = String::from_utf8_lossy(&said.stderr).into_owned();
            assert_eq!(said.status.code(), Some(1), "{jobs} {lost}: {text}");
            for words in ["error: cannot ", "see whether both run, then go on", unchanged(jobs)] {
                assert!(text.contains(words), "{jobs} {lost}: {text}");
            }
            as_before(&shop, &before);
            let _ = shop.run(&["apply", "--resume", "--yes"]).code(0).says("are the same on both sides");
            whole(&shop, target);
        }
    }
}

/// One table alone, with rows of a hundred kilobytes.
fn wide(shop: &Sandbox, at: usize, fresh: &str) -> Transfer {
    let mut transfer = transfer(shop);
    let copy = TableCopy {
        fresh: Some(fresh.into()),
        merged: None,
        ahead: Vec::new(),
        ..transfer.tables[at].clone()
    };
    transfer.tables = vec![copy];
    (transfer.xml_ids, transfer.sequences, transfer.checks) = Default::default();
    transfer
}

#[test]
fn what_the_target_refuses_ends_the_copy_long_before_the_source_is_through() {
    let shop = both();
    // The last of ninety megabytes would fail on the source; the first has an id that is taken.
    let fresh = "SELECT CASE n WHEN 1 THEN 1 ELSE n + 1000 + 1 / (n - 900) END, jsonb_build_object('x', repeat('x', 100000)) \
                 FROM generate_series(1, 900) n";
    let transfer = wide(&shop, 1, fresh);
    for jobs in [1, 3] {
        plan(&shop, &transfer, jobs);
        let _ = go(&shop).code(1).says("Key (id)=(1)").says(unchanged(jobs));
        let _ = shop.run(&["apply", "--abandon"]);
    }
}

/// How many kilobytes a process has held at most, so far.
fn peak(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[test]
fn rows_of_any_width_pass_in_slices() {
    let shop = both();
    for (jobs, target) in [(3, "odpm_copy"), (1, "prod")] {
        let _ = fs::remove_dir_all(shop.path("migration"));
        let fresh = "SELECT n, repeat(chr(64 + n % 26), 30000000), NULL::integer, n || '/' FROM generate_series(1001, 1008) n";
        plan(&shop, &wide(&shop, 0, fresh), jobs);
        let mut child = shop.command(&["apply", "a.plan", "--yes"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut most = 0;
        while child.try_wait().unwrap().is_none() {
            most = most.max(peak(child.id()).unwrap_or_default());
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(child.wait().unwrap().success());
        let held = "SELECT count(*), sum(length(name)) FROM shop_category WHERE id > 1000";
        assert_eq!(shop.sql(target, held), ["8|240000000"]);
        assert!(most > 1 << 10 && most < 64 << 10, "{jobs}: {most} kB for rows of 30 MB");
    }
}

#[test]
fn rows_that_refer_to_others_far_behind_them_come_all_the_same() {
    let shop = both();
    let fresh = "SELECT n, repeat('x', 100000), CASE WHEN n < 1600 THEN n + 1 END, n || '/' FROM generate_series(1001, 1600) n";
    let transfer = wide(&shop, 0, fresh);
    plan(&shop, &transfer, 1);
    let _ = go(&shop).code(0).says("600 new rows in 1 table");
    let counted = shop.sql(
        "prod",
        "SELECT count(*), sum(length(name)), count(parent_id) FROM shop_category WHERE id > 1000",
    );
    assert_eq!(counted, ["600|60000000|599"]);
}

#[test]
fn over_several_connections_a_copy_is_filled_and_made_anew_where_one_was_begun() {
    let shop = both();
    let (production, before) = (content(&shop, "prod"), definitions(&shop, "prod"));
    let mut transfer = transfer(&shop);
    slow(&mut transfer);
    plan(&shop, &transfer, 3);
    let mut child = begun(&shop, "odpm_copy");
    child.kill().unwrap();
    let _ = child.wait();
    let _ = shop.run(&["apply", "--resume", "--yes"]).code(0).says("are the same on both sides");
    whole(&shop, "odpm_copy");
    assert_eq!(definitions(&shop, "odpm_copy"), before);
    content(&shop, "prod").is_that_of(&production, "the database in service");
}

/// A function for triggers, and one trigger of a table.
fn trigger(table: &str, when: &str, body: &str) -> String {
    format!(
        "CREATE OR REPLACE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NEW; END $$; \
         CREATE TRIGGER meddles {when} ON {table} FOR EACH ROW EXECUTE FUNCTION meddle()"
    )
}

#[test]
fn what_the_target_makes_of_rows_is_seen_before_it_is_committed() {
    let shop = both();
    let cases = [
        (
            "shop_product",
            "BEFORE INSERT OR UPDATE",
            "IF NEW.id = 2000 THEN NEW.data := '{}'; END IF;",
            "shop_product: 3,000 rows on each, with other values; triggers there: meddles",
            &[1, 3][..],
        ),
        // The target has no rows of its own in it.
        (
            "shop_variant",
            "BEFORE INSERT",
            "IF NEW.id = 77 THEN RETURN NULL; END IF;",
            "shop_variant: 6,000 on the source, 5,999 on the target",
            &[1, 3],
        ),
        // Another table's rows, when its own were in place already.
        (
            "shop_product_tag_rel",
            "AFTER INSERT",
            "UPDATE shop_tag SET name = '{}' WHERE id = 7;",
            "shop_tag: 19 rows on each, with other values",
            // Over several connections which table is first is not known.
            &[1],
        ),
    ];
    for (table, when, body, told, all) in cases {
        let _ = shop.sql("prod", &trigger(table, when, body));
        let before = state(&shop);
        for &jobs in all {
            plan(&shop, &transfer(&shop), jobs);
            let said = go(&shop).code(3).says("1 copied table is not the same").says(told);
            let _ = said.says(unchanged(jobs)).says(match jobs {
                1 => "disable it meanwhile, then go on",
                // Going on makes the copy anew, with its triggers.
                _ => "which opens prod: odpm apply --abandon; disable it there; then make the plan again",
            });
            as_before(&shop, &before);
            let _ = shop.run(&["apply", "--abandon"]);
            let _ = shop.sql("postgres", "DROP DATABASE IF EXISTS odpm_copy");
        }
        let _ = shop.sql("prod", "DROP FUNCTION meddle CASCADE");
    }
    // What it writes beside what comes is its own.
    let own = "IF NEW.id = 1 THEN INSERT INTO shop_variant (id, product_id) VALUES (9000, 1); END IF;";
    let _ = shop.sql("prod", &trigger("shop_variant", "AFTER INSERT", own));
    plan(&shop, &transfer(&shop), 1);
    let _ = go(&shop).code(0).says("are the same on both sides");
    assert_eq!(shop.sql("prod", "SELECT count(*) FROM shop_variant"), ["6001"]);
}

#[test]
fn a_source_that_is_written_to_meanwhile_is_seen_at_one_moment() {
    for (jobs, target) in [(1, "prod"), (3, "odpm_copy")] {
        let shop = both();
        let mut transfer = transfer(&shop);
        slow(&mut transfer);
        plan(&shop, &transfer, jobs);
        let child = begun(&shop, target);
        for write in [
            "UPDATE shop_variant SET sku = 'later ' || id",
            "UPDATE shop_tag SET name = '{}'",
            "DELETE FROM shop_loose_rel",
        ] {
            let _ = shop.sql("staging", write);
        }
        let said = child.wait_with_output().unwrap();
        let text =
            String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
        assert_eq!(said.status.code(), Some(0), "{jobs}: {text}");
        assert!(text.contains("are the same on both sides"), "{jobs}: {text}");
        assert_eq!(shop.sql(target, "SELECT count(*) FROM shop_variant WHERE sku LIKE 'later%'"), ["0"]);
    }
}
