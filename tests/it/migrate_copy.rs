//! Rows from one database to another, on real clusters: whole, or not at all.

use std::fs;
use std::process::{Command, Stdio};

use odpm::base::{Digest, SecretRef};
use odpm::facts::{ParentPath, SequenceCopy, TableCopy, TableState, Transfer, TransferCheck, XmlIdCopy};
use odpm::plan::{Plan, PlannedStep};
use odpm::step::{CopyTables, DuplicateDatabase, Endpoint, Operator, Party, Programs, Step};

use crate::sandbox::{Said, Sandbox, bin_dir};
use crate::shop::{content, psql};

/// Staging: a tree of categories, products and variants in a circle, and odd notes.
const STAGING: &str = r#"
INSERT INTO shop_category (id, name, parent_id) SELECT n, 'category ' || n, nullif(n / 3, 0) FROM generate_series(1, 40) n;
UPDATE shop_category SET parent_path = id || '/';
INSERT INTO shop_tag (id, name) SELECT n, jsonb_build_object('en_US', 'tag ' || n) FROM generate_series(1, 20) n;
BEGIN; SET CONSTRAINTS ALL DEFERRED;
INSERT INTO shop_product (id, categ_id, code, price, ratio, data, blob, born, active)
  SELECT n, n % 40 + 1, 'c''ode ' || n, n / 3.0, n / 7.0, jsonb_build_object('1', n), decode(md5(n::text), 'hex'),
  '2026-01-01'::timestamp + n * interval '1 second', n % 2 = 0 FROM generate_series(1, 3000) n;
INSERT INTO shop_variant (id, product_id, sku) SELECT n, (n + 1) / 2, 'sku ' || n FROM generate_series(1, 6000) n;
UPDATE shop_product SET main_variant_id = id * 2;
COMMIT;
INSERT INTO shop_product_tag_rel SELECT n, n % 20 + 1 FROM generate_series(1, 3000) n;
INSERT INTO shop_loose_rel SELECT n, n % 20 + 1 FROM generate_series(1, 500) n;
INSERT INTO "shop ""note" ("Body", at) SELECT ('{"n":  ' || n || ', "n": 1}')::json, point(n, n / 3.0) FROM generate_series(1, 50) n;
SELECT setval('ir_sequence_001', 77);
CREATE SEQUENCE ir_sequence_002 INCREMENT BY 5;
SELECT nextval('ir_sequence_002'), nextval('ir_sequence_002');
"#;

/// Production: two categories (the second under another id), a product that staging has too, one that it has not, an order's line.
const PRODUCTION: &str = r#"
INSERT INTO shop_category (id, name, parent_path) VALUES (1, 'production''s name', '1/'), (90, 'category 2', '90/');
INSERT INTO shop_tag (id, name) VALUES (1, '{"en_US": "tag 1"}');
INSERT INTO shop_product (id, categ_id, code, price) VALUES (1, 1, 'c''ode 1', 5), (5000, 1, 'mine', 1);
INSERT INTO shop_product_tag_rel VALUES (1, 1), (1, 2) ON CONFLICT DO NOTHING;
INSERT INTO shop_loose_rel VALUES (1, 2), (5000, 1);
INSERT INTO shop_line (product_id) VALUES (1), (5000);
INSERT INTO ir_model_data (module, name, model, res_id, noupdate) VALUES ('base', 'own', 'shop.tag', 1, true);
SELECT setval('shop_category_id_seq', 90), setval('shop_product_id_seq', 5000), setval('ir_sequence_001', 5);
"#;

