//! Whether every reference of a database leads somewhere, on real clusters.

use serde_json::{Value, json};

use crate::sandbox::{Sandbox, skipped};
use crate::shop::{add_file, files, psql};

/// A database in which all is as it should be, with three files.
fn sound() -> Sandbox {
    let shop = Sandbox::with("database: shop", "");
    let _ = shop.apply();
    let _ = shop.sql("postgres", "CREATE DATABASE shop OWNER odoo TEMPLATE template0");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/migrate.sql");
    let output = psql(&shop, "shop").args(["-v", "ON_ERROR_STOP=1", "-f", script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for content in [&b"one"[..], b"two", b"three"] {
        let _ = add_file(&shop, "shop", content);
    }
    shop
}

const VERIFY: [&str; 5] = ["migrate", "verify", "--deep", "--format", "json"];

/// What was found: sort, model, field, row, what is missing or what is said of it.
fn found(seen: &Value) -> Vec<[String; 5]> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut all = Vec::new();
    for finding in seen["findings"].as_array().unwrap() {
        for row in finding["rows"].as_array().unwrap() {
            let missing = if row["missing"].is_null() { &row["what"] } else { &row["missing"] };
            let about = ["sort", "model", "field"].map(|name| text(&finding[name]));
            let [sort, model, field] = about;
            all.push([sort, model, field, text(&row["id"]), text(missing)]);
        }
    }
    all.sort();
    all
}

/// Each kind of reference, broken in its own way, and how it is told.
const BREAKS: [(&str, [&str; 5]); 20] = [
    (
        "UPDATE res_partner SET country_id = 9 WHERE id = 1",
        ["many2one", "res.partner", "country_id", "1", "9"],
    ),
    ("UPDATE res_partner SET action_id = 8 WHERE id = 2", ["many2one", "res.partner", "action_id", "2", "8"]),
    ("UPDATE ir_act_window SET tag_id = 7", ["many2one", "ir.actions.act_window", "tag_id", "1", "7"]),
    (
        "ALTER TABLE odd_table DISABLE TRIGGER ALL; UPDATE odd_table SET tag_id = 6; ALTER TABLE odd_table ENABLE TRIGGER ALL",
        ["many2one", "odd.model", "tag_id", "1", "6"],
    ),
    (
        r#"UPDATE res_partner SET account_id = '{"1": 1, "2": 55}' WHERE id = 1"#,
        ["many2one_by_company", "res.partner", "account_id", "1", "55"],
    ),
    (
        r#"UPDATE res_partner SET cost = '{"1": 1, "3": 2.5}' WHERE id = 3"#,
        ["company", "res.partner", "cost", "3", "3"],
    ),
    ("INSERT INTO partner_tag_rel VALUES (90, 1)", ["many2many", "res.partner", "tag_ids", "90, 1", "90"]),
    ("INSERT INTO partner_tag_rel VALUES (1, 80)", ["many2many", "res.partner", "tag_ids", "1, 80", "80"]),
    (
        "UPDATE ir_ui_menu SET action = 'ir.actions.act_window,70' WHERE id = 2",
        ["reference", "ir.ui.menu", "action", "2", "70"],
    ),
    (
        "UPDATE ir_ui_menu SET action = 'ir.actions.gone,1' WHERE id = 3",
        ["reference", "ir.ui.menu", "action", "3", "1"],
    ),
    (
        "UPDATE ir_attachment SET res_id = 60 WHERE name = 'b'",
        ["many2one_reference", "ir.attachment", "res_id", "2", "60"],
    ),
    (
        "UPDATE mail_message SET model = 'res.gone' WHERE id = 1",
        ["many2one_reference", "mail.message", "res_id", "1", "2"],
    ),
    ("UPDATE mail_activity SET res_id = 50", ["many2one_reference", "mail.activity", "res_id", "1", "50"]),
    (
        "UPDATE ir_property SET value_reference = 'res.tag,40' WHERE id = 3",
        ["property", "ir.property", "value_reference", "3", "40"],
    ),
    (
        "UPDATE ir_property SET res_id = 'res.partner,30' WHERE id = 1",
        ["property", "ir.property", "res_id", "1", "30"],
    ),
    (
        "UPDATE ir_default SET json_value = '20' WHERE json_value = '1'",
        ["default", "ir.default", "json_value", "1", "20"],
    ),
    (
        "UPDATE res_category SET parent_path = '2/3/' WHERE id = 3; UPDATE res_category SET parent_path = '1/' WHERE id = 2",
        ["parent_path", "res.category", "parent_path", "2", "it says 1/, its parent is 1"],
    ),
    (
        "SELECT setval('res_tag_id_seq', 1)",
        ["serial", "res_tag", "id", "2", "res_tag_id_seq stands at 1, the highest is 2"],
    ),
    (
        "DROP SEQUENCE ir_sequence_001",
        ["sequence", "ir.sequence", "implementation", "1", "the sequence ir_sequence_001 is not there"],
    ),
    (
        "DROP SEQUENCE ir_sequence_001_001",
        [
            "sequence",
            "ir.sequence.date_range",
            "sequence_id",
            "1",
            "the sequence ir_sequence_001_001 is not there",
        ],
    ),
];

#[test]
fn of_each_kind_the_one_that_dangles_is_found_and_nothing_else() {
    let shop = sound();
    let clean = shop.run(&["migrate", "verify", "--deep"]).code(0);
    let clean = clean.says("Every reference of shop leads somewhere.").says("kept by PostgreSQL");
    let clean = clean.says("a.mixin: it has no table").says("partner.report: it is a view");
    let _ = clean.says("ir.attachment.res_id: 1 of its rows refer to partner.report, which is a view");
    let seen = shop.json(&VERIFY);
    assert_eq!(
        (&seen["clean"], &seen["findings"], &seen["files"]),
        (&json!(true), &json!([]), &json!(3)),
        "{seen}"
    );
    assert_eq!(seen["unknown"], json!([]));

    let mut want = Vec::new();
    for (sql, told) in BREAKS {
        let _ = shop.try_sql("shop", sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
        want.push(told.map(str::to_owned));
    }
    want.sort();
    let seen = shop.json(&VERIFY);
    assert_eq!(found(&seen), want, "{seen:#}");
    let _ = shop.run(&VERIFY).code(3);
    let text = shop.run(&["migrate", "verify"]).code(3);
    let text = text.says("res.partner.country_id -> res.country: 1 row (many2one)\n  1: 9 is missing");
    let _ = text.says("(company 2)").says("20 rows in 20 fields of shop not as they should be.");
}

#[test]
fn files_are_looked_for_and_read() {
    let shop = sound();
    let folder = files(&shop, "shop");
    let named =
        shop.sql("shop", "SELECT store_fname FROM ir_attachment WHERE store_fname IS NOT NULL ORDER BY id");
    std::fs::remove_file(folder.join(&named[0])).unwrap();
    std::fs::write(folder.join(&named[1]), "another").unwrap();
    let _ = shop.sql(
        "shop",
        "INSERT INTO ir_attachment (store_fname) VALUES ('../../etc/passwd'), ('s3://bucket/x')",
    );
    let quick =
        shop.run(&["migrate", "verify"]).code(3).says("it is missing").says("it leads out of the filestore");
    let quick = quick.says("1 files are in another store");
    assert!(!quick.all().contains("SHA-1"), "{}", quick.all());
    let _ = shop.run(&["migrate", "verify", "--deep"]).code(3).says("its SHA-1 is ");
}

#[test]
fn only_so_many_rows_are_named_and_all_counted() {
    let shop = sound();
    let _ = shop
        .sql("shop", "INSERT INTO res_partner (country_id) SELECT 1000 + n FROM generate_series(1, 500) n");
    let _ = shop.run(&["migrate", "verify", "--limit", "2"]).code(3).says("500 rows").says("and 498 more");
    let seen = shop.json(&["migrate", "verify", "--format", "json"]);
    assert_eq!(
        (&seen["findings"][0]["count"], seen["findings"][0]["rows"].as_array().unwrap().len()),
        (&json!(500), 500)
    );
}

#[test]
fn what_foreign_keys_should_keep_is_asked_when_wanted() {
    let shop = sound();
    let _ = shop.sql(
        "shop",
        "SET session_replication_role = replica; UPDATE res_partner SET company_id = 99 WHERE id = 1",
    );
    let _ = shop.run(&["migrate", "verify"]).code(0).says("kept by PostgreSQL");
    let _ = shop
        .run(&["migrate", "verify", "--all"])
        .code(3)
        .says("res.partner.company_id -> res.company: 1 row");
    // Where its triggers are off, nothing is kept.
    let _ = shop.sql("shop", "ALTER TABLE res_partner DISABLE TRIGGER ALL");
    let _ = shop.run(&["migrate", "verify"]).code(3).says("res.partner.company_id -> res.company: 1 row");
}

#[test]
fn a_locked_table_is_told_and_holds_nothing_else_up() {
    let shop = sound();
    let _ = shop.sql("shop", "UPDATE res_partner SET country_id = 9 WHERE id = 1");
    let mut holder =
        psql(&shop, "shop").args(["-c", "BEGIN; LOCK TABLE res_tag; SELECT pg_sleep(120)"]).spawn().unwrap();
    crate::stack::wait_for(|| {
        shop.sql("shop", "SELECT 1 FROM pg_locks WHERE relation = 'res_tag'::regclass AND granted") == ["1"]
    });
    let said = shop.run(&["migrate", "verify"]).code(3);
    holder.kill().unwrap();
    let _ = holder.wait();
    let said = said.says("NOT ANSWERED").says("odd.model.tag_id: res_tag is locked by another session");
    let _ = said.says("res.partner.country_id -> res.country: 1 row");
}

#[test]
fn a_database_that_is_none_of_odoos_is_told() {
    let shop = Sandbox::new();
    let _ = shop.apply();
    let _ = shop.run(&["migrate", "verify", "-d", "postgres"]).code(1).says("it has no models");
    let _ = shop.run(&["migrate", "verify"]).code(64).says("no database is named");
}

/// The real databases, where `ODPM_TEST_BACKUPS` names a folder with their backups.
#[test]
fn real_databases_are_asked_within_seconds() {
    let Some(folder) = std::env::var_os("ODPM_TEST_BACKUPS") else {
        return skipped("ODPM_TEST_BACKUPS names no folder with backups of real databases");
    };
    let shop = Sandbox::with("database: shop", "");
    let _ = shop.apply();
    for zip in std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
        if zip.extension().is_none_or(|end| end != "zip") {
            continue;
        }
        let zip = zip.display().to_string();
        let _ = shop.run(&["database", "restore", &zip, "-d", "shop", "--replace", "--yes"]).code(0);
        let before = crate::shop::content(&shop, "shop");
        let seen = shop.json(&["migrate", "verify", "--all", "--deep", "--format", "json"]);
        crate::shop::content(&shop, "shop").is_that_of(&before, "verify changes nothing");
        assert_eq!(seen["unknown"], json!([]), "{zip}");
        assert!(seen["asked"]["many2one"].as_u64().unwrap() > 1_000, "{zip}");
        // What was not kept by a foreign key when it was saved may dangle; what one keeps may not.
        let kept =
            |sort: &str| seen["findings"].as_array().unwrap().iter().filter(|f| f["sort"] == sort).count();
        assert_eq!((kept("many2one"), kept("many2many"), kept("file")), (0, 0, 0), "{:#}", seen["findings"]);
        assert!(seen["seconds"].as_f64().unwrap() < 30.0, "{zip}: {}", seen["seconds"]);
    }
}
