//! What has happened to either database since the plan of a migration, and to a migration since its rows were there.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::{Value, json};

use crate::migrate_copy::{both, go, plan, transfer, whole};
use crate::migrate_pair::{migrate, pair, rows};
use crate::migrate_plan::ask;
use crate::sandbox::Sandbox;
use crate::shop::content;

/// In which database, what somebody does after the plan, what takes it back, and what is told.
const SINCE: [(&str, &str, &str, &str); 6] = [
    (
        "staging",
        r#"UPDATE product_category SET account_id = '{"1": 41}' WHERE id = 2"#,
        r#"UPDATE product_category SET account_id = '{"1": 32, "9": 31}' WHERE id = 2"#,
        "rows of product_category refer to others than they did",
    ),
    (
        "staging",
        "UPDATE product_template SET origin = 'res.partner,1' WHERE id = 100",
        "UPDATE product_template SET origin = 'product.category,1' WHERE id = 100",
        "rows of product_template refer to others than they did",
    ),
    (
        "staging",
        "INSERT INTO product_tag_rel VALUES (100, 2)",
        "DELETE FROM product_tag_rel WHERE product_id = 100 AND tag_id = 2",
        "of product_tag_rel 3 rows would come, 2 were planned",
    ),
    (
        "staging",
        "DELETE FROM product_tag WHERE id = 9",
        "INSERT INTO product_tag VALUES (9, 'gone')",
        "of product_tag 2 rows would come, 3 were planned",
    ),
    (
        "prod",
        "INSERT INTO sale_order (id, name, state) VALUES (1, 'S0001', 'sale')",
        "DELETE FROM sale_order",
        "sale_order has 1 rows up to 1, it had 0 up to 0",
    ),
    (
        "prod",
        "UPDATE ir_sequence SET number_next = 50",
        "UPDATE ir_sequence SET number_next = 3",
        "ir_sequence has given away numbers: the next ones sum up to 50, they did to 3",
    ),
];

#[test]
fn what_would_come_as_something_else_since_the_plan_is_refused() {
    let shop = pair();
    // Production is new. Staging has an account whose number is another account's there, a tag with an xml id, and a writer of products
    // whom others have, too.
    let sequence = "ALTER TABLE ir_sequence ADD number_next integer; UPDATE ir_sequence SET implementation = 'no_gap', number_next = 40";
    let _ = ask(&shop, "staging", sequence);
    let _ = ask(
        &shop,
        "staging",
        r#"INSERT INTO account_account VALUES (41, '{"en_US": "Others"}', '{"1": "7000"}'); INSERT INTO product_tag VALUES (9, 'gone');
        INSERT INTO ir_model_data (module, name, model, res_id) VALUES ('__import__', 'tag', 'product.tag', 9);
        UPDATE product_template SET create_uid = 2 WHERE id = 101"#,
    );
    let _ = ask(&shop, "prod", sequence);
    let _ =
        ask(&shop, "prod", "DELETE FROM sale_order; INSERT INTO ir_sequence VALUES (4, 'out', 'no_gap', 3)");
    let without = ["--without", "account_account", "--save-plan", "m.plan"];
    for (database, since, back, told) in SINCE {
        let _ = shop.run(&migrate(&without)).code(0);
        let before = content(&shop, "prod");
        let _ = ask(&shop, database, since);
        let said = shop.run(&["apply", "m.plan", "--yes"]).code(3).says(told).says("odpm migrate plan");
        assert!(said.err.contains("1/") && !said.err.contains("2/"), "{}", said.all());
        let _ = shop.run(&["apply", "--abandon"]).code(0);
        let _ = ask(&shop, database, back);
        content(&shop, "prod").is_that_of(&before, told);
    }
    // A value that is another one comes as it is then, whoever of those has written it.
    let _ = shop.run(&migrate(&without)).code(0);
    let _ = ask(&shop, "staging", "UPDATE product_template SET weight = 7, create_uid = 2 WHERE id = 100");
    let _ = shop.run(&["apply", "m.plan", "--yes"]).code(0);
    let templates = "SELECT id, weight, create_uid FROM product_template ORDER BY 1";
    assert_eq!(rows(&shop, "prod", templates), ["100|7|2", "101|3|2"]);
}

