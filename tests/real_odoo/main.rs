//! odpm with a real Odoo, where `ODPM_TEST_ODOO` names a source tree; counted as skipped elsewhere.

#[allow(dead_code)]
#[path = "../it/sandbox.rs"]
mod sandbox;

use std::io::{Read, Write};
use std::net::TcpStream;

use sandbox::{Sandbox, free_port, skipped};
use serde_json::{Value, json};

/// Odoo's own interface, as its users' programs speak it.
struct Odoo {
    port: u16,
    database: &'static str,
    uid: Value,
}

impl Odoo {
    fn login(port: u16, database: &'static str) -> Self {
        let uid = call(port, "common", "login", &json!([database, "admin", "admin"]));
        assert!(uid.is_number(), "nobody can log in to {database}: {uid}");
        Self { port, database, uid }
    }

    fn execute(&self, model: &str, method: &str, args: Value) -> Value {
        let args = json!([self.database, self.uid, "admin", model, method, args]);
        call(self.port, "object", "execute_kw", &args)
    }
}

fn call(port: u16, service: &str, method: &str, args: &Value) -> Value {
    let params = json!({ "service": service, "method": method, "args": args });
    let body = json!({ "jsonrpc": "2.0", "method": "call", "id": 1, "params": params }).to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let head = "POST /jsonrpc HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json";
    write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let answer: Value = serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {answer}"));
    assert!(answer.get("error").is_none(), "{answer}");
    answer["result"].clone()
}

#[test]
fn a_shop_is_set_up_watched_rolled_back_saved_and_restored() {
    let Some(source) = std::env::var_os("ODPM_TEST_ODOO") else {
        return skipped("ODPM_TEST_ODOO names no source tree of Odoo");
    };
    let (port, source) = (free_port(), source.to_string_lossy().into_owned());
    let odoo = |database: &str, replicas: u8| {
        format!(
            "source: {source}\ndatabase: {database}\nservices: {{odoo: {{port: {port}, replicas: {replicas}}}, odoo-cron: {{replicas: 0}}}}"
        )
    };
    let watch = |shop: &Sandbox| {
        let described = shop.read("odpm.yaml");
        shop.write(
            "odpm.yaml",
            &format!("{described}watchdog: {{models: {{product.template: {{virtual_available: }}}}}}\n"),
        );
    };
    let shop = Sandbox::with(&odoo("shop", 0), "");
    let _ = shop.apply();
    let _ = shop
        .sql("postgres", "CREATE DATABASE shop OWNER odoo TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C'");
    let _ = shop.run(&["-d", "shop", "-i", "stock", "--yes"]).code(0);
    shop.describe(&odoo("shop", 1), "");
    watch(&shop);
    let _ = shop.apply();
    shop.at_rest();

    let at_work = Odoo::login(port, "shop");
    let products = json!([(1..=30)
        .map(|n| json!({ "name": format!("Product {n}"), "list_price": n * 10, "standard_price": n * 6 }))
        .collect::<Vec<_>>()]);
    let ids = at_work.execute("product.template", "create", products);
    let _ = shop.run(&["watchdog", "snapshot", "before"]).code(0).says("virtual_available");
    for (at, id) in ids.as_array().unwrap().iter().enumerate() {
        let price = (at + 1) as f64 * 8.8;
        let _ = at_work.execute("product.template", "write", json!([[id], { "list_price": price }]));
    }
    let said = shop.run(&["watchdog", "diff", "before", "live", "--gate"]).code(3);
    let _ = said.says("30 of 30 rows moved by the same factor, -12 %").says("written by admin (30 rows)");
    let _ = shop
        .run(&["watchdog", "rollback", "before", "live", "--via", "orm", "--yes"])
        .code(0)
        .says("30 rows written");
    let _ = shop.run(&["watchdog", "diff", "before", "live", "--gate"]).code(0);
    let first = json!([[ids[0]], ["list_price", "standard_price"]]);
    let read = at_work.execute("product.template", "read", first.clone());
    assert_eq!((read[0]["list_price"].as_f64(), read[0]["standard_price"].as_f64()), (Some(10.0), Some(6.0)));

    let _ = shop.run(&["database", "backup", "--out", "backups/shop.zip", "--yes"]).code(0);
    let _ = shop.run(&["database", "restore", "shop.zip", "-d", "copy", "--as-copy", "--yes"]).code(0);
    shop.describe(&odoo("copy", 1), "");
    let _ = shop.apply();
    let elsewhere = Odoo::login(port, "copy");
    assert_eq!(elsewhere.execute("product.template", "read", first)[0]["list_price"].as_f64(), Some(10.0));
}
