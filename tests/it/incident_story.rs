//! The whole story: a shop at work, a script that ruins it, and the way back, with a ledger of what should be there.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use crate::incident::{ROGUE, shop};
use crate::sandbox::Sandbox;
use crate::stack::{Stack, engine};

/// Sound work goes to the shop and to a ledger, the same statements in the same order; what the script does only to the shop.
struct Work<'a> {
    shop: &'a Sandbox,
    done: usize,
}

impl Work<'_> {
    fn both(&mut self, sql: &str) {
        for database in ["shop", "ledger"] {
            let _ = self.shop.sql(database, sql);
        }
        self.done += 1;
    }

    /// An order, and a line of it; an older order goes on.
    fn order(&mut self) {
        let (at, n) = (self.shop.sql("shop", "SELECT now() AT TIME ZONE 'UTC'").remove(0), self.done);
        self.both(&format!(
            "INSERT INTO sale_order (name, state, amount_total, partner_id, create_date, write_date, write_uid) \
                 VALUES ('L{n}', 'draft', 5.50, {partner}, '{at}', '{at}', 2); \
             INSERT INTO sale_order_line (product, price, order_id, create_date, write_date, write_uid) \
                 SELECT 'P', 1.0 / 3, max(id), '{at}', '{at}', 2 FROM sale_order; \
             UPDATE sale_order SET state = 'done', write_date = '{at}', write_uid = 2 WHERE id = {old}",
            partner = 100 + n % 200,
            old = 801 + n % 100,
        ));
    }

    /// People go on with rows that the script has damaged: a note, and a state of their own.
    fn after(&mut self) {
        let at = self.shop.sql("shop", "SELECT now() AT TIME ZONE 'UTC'").remove(0);
        let living = "partner_id NOT IN (SELECT generate_series(1, 60))";
        self.both(&format!(
            "UPDATE sale_order SET note = 'call back', write_date = '{at}', write_uid = 2 WHERE id BETWEEN 400 AND 420 AND {living}; \
             UPDATE sale_order SET state = 'done', write_date = '{at}', write_uid = 2 WHERE id BETWEEN 421 AND 425 AND {living}"
        ));
    }
}

/// Everything of a database, as text.
fn everything(shop: &Sandbox, database: &str) -> Vec<String> {
    let tables = ["res_users", "res_partner", "sale_order", "sale_order_line", "sale_order_tag_rel"];
    let table = |table: &&str| {
        let key = if table.ends_with("_rel") { "order_id, tag_id" } else { "id" };
        shop.sql(
            database,
            &format!("SET extra_float_digits = 3; SELECT '{table}', t.* FROM {table} t ORDER BY {key}"),
        )
    };
    tables.iter().flat_map(table).collect()
}

fn told(shop: &Sandbox) {
    let _ = shop.sql("postgres", "CREATE DATABASE ledger OWNER odoo TEMPLATE shop");
    let begun = shop.sql("postgres", "SELECT to_json(now())#>>'{}'").remove(0);
    let mut work = Work { shop, done: 0 };
    (0..6).for_each(|_| work.order());
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                work.order();
            }
            work.after();
            (0..4).for_each(|_| work.order());
        });
        sleep(Duration::from_millis(400));
        let _ = shop.sql("shop", ROGUE);
        sleep(Duration::from_millis(600));
        stop.store(true, Ordering::Relaxed);
        load.join().unwrap();
    });
    let _ = shop.sql("postgres", "SELECT pg_switch_wal()");
    crate::stack::wait_for(|| {
        shop.sql("postgres", "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'")
            == ["0"]
    });
    let damaged = everything(shop, "shop");
    assert_ne!(damaged, everything(shop, "ledger"));

    let found = shop.json(&["incident", "blast-radius", "--since", &begun, "--format", "json"]);
    let (before, after) =
        (found["t_recover"].as_str().unwrap(), found["transactions"][0]["committed_at"].as_str().unwrap());
    let _ = shop.run(&["incident", "sidecar", "--at", before, "--name", "before", "--yes"]).code(0);
    let _ = shop.run(&["incident", "sidecar", "--at", after, "--name", "after", "--yes"]).code(0);
    let repair = ["incident", "repair", "--after", "after"];
    let shown = shop.run(&[&repair[..], &["--plan"]].concat()).code(0);
    let shown = shown.says("res_partner         60 put back").says("sale_order_tag_rel  120 put back");
    let _ = shown
        .says("conflict")
        .says("state is \"done\" now, was \"cancel\" after the damage and \"sale\" before");
    assert_eq!(everything(shop, "shop"), damaged, "a plan changes nothing");
    let done = shop.run(&[&repair[..], &["--yes"]].concat()).code(0);
    let run = done.out.split("incident repair (").nth(1).unwrap().split(')').next().unwrap().to_owned();
    assert_eq!(everything(shop, "shop"), everything(shop, "ledger"));
    let _ = shop.run(&[&repair[..], &["--yes"]].concat()).code(0).says("Nothing is to be repaired");
    // Taken back, and repaired once more, by the script that was left for people.
    let _ = shop.run(&["undo", &run, "--yes"]).code(0);
    assert_eq!(everything(shop, "shop"), damaged);
    let script = shop.read(&format!(".odpm/repairs/{run}.written.sql"));
    assert!(script.contains("BEGIN;\nINSERT INTO \"res_partner\""), "{}", &script[..200]);
    let _ = shop.run(&[&repair[..], &["--chunk", "100", "--yes"]].concat()).code(0).says("5 steps");
    assert_eq!(everything(shop, "shop"), everything(shop, "ledger"));
}

#[test]
fn every_damaged_row_comes_back_and_every_later_change_stays() {
    let sandbox = Sandbox::with("database: shop", "");
    shop(&sandbox);
    told(&sandbox);
}

#[test]
fn with_repositories_of_pgbackrest_too() {
    if !crate::pgbackrest::there() {
        return;
    }
    let sandbox = Sandbox::with("database: shop", "");
    crate::incident::kept(&sandbox, "{method: pgbackrest}");
    // Its base backups tell whole seconds.
    sleep(Duration::from_millis(1100));
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
