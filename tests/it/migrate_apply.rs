//! A migration from its plan to its end, and back.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::migrate_pair::{command, migrate, pair, rows};
use crate::migrate_plan::ask;
use crate::sandbox::{Sandbox, skipped};
use crate::shop::{content, files, names, stored};

const OWN: &str = "SELECT module, name, model, res_id, noupdate FROM ir_model_data ORDER BY 1, 2";
const IDENTITY: &str = "SELECT key, value FROM ir_config_parameter ORDER BY 1";

/// Whether all references of production lead somewhere, all sequences are ahead, and all files are what they are called.
fn is_sound(shop: &Sandbox) {
    let _ = shop.run(&["migrate", "verify", "-d", "prod", "--all", "--deep"]).code(0);
}

/// What was production's own is there as it was.
fn keeps(shop: &Sandbox, own: &[String], identity: &[String]) {
    let now: BTreeSet<String> = rows(shop, "prod", OWN).into_iter().collect();
    assert!(own.iter().all(|row| now.contains(row)), "{own:?}\n{now:?}");
    assert_eq!(rows(shop, "prod", IDENTITY), identity);
}

#[test]
fn a_migration_takes_two_commands_and_one_leads_back() {
    let shop = pair();
    let (before, source) = (content(&shop, "prod"), content(&shop, "staging"));
    let (own, identity) = (rows(&shop, "prod", OWN), rows(&shop, "prod", IDENTITY));
    let shown = shop.run(&migrate(&["--plan"])).code(0);
    let shown = shown.says("tables from staging to prod").says("Written over, with rows of its own: prod");
    assert!(!shown.all().contains("transfer.json"), "{}", shown.all());
    content(&shop, "prod").is_that_of(&before, "a plan writes nothing");

    let said = shop.run(&migrate(&[])).code(0);
    is_sound(&shop);
    keeps(&shop, &own, &identity);
    content(&shop, "staging").is_that_of(&source, "the source is only read");
    let templates = "SELECT t.name->>'en_US', c.name, t.weight, t.double_weight FROM product_template t JOIN product_category c ON c.id = t.categ_id ORDER BY 1";
    assert_eq!(rows(&shop, "prod", templates), ["Hammer|All|2|4", "Saw|Tools|3|6"]);
    let partners = "SELECT name, (SELECT name FROM res_partner q WHERE q.id = p.parent_id) FROM res_partner p ORDER BY 1";
    assert_eq!(rows(&shop, "prod", partners), ["Ana|", "Ana at work|Ana", "Bob|", "Shop|"]);
    assert_eq!(rows(&shop, "prod", "SELECT nextval('res_partner_id_seq') > max(id) FROM res_partner"), ["t"]);
    assert_eq!(stored(&shop, "prod").len(), 2);

    let compared = shop.run(&["migrate", "verify", "--from", "staging", "--to", "prod"]).code(0);
    let _ = compared.says("copied from staging to prod are the same on both sides.");
    let _ = shop.sql("prod", "UPDATE product_template SET weight = 9 WHERE weight = 3");
    let altered = shop.run(&["migrate", "verify", "--from", "staging", "--to", "prod"]).code(3);
    let _ = altered.says("product_template: 2 rows in staging, with other values");
    let _ = shop.sql("prod", "UPDATE product_template SET weight = 3 WHERE weight = 9");
    let once = content(&shop, "prod");
    let _ = shop.run(&migrate(&[])).code(0).says("0 new rows in");
    content(&shop, "prod").is_that_of(&once, "the second time nothing is new");

    // The first run's words lead back to what was there before it.
    let mut back = command(&said, "To go back to prod as it was before");
    back.push("--yes".to_owned());
    let back: Vec<&str> = back.iter().map(String::as_str).collect();
    let _ = shop.run(&back).code(0);
    content(&shop, "prod").is_that_of(&before, "the way back");
    let undone = shop.run(&["undo", &run_of(&said.out), "--yes"]);
    let _ = undone.says("copied rows stay").says("odpm database restore");
}

/// The run that an answer tells of at its end.
fn run_of(out: &str) -> String {
    let done = out.lines().find_map(|line| line.strip_prefix("Done: migrate apply (")).unwrap();
    done.split(')').next().unwrap().to_owned()
}

