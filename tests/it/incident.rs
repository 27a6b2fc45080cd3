//! Damage found, dated, and laid beside the truth, on real clusters.

use std::thread::sleep;
use std::time::Duration;

use crate::archive::now;
use crate::sandbox::Sandbox;
use crate::shop::psql;
use crate::stack::{Stack, engine};

/// A project whose log is kept, with a shop in its database.
pub fn shop(shop: &Sandbox) {
    kept(shop, "{method: basebackup}");
}

/// The same, with the log kept so.
pub fn kept(shop: &Sandbox, archive: &str) {
    let yaml = shop.read("odpm.yaml");
    shop.write("odpm.yaml", &format!("{yaml}archive: {archive}\n"));
    let _ = shop.run(&["archive", "enable", "--yes"]).code(0);
    let _ = shop.sql("postgres", "CREATE DATABASE shop OWNER odoo TEMPLATE template0");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/incident.sql");
    let output = psql(shop, "shop").args(["-v", "ON_ERROR_STOP=1", "-f", script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let _ = shop.run(&["archive", "basebackup", "--yes"]).code(0);
}

fn sql(shop: &Sandbox, text: &str) -> Vec<String> {
    shop.sql("shop", text)
}

/// Orders that people write meanwhile.
fn work(shop: &Sandbox, name: &str) {
    let _ = sql(
        shop,
        &format!(
            "INSERT INTO sale_order (name, state, amount_total, partner_id, create_date, write_date, write_uid) \
             SELECT '{name}', 'draft', 5, 200, d, d, 2 FROM (SELECT now() AT TIME ZONE 'UTC' AS d) w; \
             UPDATE sale_order SET state = 'done', write_date = now() AT TIME ZONE 'UTC', write_uid = 2 WHERE id IN (801, 802)"
        ),
    );
}

/// Four hundred orders cancelled and sixty customers deleted, with everything that hangs on them, by a script.
pub const ROGUE: &str = "BEGIN; \
     UPDATE sale_order SET state = 'cancel', write_date = now() AT TIME ZONE 'UTC', write_uid = 3 WHERE id BETWEEN 301 AND 700; \
     DELETE FROM res_partner WHERE id <= 60; COMMIT";

fn told(shop: &Sandbox) {
    // How the shop came about is no damage.
    let since = now(shop);
    let blast_radius = ["incident", "blast-radius", "--since", &since];
    let as_json = [&blast_radius[..], &["--format", "json"]].concat();
    work(shop, "before");
    sleep(Duration::from_millis(50));
    let _ = sql(shop, ROGUE);
    sleep(Duration::from_millis(50));
    work(shop, "after");
    let _ = shop.sql("postgres", "SELECT pg_switch_wal()");
    crate::stack::wait_for(|| {
        shop.sql("postgres", "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'")
            == ["0"]
    });

    let found = shop.json(&as_json);
    let greatest = &found["transactions"][0]["tables"];
    assert_eq!(greatest["res_partner"]["deleted"], 60);
    assert!(found["why"].as_str().unwrap().contains("is the first that stands out"), "{found}");
    // Wherever the shop is.
    let mut abroad = shop.command(&as_json);
    let abroad = abroad.env("TZ", "America/New_York").output().unwrap().stdout;
    let abroad: serde_json::Value = serde_json::from_slice(&abroad).unwrap();
    assert_eq!(abroad["t_recover"], found["t_recover"], "{abroad}");
    let text = shop.run(&blast_radius).code(0);
    let text = text.says("sale_order").says("sync ").says("an hour are usual").says("60 deleted");
    let _ = text.says("T_recover").says("Next: odpm incident sidecar --at ");

    let at = found["t_recover"].as_str().unwrap().to_owned();
    let _ = shop.run(&["incident", "sidecar", "--at", &at, "--name", "before", "--yes"]).code(0);
    let differs = shop.run(&["incident", "diff"]).code(0);
    let differs = differs.says("60 rows removed").says("1 row added").says("written by sync (281 rows)");
    let differs = differs
        .says("What the lost rows took with them")
        .says("of sale_order went with rows of res_partner (partner_id)");
    let partners = shop.json(&["incident", "diff", "--table", "res_partner", "--format", "json"]);
    let altered = &partners["models"][0]["altered"];
    assert_eq!(altered["rows"], 41, "those whose parents are gone, by a reference that was emptied");
    let json = shop.json(&["incident", "diff", "--table", "sale_order", "--format", "json"]);
    let orders = &json["models"][0];
    // Orders of the sixty are gone; of the others those that were cancelled, and the two that people went on with.
    assert_eq!(orders["removed"]["rows"], 239);
    assert_eq!(orders["added"]["rows"], 1);
    assert_eq!(orders["altered"]["rows"], 283, "281 cancelled and not deleted, and 801 and 802");
    let _ = differs.says("of sale_order_tag_rel went with rows of sale_order (order_id)");
    let _ = sql(shop, "ALTER TABLE res_partner DROP COLUMN email; DROP TABLE sale_order_tag_rel");
    let apart = shop.run(&["incident", "diff"]).code(0).says("sale_order_tag_rel is GONE from the primary");
    let _ = apart.says("res_partner.email is GONE from the primary");
    let _ = shop.run(&["incident", "diff", "--table", "nothing"]).code(3).says("there is no table nothing");
    let _ = shop.run(&["incident", "sidecar", "rm", "before", "--yes"]).code(0);
    let _ = shop.run(&["incident", "diff"]).code(3).says("there is no such sidecar");
}

#[test]
fn a_rogue_script_is_dated_by_the_log_and_its_damage_laid_beside_the_truth() {
    let sandbox = Sandbox::with("database: shop", "");
    shop(&sandbox);
    told(&sandbox);
}

#[test]
fn in_containers_too() {
    let Some(stack) = Stack::new() else { return };
    stack.describe(engine().unwrap(), "");
    let yaml = stack.shop.read("odpm.yaml").replace("odoo:\n", "odoo:\n  database: shop\n");
    stack.shop.write("odpm.yaml", &yaml);
    shop(&stack.shop);
    told(&stack.shop);
}

#[test]
fn without_a_log_what_is_written_on_the_rows_has_to_do() {
    let shop = Sandbox::with("database: shop", "");
    let _ = shop.apply();
    let _ = shop.sql("postgres", "CREATE DATABASE shop OWNER odoo TEMPLATE template0");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/incident.sql");
    let output = psql(&shop, "shop").args(["-v", "ON_ERROR_STOP=1", "-f", script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let quiet = shop.run(&["incident", "blast-radius", "--since", "20h"]).code(0);
    let _ = quiet.says("Nothing stands out").says("was not read: odpm.yaml describes no archive");
    let _ = sql(&shop, ROGUE);
    let found = shop.run(&["incident", "blast-radius", "--since", "20h"]).code(0);
    let _ = found.says("T_recover").says("of sale_order by sync").says("2 tables without it");
    let _ = shop.run(&["incident", "blast-radius", "--since", "soon"]).code(64).says("--since 30m");
}

#[test]
fn statements_are_cancelled_and_sessions_terminated_by_their_process() {
    let shop = Sandbox::new();
    let _ = shop.apply();
    let sleep = |name: &str, sql: &str| {
        psql(&shop, "postgres")
            .env("PGAPPNAME", name)
            .args(["-c", sql, "-c", "SELECT 'went on'"])
            .spawn()
            .unwrap()
    };
    let pid = |name: &str| -> String {
        let sql = format!(
            "SELECT pid FROM pg_stat_activity WHERE application_name = '{name}' AND query LIKE '%pg_sleep%'"
        );
        crate::stack::wait_for(|| shop.sql("postgres", &sql).len() == 1);
        shop.sql("postgres", &sql).remove(0)
    };
    let (mut one, mut two) = (
        sleep("one", "SELECT pg_sleep(300)"),
        sleep(
            "two",
            "DO $$BEGIN LOOP BEGIN PERFORM pg_sleep(300); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END$$",
        ),
    );
    let (first, second) = (pid("one"), pid("two"));
    let _ = shop.run(&["incident", "sessions"]).code(0).says("odoo in postgres").says("SELECT pg_sleep(300)");
    let _ = shop
        .run(&["incident", "sessions", "--cancel", &first])
        .code(3)
        .says("cancel the statement of process");
    let _ = shop.run(&["incident", "sessions", "--cancel", &first, "--yes"]).code(0);
    assert!(one.wait().unwrap().success(), "the session goes on with its next statement");
    // One that catches the cancel is told, and terminated only when that is asked for.
    let _ = shop
        .run(&["incident", "sessions", "--cancel", &second, "--yes"])
        .code(0)
        .says("IT GOES ON in spite of the cancel");
    let _ = shop.run(&["incident", "sessions", "--terminate", &second, "--yes"]).code(0);
    assert!(!two.wait().unwrap().success());
    let _ = shop.run(&["incident", "sessions", "--cancel", "1", "--yes"]).code(3).says("there is no session");
}
