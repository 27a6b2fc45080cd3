//! Migrations that cannot be, or that are cut off in the middle: production stays as it was, and that is said.

use std::fs;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::migrate_pair::{migrate, pair, rows};
use crate::migrate_plan::ask;
use crate::sandbox::Sandbox;
use crate::shop::{content, files, names, psql, stored};
use crate::stack::wait_for;

/// What is wrong with the pair, in which database; what mends it; how it is told.
const WRONG: [(&str, &str, &str, &str); 6] = [
    (
        "prod",
        "UPDATE ir_module_module SET latest_version = '18.0.1.2' WHERE name = 'stock'",
        "UPDATE ir_module_module SET latest_version = '18.0.1.1' WHERE name = 'stock'",
        "module stock: 18.0.1.1 on the source, 18.0.1.2 on the target",
    ),
    (
        "prod",
        "UPDATE ir_module_module SET state = 'uninstalled' WHERE name = 'stock'",
        "UPDATE ir_module_module SET state = 'installed' WHERE name = 'stock'",
        "module stock: 18.0.1.1 on the source, none on the target",
    ),
    (
        "staging",
        "ALTER TABLE product_template ADD x_colour varchar",
        "ALTER TABLE product_template DROP x_colour",
        "product_template.x_colour: character varying on the source, none on the target",
    ),
    (
        "prod",
        "ALTER TABLE product_template ADD x_colour varchar",
        "ALTER TABLE product_template DROP x_colour",
        "product_template.x_colour: none on the source, character varying on the target",
    ),
    (
        "staging",
        "SELECT lo_create(4711); ALTER TABLE product_tag ADD lo oid",
        "SELECT lo_unlink(4711); ALTER TABLE product_tag DROP lo",
        "product_tag.lo refers to large objects, which are not copied",
    ),
    (
        "prod",
        "UPDATE product_tag SET name = 'old' WHERE id = 4",
        "UPDATE product_tag SET name = 'other' WHERE id = 4",
        "product_tag: row 2 of the source and row 4 of the target both have [\"old\"]",
    ),
];

