//! Tables watched against their own history, on a real cluster.

use std::process::Stdio;

use crate::sandbox::Sandbox;
use crate::shop::psql;

fn fill(shop: &Sandbox) {
    let _ = shop.sql("postgres", "CREATE DATABASE shop OWNER odoo TEMPLATE template0");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/incident.sql");
    let output = psql(shop, "shop").args(["-v", "ON_ERROR_STOP=1", "-f", script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Lets two days pass in which nothing happened: the last reading, every three hours of them.
fn days_pass(shop: &Sandbox) {
    let text = shop.read(".odpm/watch/shop.jsonl");
    let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let now: jiff::Timestamp = last["at"].as_str().unwrap().parse().unwrap();
    let mut lines = String::new();
    for back in (0..16).rev() {
        let mut reading = last.clone();
        reading["at"] = (now - jiff::SignedDuration::from_hours(back * 3)).to_string().into();
        lines.push_str(&format!("{reading}\n"));
    }
    // A line that was damaged is no reason to fail.
    shop.write(".odpm/watch/shop.jsonl", &format!("{{\"at\n{lines}"));
}

#[test]
fn it_learns_stays_quiet_alarms_and_begins_anew_after_a_restore() {
    let shop = Sandbox::with("database: shop", "");
    let _ = shop.apply();
    let _ = shop.run(&["incident", "watch"]).code(1).says("shop");
    fill(&shop);
    let first =
        shop.run(&["incident", "watch"]).code(0).says("shop: learning what is usual, 0 of 8 intervals");
    assert_eq!(first.out.lines().count(), 1, "{}", first.out);
    assert_eq!(first.err, "");
    let _ = shop.run(&["incident", "watch"]).code(0).says("4,303 rows in 4 tables");
    days_pass(&shop);
    let quiet = shop.run(&["incident", "watch"]).code(0).says("shop: quiet; 4,303 rows in 4 tables");
    assert_eq!(quiet.out.lines().count(), 1);

    let _ = psql(&shop, "shop").args(["-c", "DELETE FROM res_partner WHERE id <= 60"]).output().unwrap();
    let alarm = shop.run(&["incident", "watch"]).code(3).says("ALARM shop within");
    let alarm = alarm
        .says("res_partner lost 60 of 300 rows, 20 % (usually none)")
        .says("sale_order lost 239 of 1,000");
    assert_eq!(alarm.out.lines().count(), 1);
    // What it hints at can be run as it stands.
    let hint = alarm.out.split("next: odpm ").nth(1).unwrap().trim();
    let _ = shop.run(&hint.split(' ').collect::<Vec<_>>()).code(0).says("what was written since");
    let _ = shop.run(&["incident", "watch"]).code(0).says("quiet");

    // One that took its place, as a restore does, is another database.
    let _ = shop.sql("postgres", "ALTER DATABASE shop RENAME TO shop_before");
    let _ = shop.sql("postgres", "CREATE DATABASE shop OWNER odoo TEMPLATE shop_before");
    let anew = shop.run(&["incident", "watch"]).code(0).says("learning what is usual, 0 of 8");
    let _ = anew.says("another database than at the last reading");
    assert_eq!(shop.read(".odpm/watch/shop.jsonl").lines().count(), 1);
}

#[test]
fn it_waits_for_nobody_and_watches_what_it_is_told_to() {
    let shop = Sandbox::with("database: shop", "");
    let _ = shop.apply();
    fill(&shop);
    let yaml = shop.read("odpm.yaml");
    let write = |list: &str| shop.write("odpm.yaml", &format!("{yaml}incident: {{watch: {list}}}\n"));
    write("[]");
    let _ = shop.run(&["validate"]).code(1).says("no table is named");
    write("[sale.order, 'drop table']");
    let _ = shop.run(&["validate"]).code(1).says("`drop table` is not the name of a table").says(":10:32");
    write("[sale.order, x_contract]");
    // Somebody holds the table, as an upgrade does.
    let mut holder = psql(&shop, "shop")
        .env("PGAPPNAME", "holder")
        .args(["-c", "BEGIN; LOCK sale_order; SELECT pg_sleep(60)"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let held = "SELECT 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE a.application_name = 'holder' \
         AND l.mode = 'AccessExclusiveLock' AND l.granted";
    crate::stack::wait_for(|| shop.sql("postgres", held).len() == 1);
    let begin = std::time::Instant::now();
    let said = shop.json(&["incident", "watch", "--format", "json"]);
    assert!(begin.elapsed().as_secs() < 20, "{:?}", begin.elapsed());
    let _ = holder.kill();
    let _ = holder.wait();
    assert_eq!(said["tables"]["sale_order"]["exact"], false, "{said}");
    assert_eq!(said["tables"].as_object().unwrap().len(), 1);
    assert_eq!(said["notes"][0], "there is no table x_contract");
    assert_eq!(said["standing"], "learning");
    write("[nothing]");
    let _ = shop
        .run(&["incident", "watch", "-d", "postgres"])
        .code(3)
        .says("none of the tables to watch is in postgres");
}