fn sql_file(shop: &Sandbox, database: &str, text: &str) {
    use std::io::Write;
    let mut child = psql(shop, database)
        .args(["-v", "ON_ERROR_STOP=1", "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// A running project with both databases.
pub fn both() -> Sandbox {
    let shop = Sandbox::with("database: prod", "");
    let _ = shop.apply();
    let schema = include_str!("migrate_copy.sql");
    for (database, rows) in [("staging", STAGING), ("prod", PRODUCTION)] {
        let _ = shop.sql("postgres", &format!("CREATE DATABASE {database} OWNER odoo TEMPLATE template0"));
        sql_file(&shop, database, schema);
        sql_file(&shop, database, &rows.replace("(1, 1), (1, 2) ON", "(1, 1) ON"));
    }
    shop
}

pub fn identity(shop: &Sandbox, database: &str) -> String {
    let question = "SELECT (SELECT system_identifier FROM pg_control_system()) || '/' || oid FROM pg_database WHERE datname = current_database()";
    shop.sql(database, question).remove(0)
}

fn table(name: &str, columns: &[&str], key: &[&str], fresh: Option<&str>, merged: Option<&str>) -> TableCopy {
    let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    TableCopy {
        table: name.to_owned(),
        columns: texts(columns),
        key: texts(key),
        fresh: fresh.map(str::to_owned),
        merged: merged.map(str::to_owned),
        rows: None,
        rebuild: false,
        ..TableCopy::default()
    }
}

/// Category 2 of staging is production's 90; row 1 of several tables is on both sides.
const CATEGORIES: &str = "LEFT JOIN unnest('{2}'::bigint[], '{90}'::bigint[]) m1(old, new) ON m1.old = t.";

fn products(where_: &str) -> String {
    format!(
        "SELECT t.id, CASE WHEN m1.old IS NULL THEN t.categ_id ELSE m1.new END, t.main_variant_id, t.code, t.price, t.ratio, t.data, t.blob, t.born, t.active \
         FROM shop_product t {CATEGORIES}categ_id WHERE {where_}"
    )
}

fn categories(where_: &str) -> String {
    format!(
        "SELECT CASE WHEN t.id = 2 THEN 90 ELSE t.id END, t.name, CASE WHEN m1.old IS NULL THEN t.parent_id ELSE m1.new END, t.parent_path \
         FROM shop_category t {CATEGORIES}parent_id WHERE {where_}"
    )
}

pub fn transfer(shop: &Sandbox) -> Transfer {
    let mut tables = vec![
        TableCopy {
            ahead: vec!["parent_id".to_owned()],
            ..table(
                "shop_category",
                &["id", "name", "parent_id", "parent_path"],
                &["id"],
                Some(
                    &categories("t.id > 2").replace(
                        "t.parent_id ELSE m1.new END",
                        "t.parent_id::bigint ELSE m1.new END::integer",
                    ),
                ),
                Some(&categories("t.id <= 2")),
            )
        },
        table("shop_tag", &["id", "name"], &["id"], Some("SELECT id, name FROM shop_tag WHERE id > 1"), None),
        TableCopy {
            rebuild: true,
            ahead: vec!["main_variant_id".to_owned()],
            ..table(
                "shop_product",
                &[
                    "id",
                    "categ_id",
                    "main_variant_id",
                    "code",
                    "price",
                    "ratio",
                    "data",
                    "blob",
                    "born",
                    "active",
                ],
                &["id"],
                Some(&products("t.id > 1")),
                Some(&products("t.id = 1")),
            )
        },
        TableCopy {
            rebuild: true,
            rows: Some(6000),
            ..table(
                "shop_variant",
                &["id", "product_id", "sku"],
                &["id"],
                Some("SELECT id, product_id, sku FROM shop_variant"),
                None,
            )
        },
        table(
            "shop_product_tag_rel",
            &["product_id", "tag_id"],
            &["product_id", "tag_id"],
            None,
            Some("SELECT product_id, tag_id FROM shop_product_tag_rel"),
        ),
        table(
            "shop_loose_rel",
            &["product_id", "tag_id"],
            &["product_id", "tag_id"],
            None,
            Some("SELECT product_id, tag_id FROM shop_loose_rel"),
        ),
        table(
            "shop \"note",
            &["id", "Body", "at"],
            &["id"],
            Some(r#"SELECT id, "Body", at FROM "shop ""note" WHERE id > 10"#),
            Some(r#"SELECT id, "Body", at FROM "shop ""note" WHERE id <= 10"#),
        ),
    ];
    // What is sent in binary has to be of the target's types.
    for copy in &mut tables {
        for query in [&mut copy.fresh, &mut copy.merged].into_iter().flatten() {
            let columns: Vec<String> = copy.columns.iter().map(|c| format!("\"{c}\"")).collect();
            let cast = |c: &String| match c.as_str() {
                "\"id\"" | "\"parent_id\"" | "\"categ_id\"" => format!("{c}::integer"),
                _ => c.clone(),
            };
            let cast: Vec<String> = columns.iter().map(cast).collect();
            *query =
                query.replace("t.parent_id::bigint ELSE m1.new END::integer", "t.parent_id ELSE m1.new END");
            *query = format!("SELECT {} FROM ({query}) q({})", cast.join(", "), columns.join(", "));
        }
    }
    let state = |name: &str| {
        let id = if name.ends_with("rel") { "0" } else { "coalesce(max(id), 0)" };
        let said = shop
            .sql("prod", &format!("SELECT count(*) || ',' || {id} FROM \"{}\"", name.replace('"', "\"\"")));
        let (rows, highest) = said[0].split_once(',').unwrap();
        TableState { rows: rows.parse().unwrap(), highest: highest.parse().unwrap() }
    };
    let target = tables.iter().map(|table| (table.table.clone(), state(&table.table))).collect();
    Transfer {
        source: std::collections::BTreeMap::new(),
        format_version: 1,
        xml_ids: vec![XmlIdCopy {
            module: "__export__".into(),
            name: "it's".into(),
            model: "shop.product".into(),
            res_id: 7,
            noupdate: true,
        }],
        sequences: ["001", "002"]
            .map(|n| SequenceCopy { from: format!("ir_sequence_{n}"), to: format!("ir_sequence_{n}") })
            .into(),
        parent_paths: vec![ParentPath { table: "shop_category".into(), parent: "parent_id".into() }],
        checks: vec![TransferCheck {
            what: "shop_product.categ_id -> shop_category".into(),
            sql: "SELECT count(*) OVER (), id, categ_id, NULL FROM shop_product WHERE categ_id NOT IN (SELECT id FROM shop_category)".into(),
        }],
        tables,
        target,
        ..Transfer::default()
    }
}

fn operator(shop: &Sandbox) -> Operator {
    Operator {
        endpoint: Endpoint { host: "127.0.0.1".into(), port: shop.port, tls: None, container: None },
        role: "postgres".into(),
        secret: SecretRef::AdminPassword,
        app_role: "odoo".into(),
        app: SecretRef::AppPassword,
        programs: Programs::Local { bin_dir: bin_dir() },
    }
}

/// A saved plan that copies: written to `a.plan`.
pub fn plan(shop: &Sandbox, transfer: &Transfer, jobs: u16) {
    let _ = shop.run(&["plan", "--out", "a.plan"]).code(0);
    let mut plan: Plan = serde_json::from_str(&shop.read("a.plan")).unwrap();
    let text = serde_json::to_string(transfer).unwrap();
    shop.write("transfer.json", &text);
    let path = shop.path("transfer.json");
    let source = Party {
        endpoint: operator(shop).endpoint,
        role: "odoo".into(),
        secret: SecretRef::AppPassword,
        database: "staging".into(),
        identity: identity(shop, "staging"),
    };
    let anew = DuplicateDatabase {
        operator: operator(shop),
        from: "prod".into(),
        to: "odpm_copy".into(),
        mark: "is being filled".into(),
        keep_closed: false,
        filestore: shop.path("data/odoo/filestore"),
    };
    let database = if jobs > 1 { "odpm_copy" } else { "prod" };
    let copy = CopyTables {
        source,
        operator: operator(shop),
        database: database.into(),
        transfer: path,
        digest: Digest::of(&text),
        tables: 1,
        rows: 1,
        before: None,
        jobs,
        anew: (jobs > 1).then(|| Box::new(anew.clone())),
        folder: shop.path("migration"),
    };
    let step = |id: &str, step| PlannedStep::new(id, step, "it is a test");
    plan.steps = Vec::new();
    if jobs > 1 {
        plan.steps.push(step("duplicate", Step::DuplicateDatabase(Box::new(anew))));
    }
    plan.steps.push(step("copy-tables", Step::CopyTables(Box::new(copy))));
    shop.write("a.plan", &serde_json::to_string(&plan).unwrap());
}

pub fn go(shop: &Sandbox) -> Said {
    shop.run(&["apply", "a.plan", "--yes"])
}

/// Indexes and constraints, with what is written on them.
pub fn definitions(shop: &Sandbox, database: &str) -> Vec<String> {
    shop.sql(
        database,
        "SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) || convalidated || coalesce(obj_description(oid, 'pg_constraint'), '') FROM pg_constraint WHERE connamespace = 'public'::regnamespace \
         UNION ALL SELECT pg_get_indexdef(indexrelid) || indisvalid || coalesce(obj_description(indexrelid, 'pg_class'), '') FROM pg_index i JOIN pg_class c ON c.oid = indrelid WHERE relnamespace = 'public'::regnamespace ORDER BY 1",
    )
}

/// What has to be so on a target that has it all.
#[track_caller]
pub fn whole(shop: &Sandbox, database: &str) {
    let equal = |what: &str, staging: &str, target: &str| {
        // Two thousand rows side by side would tell nobody anything.
        let (here, there) = (shop.sql(database, target), shop.sql("staging", staging));
        let first = here.iter().zip(&there).find(|(here, there)| here != there);
        assert!(
            first.is_none() && here.len() == there.len(),
            "{what}: {first:?}, {} and {}",
            here.len(),
            there.len()
        );
    };
    for (table, own) in [
        ("shop_tag", "true"),
        ("shop_variant", "true"),
        ("shop_product_tag_rel", "(product_id, tag_id) <> (1, 1)"),
        ("\"shop \"\"note\"", "true"),
    ] {
        let all = format!("SELECT t::text FROM {table} t WHERE {own} ORDER BY 1");
        equal(table, &all, &all);
    }
    let columns = "id, main_variant_id, code, price, ratio, data, blob, born, active, label";
    equal(
        "products",
        &format!(
            "SELECT row({columns})::text, CASE categ_id WHEN 2 THEN 90 ELSE categ_id END FROM shop_product ORDER BY 1"
        ),
        &format!("SELECT row({columns})::text, categ_id FROM shop_product WHERE id <> 5000 ORDER BY 1"),
    );
    let count = |sql: &str| shop.sql(database, sql).remove(0);
    assert_eq!(
        count("SELECT code || price FROM shop_product WHERE id = 5000"),
        "mine1",
        "what only production has stays"
    );
    assert_eq!(
        count("SELECT count(*) || '/' || count(DISTINCT categ_id) FROM shop_product WHERE categ_id = 90"),
        "75/1"
    );
    assert_eq!(count("SELECT count(*) FROM shop_category"), "40");
    assert_eq!(count("SELECT name FROM shop_category WHERE id = 1"), "category 1");
    assert_eq!(count("SELECT parent_path FROM shop_category WHERE id = 21"), "90/7/21/");
    assert_eq!(
        count("SELECT count(*) || '/' || count(DISTINCT (product_id, tag_id)) FROM shop_loose_rel"),
        "501/501"
    );
    assert_eq!(
        count(
            "SELECT count(*) FROM ir_model_data WHERE module = '__export__' AND name = 'it''s' AND res_id = 7 AND noupdate"
        ),
        "1"
    );
    for (sequence, next) in [
        ("ir_sequence_001", "78"),
        ("ir_sequence_002", "11"),
        ("shop_variant_id_seq", "6001"),
        ("shop_product_id_seq", "5001"),
        ("\"shop \"\"note_id_seq\"", "51"),
    ] {
        let sequence = sequence.replace('\'', "''");
        assert_eq!(count(&format!("SELECT nextval('{sequence}')")), next, "{sequence}");
    }
}

#[test]
fn a_set_of_tables_comes_whole_with_all_that_belongs_to_it() {
    let shop = both();
    let (before, definitions_before) = (identity(&shop, "prod"), definitions(&shop, "prod"));
    let staging = content(&shop, "staging");
    let signal = shop.sql("prod", "SELECT last_value, is_called FROM base_cache_signaling_default");
    let keys = shop.sql("prod", "SELECT indexrelid FROM pg_index WHERE indrelid IN ('shop_product'::regclass, 'shop_variant'::regclass) ORDER BY 1");
    plan(&shop, &transfer(&shop), 1);
    let said = go(&shop).code(0);
    let _ = said.says("are the same on both sides").says("1 xml id");
    whole(&shop, "prod");
    assert_eq!(definitions(&shop, "prod"), definitions_before);
    assert_eq!(identity(&shop, "prod"), before);
    content(&shop, "staging").is_that_of(&staging, "the source");
    assert_ne!(shop.sql("prod", "SELECT is_called FROM base_cache_signaling_default"), signal);
    // Those that could be made again were; that which something is written on, and that which lines lean on, stayed.
    let after = shop.sql("prod", "SELECT indexrelid FROM pg_index WHERE indrelid IN ('shop_product'::regclass, 'shop_variant'::regclass) ORDER BY 1");
    let stayed = keys.iter().filter(|oid| after.contains(oid)).count();
    assert_eq!((keys.len(), stayed), (8, 2));
    let record: serde_json::Value = serde_json::from_str(&shop.read("migration/copied.json")).unwrap();
    assert_eq!(
        record["tables"]["shop_product"],
        serde_json::json!({"fresh": 2999, "added": 0, "altered": 1})
    );
    assert_eq!(
        record["tables"]["shop_loose_rel"],
        serde_json::json!({"fresh": 0, "added": 499, "altered": 0})
    );
    let saved = Command::new("zcat").arg(shop.path("migration/ir_model_data.csv.gz")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&saved.stdout).lines().count(), 2, "xml ids as they were");
    let statistics = shop.sql("prod", "SELECT reltuples FROM pg_class WHERE relname = 'shop_variant'");
    assert_eq!(statistics, ["6000"]);
}

#[test]
fn what_was_committed_and_never_told_is_not_copied_again() {
    let shop = both();
    plan(&shop, &transfer(&shop), 1);
    let _ = go(&shop).code(0);
    // The journal of an odpm that died after the commit.
    let journal = fs::read_dir(shop.path(".odpm/journal")).unwrap().flatten().map(|entry| entry.path());
    let journal = journal.max_by_key(|path| fs::metadata(path).unwrap().modified().unwrap()).unwrap();
    let text = fs::read_to_string(&journal).unwrap();
    let begun = text.lines().position(|line| line.contains("\"started\",\"step\":\"copy-tables\"")).unwrap();
    let cut: String = text.lines().take(begun + 1).map(|line| format!("{line}\n")).collect();
    let cut = || fs::write(&journal, &cut).unwrap();
    cut();
    let said = shop.run(&["apply", "--abandon"]).code(0);
    let said = said.says("The rows were committed before the run ended: prod has them.");
    let _ = said.says("prod was not backed up by this run");
    // Later verbs know it, too.
    assert!(fs::read_to_string(&journal).unwrap().contains("it had been committed by the attempt before"));
    cut();
    let _ =
        shop.run(&["apply", "--resume", "--yes"]).code(0).says("it had been committed by the attempt before");
    whole(&shop, "prod");
}