/// A run that died when its rows were committed, or were about to be: it has written down that it began with them.
fn cut(shop: &Sandbox) {
    let journal = fs::read_dir(shop.path(".odpm/journal")).unwrap().flatten().map(|entry| entry.path());
    let journal = journal.max_by_key(|path| fs::metadata(path).unwrap().modified().unwrap()).unwrap();
    let text = fs::read_to_string(&journal).unwrap();
    let begun = text.lines().position(|line| line.contains("\"started\",\"step\":\"copy-tables\"")).unwrap();
    let cut: String = text.lines().take(begun + 1).map(|line| format!("{line}\n")).collect();
    fs::write(&journal, cut).unwrap();
}

#[test]
fn a_run_is_not_given_up_before_its_server_has_said_whether_the_rows_are_there() {
    let shop = both();
    plan(&shop, &transfer(&shop), 1);
    let _ = go(&shop).code(0);
    cut(&shop);
    let pid = shop.server_pid().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    crate::stack::wait_for(|| !std::path::Path::new("/proc").join(&pid).exists());
    let said = shop.run(&["apply", "--abandon"]).code(1).says("the run is not given up");
    let _ = said.says("then once more: odpm apply --abandon").says("--abandon --confirm=prod");
    let _ = shop.run(&["apply", "--abandon", "--confirm=staging"]).code(1).says("the run is not given up");
    let _ = shop.run(&["plan"]).code(3).says("is not finished");
    let said = shop.run(&["apply", "--abandon", "--confirm=prod"]).code(0);
    let said = said.says("whether prod has the rows cannot be told").says("SELECT pg_xact_status('");
    let _ = said.says("prod was not backed up by this run");
    let _ = shop.run(&["apply", "--yes"]).code(0);
    whole(&shop, "prod");
}

#[test]
fn a_run_whose_server_has_forgotten_it_is_given_up_with_the_way_back() {
    let shop = both();
    plan(&shop, &transfer(&shop), 1);
    let _ = go(&shop).code(0);
    cut(&shop);
    let mut record: Value = serde_json::from_str(&shop.read("migration/copied.json")).unwrap();
    // Older than all that a cluster knows when it is made.
    record["transaction"] = json!("3");
    shop.write("migration/copied.json", &record.to_string());
    let _ =
        shop.run(&["apply", "--resume", "--yes"]).code(3).says("the server has forgotten its transaction");
    let said = shop.run(&["apply", "--abandon"]).code(0).says("its server has forgotten the transaction");
    let said = said.says("Look whether prod has the rows").says("prod was not backed up by this run");
    assert!(!said.all().contains("No row was committed"), "{}", said.all());
}

#[test]
fn rows_that_came_without_what_is_computed_of_them_are_told_and_a_second_run_computes() {
    let shop = pair();
    shop.write("odoo-src/odoo-bin", include_str!("recompute_odoo.py"));
    let services = "services: {odoo: {replicas: 0}, odoo-cron: {replicas: 0}}";
    shop.describe(&format!("database: prod\nsource: ./odoo-src\n{services}"), "");
    let _ = shop.apply();
    fs::set_permissions(shop.path("odoo-src"), fs::Permissions::from_mode(0o777)).unwrap();
    shop.write("odoo-src/fails", "");
    let _ = shop.run(&migrate(&[])).code(1).says("1 field could not be computed anew");
    let said = shop.run(&["apply", "--abandon"]).code(0);
    let said = said.says("Stored fields of the rows in prod are not all computed anew");
    let _ = said.says("To go back to prod as it was before");
    fs::remove_file(shop.path("odoo-src/fails")).unwrap();
    let _ = shop.run(&migrate(&[])).code(0).says("30 values in 1 field");
    let asked = shop.read("odoo-src/asked.jsonl");
    let asked: Vec<Value> = asked.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // Of what has come, what only others had asked for is no longer asked for.
    let tables: Vec<&Value> = asked[1]["tables"].as_array().unwrap().iter().collect();
    for table in ["product_category", "product_template", "res_partner"] {
        assert!(tables.contains(&&json!(table)), "{tables:?}");
    }
    assert_eq!((&asked[1]["last"], &asked[1]["done"]), (&json!(0), &json!([10, 20, 30])));
}
