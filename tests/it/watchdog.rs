//! Snapshots, comparisons and rollbacks on real databases.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::sandbox::{Sandbox, skipped};
use crate::shop::psql;

/// A running project with a catalogue of this many products in its database `shop`.
pub fn catalogue(products: u32, watchdog: &str) -> Sandbox {
    let shop = Sandbox::with("database: shop", watchdog);
    let _ = shop.apply();
    fill(&shop, "shop", products);
    shop
}

pub fn fill(shop: &Sandbox, database: &str, products: u32) {
    let _ = shop.sql("postgres", &format!("CREATE DATABASE \"{database}\" OWNER odoo TEMPLATE template0"));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/catalogue.sql");
    let sizes =
        [format!("products={products}"), format!("quants={products}"), format!("rules={}", products / 3)];
    let mut command = psql(shop, database);
    for size in &sizes {
        let _ = command.args(["-v", size]);
    }
    let output = command.args(["-v", "ON_ERROR_STOP=1", "-f", script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

pub fn sql(shop: &Sandbox, text: &str) -> Vec<String> {
    shop.sql("shop", text)
}

/// The snapshots' files with rows.
pub fn snapshots(shop: &Sandbox) -> Vec<PathBuf> {
    let entries = fs::read_dir(shop.path(".odpm/snapshots")).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path()).filter(|path| path.to_string_lossy().contains(".jsonl"));
    let mut paths: Vec<PathBuf> = paths.collect();
    paths.sort();
    paths
}

pub fn take(shop: &Sandbox, label: &str) -> PathBuf {
    let _ = shop.run(&["watchdog", "snapshot", label]).code(0);
    let end = format!("-{label}.jsonl");
    snapshots(shop).into_iter().rfind(|path| path.to_string_lossy().ends_with(&end)).expect("a snapshot")
}

/// A price regression of 12 percent, a tenth and more of the catalogue out of stock, and a lot of noise.
const REGRESSION: &str = "
    UPDATE product_template SET list_price = round(list_price * 0.88, 2), write_uid = 3, write_date = now() AT TIME ZONE 'UTC' WHERE categ_id < 8;
    UPDATE stock_quant SET quantity = 0 WHERE id % 7 = 0 AND location_id <> 4;
    UPDATE marketplace_listing SET last_synced_at = now() AT TIME ZONE 'UTC';
    UPDATE product_template SET default_code = default_code || '-A' WHERE id % 40 = 20 AND id < 1880;";

#[test]
fn a_regression_hidden_in_noise_is_found_gated_and_rolled_back() {
    let shop = catalogue(3000, "");
    let yaml = shop.read("odpm.yaml");
    shop.write(
        "odpm.yaml",
        &format!("{yaml}watchdog:\n  expect:\n    - {{model: product.template, fields: [default_code], rows: 50}}\n"),
    );
    shop.write("deploy.sql", REGRESSION);
    let password = shop.read(".odpm/secrets/app_password");
    let port = shop.port.to_string();
    let program = crate::sandbox::bin_dir().join("psql");
    let words =
        ["watchdog", "run", "fix-1", "--", program.to_str().unwrap(), "-Xq", "-h", "127.0.0.1", "-p", &port];
    let words = [&words[..], &["-U", "odoo", "-d", "shop", "-f", "deploy.sql"]].concat();
    let said = shop.run_with(&words, &[("PGPASSWORD", password.trim())]).code(3);
    let said = said.says("product.template.list_price: ").says("moved by the same factor, -12 %");
    let said = said.says("stock.quant.quantity: 391 of 391 rows became 0 (13 % of all)");
    let said =
        said.says("product.product.qty_available: ").says("Expected: 47 rows").says("Noise: 1,500 rows");
    let said = said.says("written by olga (525 rows): 525 at ").says("rows changed that nobody expected");
    let _ = said.says("odpm watchdog rollback ");
    let found = shop.json(&["watchdog", "diff", "--format", "json"]);
    assert_eq!(found["expected"], 47);
    assert_eq!(found["noise"], 1500);
    let lines =
        shop.run(&["watchdog", "diff", "fix-1-before", "fix-1-after", "--format", "jsonl"]).code(0).out;
    assert!(lines.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    assert_eq!(lines.lines().filter(|line| line.contains("\"list_price\"")).count(), 525);

    let before = sql(&shop, "SELECT sum(list_price) FROM product_template");
    let _ = shop.run(&["watchdog", "rollback", "--plan"]).code(0).says("list_price of 525 rows");
    assert_eq!(sql(&shop, "SELECT sum(list_price) FROM product_template"), before, "a plan changes nothing");
    assert!(!shop.path(".odpm/watchdog").exists(), "and leaves nothing behind");
    let only = ["--only", "product.template.list_price,stock.quant"];
    let _ = shop
        .run(&[&["watchdog", "rollback"], &only[..], &["--yes"]].concat())
        .code(0)
        .says("916 rows written");
    let after = shop.json(&["watchdog", "diff", "fix-1-before", "live", "--format", "json"]);
    assert_eq!((after["unexpected"].as_u64(), after["expected"].as_u64()), (Some(0), Some(47)), "{after}");
    let _ = shop.run(&["watchdog", "diff", "fix-1-before", "live", "--gate"]).code(0);

    // Taken back in turn, it is as the deploy left it.
    let _ = shop.run(&["undo", &shop.last_run(), "--yes"]).code(0);
    assert_eq!(sql(&shop, "SELECT sum(list_price) FROM product_template"), before);
}

#[test]
fn a_snapshot_is_canonical_complete_and_sorted() {
    let shop = catalogue(300, "");
    let hard = "tab\t back\\slash \"quotes\" and a\nline é€𝄞";
    let _ = sql(
        &shop,
        &format!("UPDATE product_template SET default_code = '{hard}', list_price = 'NaN' WHERE id = 5"),
    );
    let _ = sql(
        &shop,
        "UPDATE product_pricelist_item SET percent_price = 0.1::float8 + 0.2, fixed_price = 7.500 WHERE id = 1",
    );
    let _ = sql(&shop, "UPDATE product_pricelist_item SET percent_price = 'Infinity' WHERE id = 2");
    let _ = sql(
        &shop,
        "UPDATE product_product SET standard_price = '{\"2\": 1.10, \"1\": 7}', active = false WHERE id = 9",
    );
    let plain = take(&shop, "one");
    assert!(!plain.to_string_lossy().contains(':'));
    let text = fs::read_to_string(&plain).unwrap();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let places: Vec<(String, i64)> = rows
        .iter()
        .map(|row| (row["_model"].as_str().unwrap().to_owned(), row["id"].as_i64().unwrap()))
        .collect();
    assert!(places.is_sorted(), "ordered by model and id");
    let of = |model: &str, id: i64| rows[places.binary_search(&(model.to_owned(), id)).unwrap()].clone();
    let count = |model: &str| places.iter().filter(|(name, _)| name == model).count();
    assert_eq!((count("product.template"), count("product.product"), count("stock.quant")), (300, 300, 300));
    let five = of("product.template", 5);
    assert_eq!((five["default_code"].as_str(), five["list_price"].as_str()), (Some(hard), Some("NaN")));
    assert!(text.contains("\"fixed_price\": 7.5, \"percent_price\": 0.3}"), "numbers without float noise");
    assert_eq!(of("product.pricelist.item", 2)["percent_price"], "Infinity");
    assert!(
        text.contains("\"standard_price\": {\"1\": 7, \"2\": 1.1}"),
        "keys sorted, one value per company"
    );
    assert_eq!(of("product.product", 9)["active"], false);
    assert!(!text.contains("very-private") && !text.contains("the-secret"), "secrets are digests");
    // What has no column: as Odoo computes it.
    let stock =
        "SELECT coalesce(sum(quantity), 0) FROM stock_quant WHERE product_id = 10 AND location_id <> 4";
    assert_eq!(of("product.product", 10)["qty_available"].to_string(), sql(&shop, stock)[0]);
    let price = "SELECT trim_scale(list_price + 2.5) FROM product_template WHERE id = 10";
    assert_eq!(of("product.product", 10)["lst_price"].to_string(), sql(&shop, price)[0]);
    assert_eq!(of("product.template", 9)["standard_price"], of("product.product", 9)["standard_price"]);

    let again = take(&shop, "two");
    assert_eq!(fs::read(&again).unwrap(), text.as_bytes(), "the same rows are the same bytes");
    let _ = shop.run(&["watchdog", "snapshot", "three", "--compress"]).code(0);
    let packed =
        snapshots(&shop).into_iter().find(|path| path.to_string_lossy().ends_with("three.jsonl.zst"));
    let packed = packed.expect("a compressed one");
    assert!(fs::metadata(&packed).unwrap().len() * 4 < text.len() as u64);
    let _ = shop.run(&["watchdog", "diff", "one", "three", "--detailed-exitcode"]).code(0);
    let _ = shop.run(&["watchdog", "list", "--verify"]).code(0).says("Every snapshot is what was written.");
    let manifest: Value =
        serde_json::from_str(&fs::read_to_string(plain.with_extension("json")).unwrap()).unwrap();
    assert_eq!(manifest["bytes"].as_u64(), Some(text.len() as u64));
    let digest = odpm::base::Digest::of(&text);
    assert_eq!(manifest["sha256"].as_str(), Some(digest.as_str()));
    let skipped = manifest["skipped"].to_string();
    assert!(skipped.contains("fl.marketplaces.amazon.listing"), "{skipped}");
}

#[test]
fn what_somebody_has_written_since_is_left_alone_and_told() {
    let shop = catalogue(60, "");
    let before = take(&shop, "before");
    let _ = sql(&shop, "UPDATE product_template SET list_price = 1 WHERE id <= 10");
    let _ = sql(&shop, "UPDATE product_product SET standard_price = '{\"1\": 1, \"2\": 2}' WHERE id <= 2");
    let _ = take(&shop, "after");
    let old: Vec<String> = {
        let text = fs::read_to_string(&before).unwrap();
        let rows = text.lines().filter(|line| line.contains("\"product.template\""));
        rows.map(|line| serde_json::from_str::<Value>(line).unwrap()["list_price"].to_string()).collect()
    };
    let _ = sql(&shop, "UPDATE product_template SET list_price = 99 WHERE id = 3");
    let _ = sql(&shop, "UPDATE product_product SET standard_price = '{\"1\": 1, \"2\": 5}' WHERE id = 1");
    let _ = sql(&shop, "DELETE FROM product_template_attribute_value");
    let said = shop.run(&["watchdog", "rollback", "before", "after", "--yes"]).code(0);
    let said = said.says("11 rows written").says("2 fields were written by others since and left alone");
    let _ = said
        .says("product.template 3 list_price is 99, was 1 when it was seen, ")
        .says("standard_price@2 is 5, was 2");
    let now = sql(&shop, "SELECT trim_scale(list_price) FROM product_template ORDER BY id LIMIT 10");
    for (at, (now, old)) in now.iter().zip(&old).enumerate() {
        assert_eq!(now, if at == 2 { "99" } else { old }, "row {}", at + 1);
    }
    let costs = sql(&shop, "SELECT standard_price->>'2' FROM product_product WHERE id <= 2 ORDER BY id");
    assert_eq!(
        costs,
        ["5", ""],
        "company 2's value came with the change, and somebody has written the first since"
    );
    let conflicts = fs::read_dir(shop.path(".odpm/watchdog")).unwrap().flatten();
    let conflicts =
        conflicts.map(|e| e.path()).find(|p| p.to_string_lossy().ends_with(".conflicts.jsonl")).unwrap();
    assert_eq!(fs::read_to_string(conflicts).unwrap().lines().count(), 2);
}

#[test]
fn old_snapshots_are_pruned_and_fresh_ones_kept() {
    let shop = catalogue(60, "");
    let yaml = shop.read("odpm.yaml");
    shop.write("odpm.yaml", &format!("{yaml}watchdog: {{keep: 2}}\n"));
    let first = take(&shop, "one");
    let _ = (take(&shop, "two"), take(&shop, "three"));
    let _ = shop.run(&["watchdog", "prune"]).code(3).says("2 newer ones are kept");
    assert!(first.exists());
    let _ = shop.run(&["watchdog", "prune", "--save-plan", "prune.plan"]).code(0);
    let _ = shop.run(&["apply", "prune.plan", "--yes"]).code(0);
    assert!(!first.exists() && !first.with_extension("json").exists());
    assert_eq!(snapshots(&shop).len(), 2);
    let _ = shop.run(&["watchdog", "prune", "--yes"]).code(0).says("Nothing to do.");
}

#[test]
fn what_is_watched_can_be_suggested_and_the_command_can_fail() {
    let shop = catalogue(60, "");
    let said = shop.run(&["watchdog", "spec"]).code(0).says("qty_available: a query");
    let _ = said
        .says("standard_price: a column with a value for each company")
        .says("last_synced_at: a column; noise");
    let suggested = shop.run(&["watchdog", "spec", "--suggest"]).code(0).out;
    let yaml = shop.read("odpm.yaml");
    shop.write("odpm.yaml", &format!("{yaml}{suggested}"));
    let _ = shop.run(&["validate"]).code(0);
    let _ = shop.run(&["watchdog", "presets"]).code(0).says("pricing: when prices");
    let _ = shop.run(&["watchdog", "run", "x", "--", "false"]).code(1).says("false failed");
    let _ = shop.run(&["watchdog", "run", "y", "--settle", "1s", "--", "true"]).code(0).says("Waiting 1 s");
    // What a schedule does a while after the command is seen too; what is wrong at once is not waited on.
    let odpm = env!("CARGO_BIN_EXE_odpm");
    let later = format!(
        "(sleep 1; {odpm} psql -q -c 'UPDATE product_template SET list_price = 1 WHERE id = 1') >/dev/null 2>&1 &"
    );
    let said = shop.run(&["watchdog", "run", "z", "--settle", "3s", "--", "sh", "-c", &later]).code(3);
    let _ = said.says("Waiting 3 s").says("z-settled").says("2 rows changed that nobody expected");
    let now = format!("{odpm} psql -q -c 'UPDATE product_template SET list_price = 2 WHERE id = 1'");
    let said = shop.run(&["watchdog", "run", "z", "--settle", "1h", "--", "sh", "-c", &now]).code(3);
    assert!(!said.all().contains("Waiting"), "{}", said.all());
    let _ = shop.run(&["watchdog", "snapshot", "p", "-p", "config"]).code(0).says("ir.cron");
    let _ =
        shop.run(&["watchdog", "snapshot", "p", "-p", "konfig"]).code(64).says("there is no preset konfig");
}

/// What differs between two databases, by the way given: model, id, and whether a field of both rows is altered.
fn differences(shop: &Sandbox, way: odpm::watch::Way) -> Vec<(String, String, usize)> {
    use odpm::rows::Change;
    let source = |database: &str| odpm::postgres::rows::Source {
        endpoint: odpm::step::Endpoint {
            host: "127.0.0.1".into(),
            port: shop.port,
            tls: None,
            container: None,
        },
        role: "odoo".into(),
        secret: odpm::base::Secret::new(shop.read(".odpm/secrets/app_password").trim()),
        database: database.into(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        use odpm::watch::{Side, Watched, compare};
        let project = odpm::observe::load(shop.root()).unwrap().project;
        let spec = odpm::watchdog::Spec::of(&project.watchdog, None);
        let left = Side::Live(Box::new(Watched::begin(source("shop"), &spec).await.unwrap()));
        let right = Side::Live(Box::new(Watched::begin(source("copy"), &spec).await.unwrap()));
        let comparable = left.comparable(&right);
        compare(&left, &right, comparable, way, Vec::new(), |found, change: Change| {
            found.push((change.model.clone(), change.id.to_string(), change.altered().count()));
            Ok(())
        })
        .await
        .unwrap()
        .0
    })
}

#[test]
fn digests_find_what_streams_find() {
    use odpm::watch::Way;
    let shop = catalogue(5000, "");
    let _ = shop.run(&["database", "duplicate", "copy", "--yes"]).code(0);
    // A copy has an identity and a secret of its own.
    let own = differences(&shop, Way::Digests);
    assert!(own.iter().all(|(model, ..)| model == "ir.config_parameter"), "{own:?}");
    let change = "
        UPDATE product_template SET list_price = list_price + 1 WHERE id IN (1, 2500, 2501, 5000);
        UPDATE product_template SET list_price = list_price + 0.000 WHERE id = 77;
        DELETE FROM stock_quant WHERE id BETWEEN 1000 AND 1010;
        DELETE FROM marketplace_listing;
        INSERT INTO ir_config_parameter (id, key, value) VALUES (9223372, 'far', 'away');";
    let _ = shop.sql("copy", change);
    let streamed = differences(&shop, Way::Stream);
    let count = |model: &str| streamed.iter().filter(|(name, ..)| name == model).count();
    assert_eq!(
        (count("product.template"), count("stock.quant"), count("marketplace.listing")),
        (4, 11, 2500)
    );
    assert_eq!(count("ir.config_parameter"), own.len() + 1);
    assert_eq!(differences(&shop, Way::Digests), streamed);
    assert_eq!(differences(&shop, Way::Measured), streamed);
}

#[test]
fn what_only_odoo_computes_is_read_and_written_through_its_shell() {
    let odoo =
        "database: shop\nsource: ./odoo-src\nservices: {odoo: {replicas: 0}, odoo-cron: {replicas: 0}}";
    let shop = Sandbox::with(odoo, "");
    shop.write("odoo-src/odoo-bin", include_str!("shell.py"));
    let _ = shop.apply();
    fill(&shop, "shop", 30);
    let yaml = shop.read("odpm.yaml");
    shop.write(
        "odpm.yaml",
        &format!("{yaml}watchdog: {{models: {{product.template: {{virtual_available: }}}}}}\n"),
    );
    let _ = shop.run(&["watchdog", "spec"]).code(0).says("virtual_available: the Odoo shell");
    let before = fs::read_to_string(take(&shop, "before")).unwrap();
    assert!(before.contains("\"id\": 7, ") && before.contains(", \"virtual_available\": 7.3}"), "{before}");
    let _ = shop.run(&["watchdog", "diff", "before", "live", "--detailed-exitcode"]).code(0);
    let _ = sql(
        &shop,
        "UPDATE product_template SET list_price = 1, default_code = NULL WHERE id <= 3;
         UPDATE product_product SET standard_price = '{\"1\": 2}' WHERE id = 4",
    );
    let _ = take(&shop, "after");
    let _ = sql(&shop, "UPDATE product_template SET list_price = 5 WHERE id = 2");
    let said = shop.run(&["watchdog", "rollback", "before", "after", "--via", "orm", "--yes"]).code(0);
    let said = said.says("put back through Odoo").says("4 rows written");
    let _ = said.says("product.template 2 list_price is 5, was 1 when it was seen");
    let left = shop.json(&["watchdog", "diff", "before", "live", "--format", "json"]);
    assert_eq!(left["unexpected"], 2, "the conflict, and the variant's price that follows from it: {left}");
    assert_eq!(left["models"][1]["writers"][0]["login"], "__system__", "{left}");
    let _ = shop.run(&["undo", &shop.last_run(), "--yes"]).code(0);
    assert_eq!(sql(&shop, "SELECT count(*) FROM product_template WHERE default_code IS NULL"), ["3"]);
    assert_eq!(sql(&shop, "SELECT standard_price->>'1' FROM product_product WHERE id = 4"), ["2"]);
    shop.write("odoo-src/odoo-bin", "import sys\nsys.exit('no such module: nonsense')\n");
    let said = shop.run(&["watchdog", "snapshot", "x"]).code(1);
    let _ = said.says("the Odoo shell failed").says("no such module: nonsense");
}

#[test]
fn listings_of_connectors_are_suggested() {
    let shop = catalogue(30, "");
    let _ = sql(
        &shop,
        "CREATE TABLE shopify_product_binding (id serial PRIMARY KEY, price numeric, sku varchar); ALTER TABLE shopify_product_binding OWNER TO odoo",
    );
    let said = shop.run(&["watchdog", "spec", "--suggest"]).code(0);
    let _ = said.says("    shopify.product.binding:\n      price:\n      sku:\n");
}

/// The real databases, where `ODPM_TEST_BACKUPS` names a folder with their backups.
#[test]
fn a_regression_in_real_databases_is_found_and_rolled_back() {
    let Some(folder) = std::env::var_os("ODPM_TEST_BACKUPS") else {
        return skipped("ODPM_TEST_BACKUPS names no folder with backups of real databases");
    };
    let shop = Sandbox::with("database: shop", "");
    let _ = shop.apply();
    for zip in fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
        if zip.extension().is_none_or(|end| end != "zip") {
            continue;
        }
        let zip = zip.display().to_string();
        let _ = shop.run(&["database", "restore", &zip, "-d", "shop", "--replace", "--yes"]).code(0);
        let before = take(&shop, "before");
        let before = before.file_stem().unwrap().to_string_lossy().into_owned();
        let _ = sql(
            &shop,
            "UPDATE product_template SET list_price = list_price * 0.88; UPDATE ir_cron SET active = NOT active",
        );
        let products: u64 =
            sql(&shop, "SELECT count(*) FROM product_template WHERE list_price > 0")[0].parse().unwrap();
        let found = shop.json(&["watchdog", "diff", &before, "live", "--format", "json"]);
        let models = found["models"].as_array().unwrap();
        let field =
            models.iter().find(|model| model["model"] == "product.template").map(|m| m["fields"][0].clone());
        let rows = field.as_ref().map_or(0, |field| field["rows"].as_u64().unwrap());
        assert_eq!(rows, products, "{zip}");
        assert!(products < 10 || found["patterns"].to_string().contains("the same factor, -12 %"), "{zip}");
        let _ = shop.run(&["watchdog", "diff", &before, "live", "--gate"]).code(3);
        let _ = shop.run(&["watchdog", "rollback", &before, "live", "--yes"]).code(0);
        let _ = shop.run(&["watchdog", "diff", &before, "live", "--detailed-exitcode"]).code(0);
    }
}
