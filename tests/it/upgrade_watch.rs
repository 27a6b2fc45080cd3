//! What an upgrade does to rows: a snapshot and a judged comparison as steps of plans.

use std::fs;
use std::path::PathBuf;

use odpm::base::SecretRef;
use odpm::plan::PlannedStep;
use odpm::project::{ChangeKind, Expect};
use odpm::step::{Endpoint, Operator, Programs, WatchSpec};
use odpm::upgrade::watched::{self, Watch};
use serde_json::Value;

use crate::sandbox::{Said, Sandbox, bin_dir};
use crate::watchdog::{catalogue, sql};

struct Upgrade {
    shop: Sandbox,
    operator: Operator,
    folder: PathBuf,
}

impl Upgrade {
    fn new() -> Self {
        let shop = catalogue(300, "");
        let operator = Operator {
            endpoint: Endpoint { host: "127.0.0.1".to_owned(), port: shop.port, tls: None, container: None },
            role: "postgres".to_owned(),
            secret: SecretRef::AdminPassword,
            app_role: "odoo".to_owned(),
            app: SecretRef::AppPassword,
            programs: Programs::Local { bin_dir: bin_dir() },
        };
        let folder = shop.path(".odpm/upgrades/r1");
        Self { shop, operator, folder }
    }

    /// A plan of one step, saved and applied.
    fn does(&self, name: &str, step: &PlannedStep) -> Said {
        let _ = self.shop.run(&["plan", "--out", name]).code(0);
        let mut plan: Value = serde_json::from_str(&self.shop.read(name)).unwrap();
        plan["command"] = "upgrade run".into();
        plan["steps"] = serde_json::to_value([step]).unwrap();
        self.shop.write(name, &plan.to_string());
        self.shop.run(&["apply", name, "--yes"])
    }

    fn changes(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.folder.join("changes.json")).unwrap()).unwrap()
    }
}

fn spec() -> WatchSpec {
    serde_json::from_value(serde_json::json!({
        "models": {
            "product.template": {"list_price": false, "default_code": false, "sale_ok": false, "active": false},
            "stock.quant": {"quantity": false, "reserved_quantity": true},
            "marketplace.listing": {"price": false, "last_synced_at": true},
            "not.installed": {"name": false},
        },
        "derive": {"product.template": {"words": "SELECT id, length(default_code) FROM product_template"}},
    }))
    .unwrap()
}

fn expect(field: &str, rows: u64) -> Expect {
    Expect {
        model: "product.template".to_owned(),
        fields: vec![field.to_owned()],
        changes: vec![ChangeKind::Altered],
        filter: Default::default(),
        rows: Some(rows),
        percent: None,
        shift: None,
    }
}

#[test]
fn an_upgrade_is_judged_by_what_it_did_to_rows() {
    let upgrade = Upgrade::new();
    let (shop, spec) = (&upgrade.shop, spec());
    let expected = [expect("sale_ok", 5)];
    let watch = Watch {
        operator: &upgrade.operator,
        database: "shop",
        spec: &spec,
        expect: &expected,
        folder: &upgrade.folder,
        by: "olga@shop",
        gate: true,
    };
    let _ = upgrade.does("a.plan", &watched::before(&watch)).code(0).says("rows of 3 models");
    // Another attempt takes its place, and what a killed one has left goes.
    fs::write(upgrade.folder.join(".odpm-left"), "half a snapshot").unwrap();
    let _ = upgrade.does("b.plan", &watched::before(&watch)).code(0).says("rows of 3 models");
    let names = fs::read_dir(&upgrade.folder).unwrap().flatten().map(|entry| entry.file_name());
    let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    assert_eq!(names, ["before.json", "before.jsonl.zst"]);
    assert!(!shop.path(".odpm/snapshots").exists());

    // What is noise and what is expected stops nothing; what is not there any more is named, and a query that it breaks, too.
    let _ = sql(
        shop,
        "UPDATE marketplace_listing SET last_synced_at = now();
         UPDATE product_template SET sale_ok = NOT sale_ok WHERE id IN (SELECT min(id) FROM product_template);
         ALTER TABLE product_template RENAME COLUMN default_code TO code;
         ALTER TABLE product_template ADD COLUMN new_field integer;
         ALTER TABLE stock_quant ALTER COLUMN quantity TYPE text",
    );
    let said = upgrade.does("c.plan", &watched::after(&watch)).code(0);
    let said =
        said.says("0 rows unexpected, 1 expected").says("no longer there: product.template.default_code");
    let said = said.says("no longer compared: stock.quant.quantity: it has another type now");
    let _ = said.says("no longer compared: product.template.words: its query has no answer");
    let found = upgrade.changes();
    assert_eq!(found["format_version"], 1);
    assert_eq!(found["unexpected"], 0);
    assert!(found["noise"].as_u64().unwrap() > 0);
    assert_eq!(found["gone"].as_array().unwrap().len(), 3, "{}", found["gone"]);
    assert_eq!(found["gone"][0]["what"], "product.template.default_code");

    // What nobody expects stops the run, and is written down all the same.
    let _ = sql(
        shop,
        "UPDATE product_template SET list_price = list_price * 0.5 WHERE id % 3 = 0; DROP TABLE marketplace_listing CASCADE",
    );
    let said = upgrade.does("d.plan", &watched::after(&watch)).code(3);
    let said = said.says("changed that nobody expected").says("product.template.list_price: ");
    let _ = said.says("no longer there: marketplace.listing").says("changes.json").says("watchdog.expect");
    assert!(upgrade.changes()["unexpected"].as_u64().unwrap() > 50);
    let _ = shop.run(&["apply", "--abandon"]).code(0);
    // In a rehearsal it is told.
    let rehearsal = Watch { gate: false, ..watch };
    let _ = upgrade.does("e.plan", &watched::after(&rehearsal)).code(0).says("unexpected, 1 expected");
}

#[test]
fn a_snapshot_that_is_gone_or_damaged_is_told() {
    let upgrade = Upgrade::new();
    let spec = spec();
    let watch = Watch {
        operator: &upgrade.operator,
        database: "shop",
        spec: &spec,
        expect: &[],
        folder: &upgrade.folder,
        by: "olga@shop",
        gate: true,
    };
    let _ = upgrade.does("a.plan", &watched::after(&watch)).code(1).says("before.json");
    let _ = upgrade.shop.run(&["apply", "--abandon"]).code(0);
    let _ = upgrade.does("b.plan", &watched::before(&watch)).code(0);
    let rows = watch.snapshot();
    let mut bytes = fs::read(&rows).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    fs::write(&rows, bytes).unwrap();
    let _ = upgrade.does("c.plan", &watched::after(&watch)).code(1).says("is not what was written");
}
