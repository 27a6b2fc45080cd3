//! Logs of servers, diagnosed.

use std::fs;

use crate::sandbox::{Sandbox, skipped};

const DONE: &str = "\
2026-01-09 08:00:00,001 41 INFO ? odoo: Odoo version 18.0
2026-01-09 08:00:01,001 41 INFO shop odoo.modules.loading: loading 9 modules...
2026-01-09 08:00:02,001 41 ERROR shop odoo.schema: Table 'rent': unable to set NOT NULL on column 'price'
2026-01-09 08:00:05,001 41 INFO shop odoo.modules.loading: 9 modules loaded in 3.00s, 900 queries (+9 extra)
2026-01-09 08:00:05,002 41 INFO shop odoo.modules.loading: Modules loaded.
";

const FAILED: &str = "\
2026-01-09 08:00:00,001 41 INFO ? odoo: Odoo version 18.0
2026-01-09 08:00:01,001 41 INFO shop odoo.modules.loading: loading 9 modules...
2026-01-09 08:00:02,001 41 INFO shop odoo.modules.migration: module rent: Running migration [>18.0.1.1.0] pre-prices
2026-01-09 08:00:02,002 41 ERROR shop odoo.sql_db: bad query: b'UPDATE rent SET price = 1'
ERROR: column \"price\" of relation \"rent\" does not exist
2026-01-09 08:00:03,003 41 CRITICAL shop odoo.service.server: Failed to initialize database `shop`.
Traceback (most recent call last):
  File \"/srv/own/rent/migrations/18.0.1.1.0/pre-prices.py\", line 12, in migrate
    cr.execute(query)
psycopg2.errors.UndefinedColumn: column \"price\" of relation \"rent\" does not exist
";

#[test]
fn the_exit_code_says_whether_something_failed() {
    let shop = Sandbox::new();
    shop.write("done.log", DONE);
    shop.write("failed.log", FAILED);
    shop.write("empty.log", "");
    let diagnose = |log: &str| shop.run(&["upgrade", "diagnose", &shop.path(log).display().to_string()]);
    let calm = diagnose("done.log").code(0).says("The log shows no failure.").says("shop: 9 modules loaded");
    let _ = calm.says("unable to set NOT NULL");
    let told =
        diagnose("failed.log").code(3).says("Line 5: column \"price\" of relation \"rent\" does not exist");
    let _ = told
        .says("pre-migration script")
        .says("pre-prices.py:12")
        .says("SQLSTATE 42703")
        .says("What usually fixes it");
    let _ = diagnose("empty.log").code(1);
    let _ = diagnose("gone.log").code(64);
    let _ = diagnose(".").code(1);
}

/// Logs of real servers, where `ODPM_TEST_LOGS` names a folder with some.
#[test]
fn logs_of_real_servers_are_diagnosed() {
    let Some(folder) = std::env::var_os("ODPM_TEST_LOGS") else {
        return skipped("ODPM_TEST_LOGS names no folder with logs of real servers");
    };
    let known = [
        ("install-ok.log", 0, "The log shows no failure."),
        ("unknown-module.log", 0, "invalid module names, ignored: no_such_module"),
        (
            "invalid-view.log",
            3,
            "Line 53: Element '<field name=\"no_such_field_x\">' cannot be located in parent view",
        ),
        ("missing-dependency.log", 3, "shop_listing depends on queue_job, which is not on the addons path"),
        ("migration-script-missing-column.log", 3, "pre-migrate.py:2"),
    ];
    let shop = Sandbox::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let told = shop.run(&["upgrade", "diagnose", &entry.path().display().to_string()]);
        let name = entry.file_name();
        if let Some((_, code, words)) = known.iter().find(|(known, ..)| name == *known) {
            let _ = told.code(*code).says(words);
        }
    }
}
