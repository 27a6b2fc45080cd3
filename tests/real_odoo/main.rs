//! odpm with a real Odoo, where `ODPM_TEST_ODOO` names a source tree; counted as skipped elsewhere.

mod migrate;
#[allow(dead_code)]
#[path = "../it/sandbox.rs"]
mod sandbox;
#[allow(dead_code)]
#[path = "../it/shop.rs"]
mod shop;
#[allow(dead_code)]
#[path = "../it/stack.rs"]
mod stack;
mod upgrade;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use sandbox::{Sandbox, free_port, skipped};
use serde_json::{Value, json};
use stack::{Stack, docker, engine};

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

/// The source tree, where there is one.
fn source() -> Option<String> {
    let source = std::env::var_os("ODPM_TEST_ODOO");
    if source.is_none() {
        skipped("ODPM_TEST_ODOO names no source tree of Odoo");
    }
    source.map(|source| source.to_string_lossy().into_owned())
}

/// The series of a source tree: 18.0.
fn series(source: &str) -> String {
    let release = std::fs::read_to_string(format!("{source}/odoo/release.py")).unwrap();
    let info = release.lines().find_map(|line| line.strip_prefix("version_info = (")).unwrap();
    let mut parts = info.split(',').map(|part| part.trim().to_owned());
    format!("{}.{}", parts.next().unwrap(), parts.next().unwrap())
}

/// One Odoo that answers on this port, as odpm.yaml describes it; none where there are no replicas.
fn services(port: u16, replicas: u8) -> String {
    format!("{{odoo: {{port: {port}, replicas: {replicas}}}, odoo-cron: {{replicas: 0}}}}")
}

/// Writes odpm.yaml for an Odoo of the local engine, by database and replicas.
fn local<'s>(shop: &'s Sandbox, source: &'s str, port: u16) -> impl Fn(&str, u8) + 's {
    move |database, replicas| {
        let services = services(port, replicas);
        shop.describe(&format!("source: {source}\ndatabase: {database}\nservices: {services}"), "");
        let described = shop.read("odpm.yaml").replacen("18.0", &series(source), 1);
        shop.write("odpm.yaml", &described);
    }
}

#[test]
fn a_shop_of_the_local_engine_is_set_up_watched_rolled_back_saved_and_restored() {
    let Some(source) = source() else { return };
    let (shop, port) = (Sandbox::new(), free_port());
    story(&shop, port, &local(&shop, &source, port));
}

#[test]
fn a_shop_of_the_docker_engine_is_set_up_watched_rolled_back_saved_and_restored() {
    let Some(source) = source() else { return };
    let Some(stack) = Stack::new() else { return };
    if Command::new("debootstrap").arg("--version").output().is_err() {
        return skipped("an image of Odoo: there is no debootstrap");
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/images/real_odoo.sh");
    let built = Command::new(script).args([&source, &stack.name]).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let image = String::from_utf8_lossy(&built.stdout).trim().to_owned();
    let (shop, port) = (&stack.shop, free_port());
    let describe = |database: &str, replicas: u8| {
        let (major, services, series) = (shop.major, services(port, replicas), series(&source));
        let described = format!(
            "version: 1\nname: {}\nengine: docker\nodoo:\n  version: \"{series}\"\n  image: {image}\n  database: {database}\n  \
             services: {services}\npostgres: {{version: \"{major}\", memory: 512m, image: \"{}\", port: {}}}\n",
            stack.name,
            engine().unwrap(),
            shop.port
        );
        shop.write("odpm.yaml", &described);
    };
    story(shop, port, &describe);
    drop(stack);
    assert!(docker(&["rmi", "-f", &image]));
}

fn story(shop: &Sandbox, port: u16, describe: &dyn Fn(&str, u8)) {
    describe("shop", 0);
    let _ = shop.apply();
    let _ = shop
        .sql("postgres", "CREATE DATABASE shop OWNER odoo TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C'");
    let _ = shop.run(&["-d", "shop", "-i", "stock", "--yes"]).code(0);
    describe("shop", 1);
    let described = shop.read("odpm.yaml");
    let watched = "watchdog: {models: {product.template: {virtual_available: }}}";
    shop.write("odpm.yaml", &format!("{described}{watched}\n"));
    let _ = shop.apply();
    shop.at_rest();

    // A flow that commits, here and over a connection of its own, leaves nothing behind.
    let flow = "partner = env['res.partner'].create({'name': 'left behind'})\nenv.cr.commit()\n\
        with env.registry.cursor() as cr:\n    env(cr=cr)['res.partner'].create({'name': 'left beside'})\n\
        assert partner.exists() and env['mail.mail'].create({'email_to': 'a@example.com'}).send() is not False\n";
    shop.write("checks/flow.py", flow);
    let described = shop.read("odpm.yaml");
    let checks = "checks: {login: {http: /web/login, contains: password}, flow: {shell: checks/flow.py}}";
    shop.write("odpm.yaml", &format!("{described}{checks}\n"));
    let _ = shop.run(&["upgrade", "probe", "--yes"]).code(0).says("all 2 checks hold");
    assert_eq!(shop.sql("shop", "SELECT count(*) FROM res_partner WHERE name LIKE 'left%'"), ["0"]);

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
    describe("copy", 1);
    let _ = shop.apply();
    let elsewhere = Odoo::login(port, "copy");
    assert_eq!(elsewhere.execute("product.template", "read", first)[0]["list_price"].as_f64(), Some(10.0));
}