#[test]
fn in_stages_the_old_database_is_kept_and_comes_back() {
    let shop = pair();
    fs::create_dir_all(files(&shop, "prod").join("aa")).unwrap();
    fs::write(files(&shop, "prod").join("aa/own"), "own").unwrap();
    let before = content(&shop, "prod");
    let (own, identity) = (rows(&shop, "prod", OWN), rows(&shop, "prod", IDENTITY));
    for jobs in ["1", "3"] {
        let said = shop.run(&migrate(&["--staged", "--jobs", jobs])).code(0);
        is_sound(&shop);
        keeps(&shop, &own, &identity);
        assert_eq!(stored(&shop, "prod").len(), 3, "{}", said.all());
        let all = names(&shop);
        let kept: Vec<&String> = all.iter().filter(|name| name.starts_with("odpm_")).collect();
        assert_eq!(kept.len(), 1, "{all:?}");
        assert!(said.all().contains(&format!("prod as it was is kept as {}", kept[0])), "{}", said.all());
        assert_eq!(stored(&shop, kept[0]).len(), 1);
        let mut back = command(&said, "To go back to it:");
        back.push("--yes".to_owned());
        let back: Vec<&str> = back.iter().map(String::as_str).collect();
        let _ = shop.run(&back).code(0);
        content(&shop, "prod").is_that_of(&before, "the way back");
        assert_eq!(stored(&shop, "prod").len(), 1);
        let _ = shop.run(&["database", "prune", "--yes"]).code(0);
        assert_eq!(names(&shop), ["prod", "staging"]);
    }
}

