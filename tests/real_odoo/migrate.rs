//! A migration of a real Odoo's databases: what was copied is there to be worked with.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::sandbox::{Sandbox, free_port, skipped};
use crate::{Odoo, local, series, source};

/// The real databases, where those of the series are at hand.
fn backups(series: &str) -> Option<(PathBuf, PathBuf)> {
    let folder = std::env::var_os("ODPM_TEST_BACKUPS").map(PathBuf::from)?;
    let zip = |name: &str| folder.join(format!("{name}{}.zip", series.trim_end_matches(".0")));
    let pair = Some((zip("staging"), zip("prod")));
    pair.filter(|(staging, production)| staging.exists() && production.exists())
}

/// Two databases with the same modules: what a person has worked in, and a fresh one.
fn install(shop: &Sandbox, describe: &dyn Fn(&str, u8), port: u16, series: &str) {
    let create = "CREATE DATABASE staging OWNER odoo TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C'";
    let _ = shop.sql("postgres", create);
    let _ = shop.run(&["-d", "staging", "-i", "sale_management,sale_stock", "--yes"]).code(0);
    let _ = shop.run(&["database", "duplicate", "-d", "staging", "shop", "--yes"]).code(0);
    describe("staging", 1);
    let _ = shop.apply();
    let odoo = Odoo::login(port, "staging");
    let category = odoo.execute("product.category", "create", json!([{ "name": "Doors", "parent_id": 1 }]));
    // What is kept in stock is a type of its own before 18.
    let (stored, is) =
        if series < "18" { ("detailed_type", json!("product")) } else { ("is_storable", json!(true)) };
    let products: Vec<Value> = (1..=40)
        .map(|n| json!({ "name": format!("Door {n}"), "list_price": n, "categ_id": category, stored: is }))
        .collect();
    let _ = odoo.execute("product.template", "create", json!([products]));
    let partners: Vec<Value> = (1..=40).map(|n| json!({ "name": format!("Customer {n}") })).collect();
    let partners = odoo.execute("res.partner", "create", json!([partners]));
    let file = json!([{ "name": "contract.txt", "datas": "bWlncmF0ZWQ=", "res_model": "res.partner", "res_id": partners[0] }]);
    let _ = odoo.execute("ir.attachment", "create", file);
}

#[test]
fn what_is_migrated_is_there_to_be_worked_with() {
    let Some(source) = source() else { return };
    let (shop, port) = (Sandbox::new(), free_port());
    let describe = local(&shop, &source, port);
    describe("shop", 0);
    let _ = shop.apply();
    match backups(&series(&source)) {
        Some((staging, production)) => {
            for (name, zip) in [("staging", staging), ("shop", production)] {
                let _ = shop
                    .run(&["database", "restore", &zip.display().to_string(), "-d", name, "--yes"])
                    .code(0);
            }
        }
        None => {
            skipped("the real databases of this series: ODPM_TEST_BACKUPS names no folder of them");
            install(&shop, &describe, port, &series(&source));
        }
    }
    describe("shop", 1);
    let _ = shop.run(&["down", "--yes"]).code(0);
    describe("shop", 0);
    let _ = shop.apply();

    let copy = ["--from", "staging", "--to", "shop", "--set", "e-commerce"];
    let _ = shop.run(&[&["migrate", "apply", "--yes"], &copy[..]].concat()).code(0);
    let _ = shop.run(&["migrate", "verify", "-d", "shop", "--all", "--deep"]).code(0);
    let products = "SELECT count(*), sum(list_price) FROM product_template";
    assert_eq!(shop.sql("shop", products), shop.sql("staging", products));
    let next = "SELECT last_value >= (SELECT max(id) FROM res_partner) FROM res_partner_id_seq";
    assert_eq!(shop.sql("shop", next), ["t"]);

    let _ = shop
        .run_with(&["database", "set-admin-pass", "-d", "shop", "--yes"], &[("ODPM_ADMIN_PASSWORD", "admin")])
        .code(0);
    describe("shop", 1);
    let _ = shop.apply();
    let odoo = Odoo::login(port, "shop");
    let goods = json!([
        [["type", "in", ["consu", "product"]], ["sale_ok", "=", true]],
        ["id", "display_name", "list_price", "image_128"]
    ]);
    let goods = odoo.execute("product.product", "search_read", goods);
    let goods = goods.as_array().unwrap();
    assert!(goods.len() >= 40, "{} products", goods.len());
    let partner: i64 =
        shop.sql("shop", "SELECT max(id) FROM res_partner WHERE NOT is_company").remove(0).parse().unwrap();
    let line = json!([0, 0, { "product_id": goods[0]["id"], "product_uom_qty": 2 }]);
    let order =
        odoo.execute("sale.order", "create", json!([{ "partner_id": partner, "order_line": [line] }]));
    let _ = odoo.execute("sale.order", "action_confirm", json!([[order]]));
    let order =
        odoo.execute("sale.order", "read", json!([[order], ["name", "state", "picking_ids"]]))[0].clone();
    assert_eq!(order["state"], "sale", "{order}");
    assert!(!order["picking_ids"].as_array().unwrap().is_empty(), "{order}");
    let file = json!([{ "name": "delivery.txt", "datas": "ZGVsaXZlcmVk", "res_model": "sale.order", "res_id": order["id"] }]);
    let file = odoo.execute("ir.attachment", "create", file);
    let read = odoo.execute("ir.attachment", "read", json!([[file], ["datas"]]));
    assert_eq!(read[0]["datas"], "ZGVsaXZlcmVk");
    let template = odoo.execute("product.template", "create", json!([{ "name": "A door made here" }]));
    let highest: i64 = shop.sql("staging", "SELECT max(id) FROM product_template").remove(0).parse().unwrap();
    assert!(template.as_i64().unwrap() > highest, "{template}");
    shop.at_rest();
}
