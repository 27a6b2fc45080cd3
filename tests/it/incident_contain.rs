//! A shop that is contained, repaired while nobody writes, verified, and reopened step by step.

use crate::incident::shop as fill;
use crate::sandbox::{Sandbox, free_port};
use crate::services::ODOO;

fn shop() -> Sandbox {
    let port = free_port();
    let odoo = format!(
        "database: shop\nsource: ./odoo-src\nservices: {{odoo: {{port: {port}}}, odoo-cron: {{replicas: 2}}}}\n"
    );
    let shop = Sandbox::with(&odoo, "");
    shop.write("odoo-src/odoo-bin", ODOO);
    let yaml = shop.read("odpm.yaml");
    let checks =
        "checks:\n  no order without a customer: SELECT id FROM sale_order WHERE partner_id IS NULL\n";
    shop.write("odpm.yaml", &format!("{yaml}{checks}"));
    fill(&shop);
    shop
}

fn running(shop: &Sandbox) -> [u64; 2] {
    let status = shop.json(&["status", "--format", "json"]);
    ["odoo", "odoo-cron"].map(|name| status["services"][name]["running"].as_u64().unwrap())
}

#[test]
fn what_writes_is_held_back_and_let_go_one_by_one() {
    let shop = shop();
    assert_eq!(running(&shop), [1, 2]);
    let _ = shop.run(&["incident", "note", "nothing is open"]).code(3).says("no incident is open");
    let _ = shop.run(&["incident", "open", "--note", "orders are gone"]).code(0).says("is open");
    let _ = shop.run(&["incident", "open", "--note", "again"]).code(3).says("orders are gone");
    let _ = shop.run(&["incident", "contain", "--plan"]).code(0).says("stop odoo-cron");
    assert_eq!(running(&shop), [1, 2], "a plan changes nothing");

    let done = shop.run(&["incident", "contain", "--read-only", "--yes"]).code(0);
    let _ = done.says("evidence was kept: sessions.json, locks.json").says("services.json");
    assert_eq!(running(&shop), [0, 0]);
    let refused = shop.try_sql("shop", "UPDATE sale_order SET state = 'draft' WHERE id = 1");
    assert!(refused.is_err_and(|said| said.contains("read-only transaction")));
    let _ = shop.run(&["status"]).code(0).says("are held back, and writes, by ").says("orders are gone");

    let _ = shop.run(&["apply", "--yes"]).code(3).says("an incident is contained: nothing is deployed");
    let _ = shop.run(&["database", "rename", "-d", "shop", "other", "--yes"]).code(3).says("is contained");
    let _ = shop.run(&["scale", "--service", "odoo-cron", "--reset", "--yes"]).code(3).says("is contained");
    let _ = shop.run(&["database", "backup", "-d", "shop", "--yes"]).code(0);
    // Contained once more it stays as it is; with less held back, writes go through again.
    let _ = shop.run(&["incident", "contain", "--read-only", "--yes"]).code(0);
    let _ = shop
        .run(&["incident", "contain", "-d", "postgres", "--yes"])
        .code(3)
        .says("shop is contained already");
    let _ = shop.run(&["incident", "close", "--note", "x"]).code(3).says("is held back still");

    // Odoo's own sessions say that they write; nobody else's may.
    let broken = shop.run(&["incident", "verify"]).code(0);
    let _ = broken
        .says("passed   no order without a customer")
        .says("passed   sequences are ahead of their tables");

    let again = shop.read("odoo-src/odoo-bin").replace(
        "        time.sleep(1)",
        "        time.sleep(0.2); print(time.strftime('%Y-%m-%d %H:%M:%S,999', time.gmtime()), '1 ERROR shop odoo.sql_db: bad query', flush=True)",
    );
    shop.write("odoo-src/odoo-bin", &again);
    let trouble = shop.run(&["incident", "reopen", "--watch", "1s", "--yes"]).code(3);
    let _ = trouble.says("it is held back again: there was trouble").says("odoo.sql_db: bad query");
    assert_eq!(running(&shop), [0, 0]);
    let said =
        shop.run(&["incident", "verify", "--logs", "5m"]).code(3).says("BROKEN   the logs of the last 5m");
    let _ = said.says("1 of ");

    let steps = shop.run(&["incident", "reopen", "--watch", "1s", "--errors", "100", "--yes"]).code(0);
    let _ = steps.says("Everything runs as odpm.yaml says");
    assert_eq!(running(&shop), [1, 2]);
    let _ = shop.sql("shop", "UPDATE sale_order SET state = 'draft' WHERE id = 1");
    let _ = shop.run(&["incident", "reopen"]).code(0).says("Nothing is held back");
    shop.at_rest();

    let _ = shop.run(&["incident", "note", "--decision", "no cutback: sound orders came since"]).code(0);
    let _ = shop.run(&["incident", "close", "--note", "the sync has a limit now"]).code(0);
    let report = shop.run(&["incident", "report"]).code(0);
    let report =
        report.says("orders are gone").says("odpm incident contain (").says("trouble while it was reopened");
    let _ = report.says("DECISION  no cutback").says("closed").says("Left open\n  nothing");
    let _ = shop.run(&["incident", "report", "--html", "incident.html"]).code(0);
    assert!(shop.read("incident.html").contains("<td>no cutback: sound orders came since</td>"));
    let folder = std::fs::read_dir(shop.path(".odpm/incidents")).unwrap().next().unwrap().unwrap().path();
    let timeline = folder.join("timeline.jsonl");
    let text = std::fs::read_to_string(&timeline).unwrap();
    std::fs::write(&timeline, text.replace("orders are gone", "all is well")).unwrap();
    let _ = shop.run(&["incident", "report"]).code(0).says("was edited by hand: line 2 does not follow");
}

#[test]
fn gates_that_cannot_be_asked_are_not_passed() {
    let shop = shop();
    let yaml = shop.read("odpm.yaml");
    shop.write(
        "odpm.yaml",
        &yaml.replace("checks:\n", "checks:\n  a mistake: SELECT nothing FROM nowhere\n"),
    );
    let said = shop.run(&["incident", "verify"]).code(3);
    let _ = said.says("unknown  a mistake").says("passed   no order without a customer");
    let _ = shop.sql("shop", "SELECT setval('sale_order_id_seq', 5)");
    let said = shop.run(&["incident", "verify", "--format", "json"]).code(3).out;
    let answer: serde_json::Value = serde_json::from_str(&said).unwrap();
    let gate = answer["gates"].as_array().unwrap().iter().find(|gate| gate["broken"] == 1).unwrap().clone();
    assert_eq!(gate["first"], "sale_order.id, 1000, 5");
}

#[test]
fn an_upgrade_that_rests_is_no_incident() {
    let shop = Sandbox::with("database: shop", "");
    let run = "20261120T210000Z-1a2b3c4d";
    let held = format!(
        r#"{{"format_version": 1, "by": "ana", "since": "2026-11-20T21:00:00Z", "database": "shop", "read_only": false, "limits": {{}}, "upgrade": "{run}"}}"#
    );
    shop.write(".odpm/contained.json", &held);
    let _ = shop.run(&["status"]).code(0).says(&format!("{run} of shop is not at its end"));
    let _ = shop.run(&[]).code(0).says("Next: go on with the upgrade: odpm upgrade run --fix-forward");
}