#[test]
fn rows_that_are_made_equal_keep_the_values_of_companies_that_the_target_alone_has() {
    for how in [&[][..], &["--staged"]] {
        let shop = pair();
        for (database, rows) in [
            ("staging", "(5, 'Empty', '5/', NULL), (6, 'Full', '6/', '{\"1\": 31}')"),
            ("prod", "(5, 'Empty', '5/', '{\"1\": 41, \"2\": 41}'), (6, 'Full', '6/', '{\"2\": null}')"),
        ] {
            let sql = format!(
                "INSERT INTO product_category (id, name, parent_path, account_id) VALUES {rows};
                INSERT INTO ir_model_data (module, name, model, res_id) VALUES ('x', 'five', 'product.category', 5), ('x', 'six', 'product.category', 6)"
            );
            let _ = ask(&shop, database, &sql);
        }
        let second = "INSERT INTO res_company VALUES (2, 'Second', 5); UPDATE product_category SET account_id = '{\"2\": 41}' WHERE id = 3";
        let _ = ask(&shop, "prod", second);
        let _ = shop.run(&migrate(how)).code(0).says("are the same on both sides");
        let values = "SELECT id, account_id FROM product_category WHERE id IN (3, 5, 6) ORDER BY 1";
        let all = [r#"3|{"1": 41, "2": 41}"#, r#"5|{"2": 41}"#, r#"6|{"1": 41, "2": null}"#];
        assert_eq!(rows(&shop, "prod", values), all);
        let _ = shop.run(&["migrate", "verify", "--from", "staging", "--to", "prod"]).code(0);
        if how.is_empty() {
            // Whose company comes after the plan loses nothing either.
            let table = ["--from", "staging", "--to", "prod", "--table", "product_category"];
            let decided = ["--reference", "product_category.account_id=null", "--save-plan", "c.plan"];
            let _ = shop.run(&[&["migrate", "plan"][..], &table, &decided].concat()).code(0);
            let third = "INSERT INTO res_company VALUES (3, 'Third', 5); UPDATE product_category SET account_id = '{\"3\": 41}' WHERE id = 5";
            let _ = ask(&shop, "prod", third);
            let said = shop.run(&["apply", "c.plan", "--yes"]).code(3);
            let _ =
                said.says("the target has changed since the plan was made").says("res_company has 3 rows");
        }
    }
}

#[test]
fn a_target_that_somebody_works_with_is_named() {
    let shop = pair();
    // Source and target have changed places.
    shop.describe("database: staging", "");
    let swapped = ["migrate", "apply", "--from", "prod", "--table", "product_tag", "--yes"];
    let before = content(&shop, "staging");
    let said = shop.run(&swapped).code(3).says("staging has rows of its own, which may be written over");
    let _ = said.says("the target holds 1 row of sale_order").says("--confirm=staging");
    content(&shop, "staging").is_that_of(&before, "nobody has agreed");
    let _ = shop.run(&[&swapped[..], &["--confirm=prod"]].concat()).code(3);
    // A saved plan asks for what its command would have asked for, whoever carries it out.
    let save = |more: &[&str]| {
        let swapped =
            ["migrate", "plan", "--from", "prod", "--table", "product_tag", "--conflicts", "renumber"];
        shop.run(&[&swapped[..], &["--save-plan", "s.plan"], more].concat()).code(0)
    };
    let applied: [&[&str]; 2] = [&["apply", "s.plan", "--yes"], &["migrate", "apply", "s.plan", "--yes"]];
    let _ = save(&[]);
    for apply in applied {
        let _ = shop.run(apply).code(3).says("staging has rows of its own, which may be written over");
        let _ = shop.run(&[apply, &["--confirm=prod"]].concat()).code(3);
    }
    content(&shop, "staging").is_that_of(&before, "nobody has agreed");
    for apply in applied {
        let _ = save(&["--to", "staging"]);
        let _ = shop.run(apply).code(0);
    }
    let _ = shop.run(&[&swapped[..], &["--confirm=staging", "--conflicts", "renumber"]].concat()).code(0);
}

/// A digest of the rows of a table that its columns have on both sides.
fn digest(shop: &Sandbox, database: &str, table: &str, only: &str) -> String {
    let sql = format!(
        "SELECT count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)), 0) FROM (SELECT * FROM \"{table}\" s {only}) t"
    );
    shop.sql(database, &sql).remove(0)
}

/// The real databases, where `ODPM_TEST_BACKUPS` names a folder with their backups.
#[test]
fn the_real_staging_goes_to_the_real_production() {
    let folder = std::env::var_os("ODPM_TEST_BACKUPS").map(std::path::PathBuf::from);
    let zips = folder.map(|folder| ["staging", "prod"].map(|name| folder.join(format!("{name}18.zip"))));
    let Some(zips) = zips.filter(|zips| zips.iter().all(|zip| zip.exists())) else {
        return skipped("ODPM_TEST_BACKUPS names no folder with staging18.zip and prod18.zip");
    };
    let shop = Sandbox::with("database: prod", "");
    let _ = shop.apply();
    for (zip, name) in zips.iter().zip(["staging", "prod"]) {
        let _ = shop.run(&["database", "restore", &zip.display().to_string(), "-d", name, "--yes"]).code(0);
    }
    let before = content(&shop, "prod");
    let (own, identity) = (rows(&shop, "prod", OWN), rows(&shop, "prod", IDENTITY));
    let plan =
        shop.json(&["migrate", "plan", "--from", "staging", "--set", "e-commerce", "--format", "json"]);
    let copied = plan["tables"].as_array().unwrap();
    let apply = ["migrate", "apply", "--from", "staging", "--to", "prod", "--set", "e-commerce", "--yes"];
    let equal = || {
        for table in copied.iter().filter(|table| table["stay"] == 0 && table["shared"] == "take") {
            let name = table["table"].as_str().unwrap();
            let both = ["staging", "prod"].map(|database| digest(&shop, database, name, ""));
            assert_eq!(both[0], both[1], "{name}");
        }
    };
    assert!(copied.len() > 40, "{copied:?}");
    let whole = copied.iter().filter(|table| table["stay"] == 0 && table["rows"] != 0).count();
    assert!(whole > 30, "{whole} of {}", copied.len());

    let _ = shop.run(&[&apply[..], &["--staged"]].concat()).code(0).says("To go back to it: odpm undo");
    equal();
    is_sound(&shop);
    keeps(&shop, &own, &identity);
    let _ = shop.run(&["undo", &shop.last_run(), "--yes", "--confirm=prod"]).code(0);
    content(&shop, "prod").is_that_of(&before, "the way back");

    let _ = shop.run(&apply).code(0);
    equal();
    is_sound(&shop);
    keeps(&shop, &own, &identity);
    let once = content(&shop, "prod");
    let _ = shop.run(&apply).code(0).says("0 new rows in");
    content(&shop, "prod").is_that_of(&once, "the second time nothing is new");
}

#[test]
fn fields_are_computed_in_batches_and_gone_on_with() {
    let shop = pair();
    shop.write("odoo-src/odoo-bin", include_str!("recompute_odoo.py"));
    let services = "services: {odoo: {replicas: 0}, odoo-cron: {replicas: 0}}";
    shop.describe(&format!("database: prod\nsource: ./odoo-src\n{services}"), "");
    let _ = shop.apply();
    fs::set_permissions(shop.path("odoo-src"), fs::Permissions::from_mode(0o777)).unwrap();
    shop.write("odoo-src/fails", "");
    let said = shop.run(&migrate(&[])).code(1).says("1 field could not be computed anew");
    let said = said.says("no such category (ids 11 to 20)").says("odpm apply --resume");
    let _ = said.says("To go back to prod as it was before");
    let run = shop.last_run();
    let progress = shop.read(&format!(".odpm/migrations/{run}/recompute.json"));
    assert_eq!(progress, r#"{"product.category.complete_name":10}"#);
    // What was copied is committed, and stays.
    assert_eq!(rows(&shop, "prod", "SELECT count(*) FROM product_template"), ["2"]);
    fs::remove_file(shop.path("odoo-src/fails")).unwrap();
    let _ = shop.run(&["apply", "--resume", "--yes"]).code(0).says("20 values in 1 field");
    let asked = shop.read("odoo-src/asked.jsonl");
    let asked: Vec<Value> = asked.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let seen: Vec<_> = asked.iter().map(|one| (one["last"].clone(), one["done"].clone())).collect();
    assert_eq!(seen, [(json!(0), json!([10])), (json!(10), json!([20, 30]))]);
    let tables = asked[0]["tables"].as_array().unwrap();
    assert!(
        tables.contains(&json!("product_category")) && !tables.contains(&json!("sale_order")),
        "{tables:?}"
    );
}