#[test]
fn what_cannot_be_is_told_and_nothing_is_written() {
    let shop = pair();
    let before = content(&shop, "prod");
    for (database, sql, back, told) in WRONG {
        let said = |sql: &str| shop.try_sql(database, sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
        let _ = said(sql);
        let _ = shop.run(&migrate(&[])).code(3).says(told);
        let _ = said(back);
    }
    let with =
        |words: &[&str]| shop.run(&[&["migrate", "apply", "--set", "e-commerce", "--yes"], words].concat());
    let _ = with(&["--from", "prod", "--to", "prod"]).code(3).says("source and target are the same database");
    let stop = with(&["--from", "staging", "--to", "prod"]).code(3);
    let stop = stop.says("res_partner 7: Ana on the source, Bob on the target");
    let _ =
        stop.says("product_template.vendor_id -> res_partner: 1 row").says("1 missing in the source, too");

    let mut somebody =
        psql(&shop, "prod").args(["-c", "SELECT pg_sleep(600)"]).stdout(Stdio::null()).spawn().unwrap();
    wait_for(|| shop.sql("prod", "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == ["1"]);
    let _ = shop.run(&migrate(&[])).code(3).says("the target prod is in use").says("psql as odoo");
    let _ = somebody.kill();
    let _ = somebody.wait();
    content(&shop, "prod").is_that_of(&before, "nothing was written");
}

/// Whoever writes products to production waits as long as a file is there.
fn hold(shop: &Sandbox) {
    fs::write(shop.data().join("hold"), "").unwrap();
    let wait = "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN \
        WHILE (pg_stat_file('hold', true)).size IS NOT NULL LOOP PERFORM pg_sleep(0.02); END LOOP; RETURN NULL; END $$; \
        CREATE TRIGGER wait BEFORE INSERT ON product_template FOR EACH STATEMENT EXECUTE FUNCTION wait()";
    let _ = shop.sql("prod", wait);
}

fn let_go(shop: &Sandbox) {
    fs::remove_file(shop.data().join("hold")).unwrap();
}

const WAITS: &str =
    "SELECT pid FROM pg_stat_activity WHERE application_name = 'odpm' AND wait_event = 'PgSleep'";

/// A migration that is in the middle of its rows.
fn in_the_middle(shop: &Sandbox, more: &[&str]) -> std::process::Child {
    let mut command = shop.command(&migrate(more));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(|| !shop.sql("postgres", WAITS).is_empty());
    child
}

#[test]
fn a_lost_connection_leaves_production_as_it_was() {
    let shop = pair();
    hold(&shop);
    let before = content(&shop, "prod");
    for whose in ["prod", "staging"] {
        let child = in_the_middle(&shop, &[]);
        let ended = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'odpm' AND datname = '{whose}'"
        );
        assert!(!shop.sql("postgres", &ended).is_empty());
        if whose == "staging" {
            // The target is at work still, and finds out when it wants more.
            let_go(&shop);
        }
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("Nothing was changed in prod: all of it is one transaction."), "{told}");
        content(&shop, "prod").is_that_of(&before, whose);
        let _ = shop.run(&["apply", "--abandon"]).code(0);
        fs::write(shop.data().join("hold"), "").unwrap();
    }
}

#[test]
fn killed_in_the_middle_it_is_given_up_or_brought_to_its_end() {
    for more in [&[][..], &["--staged", "--jobs", "2"]] {
        let shop = pair();
        hold(&shop);
        let before = content(&shop, "prod");
        for how in ["--abandon", "--resume"] {
            let mut child = in_the_middle(&shop, more);
            kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
            let _ = child.wait();
            let_go(&shop);
            let _ = shop.run(&["plan"]).says("is not finished");
            if how == "--resume" {
                let _ = shop.run(&["apply", "--resume", "--yes"]).code(0);
                let _ = shop.run(&["migrate", "verify", "-d", "prod", "--all", "--deep"]).code(0);
                assert_eq!(rows(&shop, "prod", "SELECT count(*) FROM product_template"), ["2"]);
                continue;
            }
            let mut said = shop.run(&["apply", "--abandon"]).code(0);
            if more.is_empty() {
                said = said.says("No row was committed: the tables of prod are as they were.");
                // Files came before their rows, which do not come any more.
                said = said.says("2 files that had come: left to Odoo's clean-up");
                let names: Vec<_> = stored(&shop, "prod").into_keys().collect();
                let (marks, files): (Vec<_>, Vec<_>) =
                    names.iter().partition(|name| name.starts_with("checklist"));
                assert!(
                    files.len() == 2
                        && files.iter().all(|name| {
                            marks.iter().any(|mark| **mark == std::path::Path::new("checklist").join(name))
                        }),
                    "{names:?}"
                );
            } else {
                let said = said.says("prod takes connections again.").says("odpm database prune");
                let _ = said.says("odpm_mig_");
                let _ = shop.run(&["database", "prune", "--yes"]).code(0);
            }
            wait_for(|| {
                shop.sql("postgres", "SELECT 1 FROM pg_stat_activity WHERE application_name = 'odpm'")
                    .is_empty()
            });
            assert_eq!(names(&shop), ["prod", "staging"]);
            content(&shop, "prod").is_that_of(&before, "given up");
            assert_eq!(rows(&shop, "prod", "SELECT count(*) FROM product_template"), ["0"]);
            fs::write(shop.data().join("hold"), "").unwrap();
        }
    }
}

#[test]
fn files_that_cannot_be_handed_over_keep_no_run_from_being_given_up() {
    let shop = pair();
    hold(&shop);
    let mut child = in_the_middle(&shop, &[]);
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    let _ = child.wait();
    let_go(&shop);
    // Where Odoo looks for what it may remove, nothing can be written.
    fs::write(files(&shop, "prod").join("checklist"), "").unwrap();
    let said = shop.run(&["apply", "--abandon"]).code(0).says("files that had come stay in");
    let said = said.says("is given up");
    assert!(!said.all().contains("database list"), "{}", said.all());
}

#[test]
fn a_database_that_has_changed_since_the_plan_is_told_before_anything_long_begins() {
    let shop = pair();
    for (database, told) in [
        ("prod", "the target has changed since the plan"),
        ("staging", "the source has rows that came after"),
    ] {
        let _ = shop.run(&migrate(&["--save-plan", "m.plan"])).code(0);
        let _ = ask(&shop, database, "INSERT INTO product_tag (id, name) VALUES (700, 'later')");
        let said = shop.run(&["apply", "m.plan", "--yes"]).code(3).says(told);
        assert!(said.err.contains("1/") && !said.err.contains("2/"), "{}", said.all());
        assert!(fs::read_dir(shop.path("backups")).map_or(true, |mut all| all.next().is_none()));
        // Nothing has happened to production yet.
        let _ = shop.run(&["apply", "--abandon"]).code(0);
        let _ = ask(&shop, database, "DELETE FROM product_tag WHERE id = 700");
    }
}
