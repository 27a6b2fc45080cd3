//! Upgrades from end to end: Odoo is played by a program that does what its modules say, PostgreSQL is real.

use std::fs;

use crate::sandbox::{Said, Sandbox, bin_dir, free_port};
use crate::shop::{Content, content, files, fill, label, label_of};

pub const ODOO: &str = include_str!("upgrade_odoo.py");

/// A shop that runs, with the modules `rent` and `lease`.
pub fn shop(more: &str) -> Sandbox {
    let port = free_port();
    let odoo = format!(
        "source: ./odoo-src\naddons: [./addons]\ndatabase: shop\nservices: {{odoo: {{port: {port}}}, odoo-cron: {{replicas: 1}}}}\n"
    );
    let shop = Sandbox::with(&odoo, "");
    let described = shop.read("odpm.yaml");
    shop.write("odpm.yaml", &format!("{described}upgrade: {{watch: 0s{more}}}\n"));
    shop.write("odoo-src/odoo-bin", &ODOO.replace("PSQL", &bin_dir().join("psql").display().to_string()));
    for (place, manifest) in [
        ("odoo-src/odoo/addons/base", "{'name': 'base', 'version': '1.3'}"),
        ("odoo-src/addons/web", "{'name': 'web', 'version': '1.0', 'depends': ['base']}"),
    ] {
        shop.write(&format!("{place}/__manifest__.py"), manifest);
        shop.write(&format!("{place}/__init__.py"), "");
    }
    for module in ["rent", "lease"] {
        version(&shop, module, "1.1");
    }
    let _ = shop.apply();
    fill(&shop, "shop");
    fill_modules(&shop);
    let _ = shop.run(&["database", "backup", "--yes"]).code(0);
    shop
}

/// The modules of the database, and the table of one.
pub fn fill_modules(shop: &Sandbox) {
    let _ = shop.sql(
        "shop",
        "INSERT INTO ir_module_module (name, state, latest_version) VALUES ('rent', 'installed', '18.0.1.0'), ('lease', 'installed', '18.0.1.0'); \
         CREATE TABLE rent (id serial PRIMARY KEY, price numeric, name varchar); ALTER TABLE rent OWNER TO odoo; \
         INSERT INTO rent (price, name) SELECT n, 'flat ' || n FROM generate_series(1, 500) n; \
         CREATE TABLE IF NOT EXISTS ir_module_module_dependency (id serial, name varchar, module_id integer); \
         ALTER TABLE ir_module_module_dependency OWNER TO odoo",
    );
}

/// The manifest of a module.
pub fn version(shop: &Sandbox, module: &str, version: &str) {
    let text = format!("{{'name': '{module}', 'version': '{version}', 'depends': ['base'], 'data': []}}\n");
    shop.write(&format!("addons/{module}/__manifest__.py"), &text);
    shop.write(&format!("addons/{module}/__init__.py"), "");
}

/// A failure of a module: by then it has damaged what it could.
pub fn failing(shop: &Sandbox, module: &str, traceback: &str) {
    let damage =
        "DELETE FROM rent WHERE id % 2 = 0; ALTER TABLE rent DROP COLUMN price; DELETE FROM ir_attachment";
    let failure = serde_json::json!({ "sql": damage, "traceback": traceback });
    shop.write(&format!("addons/{module}/failure.json"), &failure.to_string());
}

/// Everything in the database and its filestore.
pub fn whole(shop: &Sandbox) -> (Content, Vec<String>) {
    let mut names = Vec::new();
    for folder in fs::read_dir(files(shop, "shop")).unwrap().flatten() {
        for file in fs::read_dir(folder.path()).into_iter().flatten().flatten() {
            names.push(format!("{} {:?}", file.path().display(), fs::read(file.path()).unwrap()));
        }
    }
    names.sort();
    (content(shop, "shop"), names)
}

/// The databases of odpm's own that are there.
pub fn own(shop: &Sandbox) -> Vec<String> {
    shop.sql("postgres", "SELECT datname FROM pg_database WHERE datname LIKE 'odpm%' ORDER BY 1")
}

pub fn modules(shop: &Sandbox) -> Vec<String> {
    shop.sql(
        "shop",
        "SELECT name || ' ' || state || ' ' || latest_version FROM ir_module_module WHERE name IN ('rent', 'lease') ORDER BY 1",
    )
}

/// Whether everything runs and anything may be deployed.
#[track_caller]
pub fn in_service(shop: &Sandbox) {
    let status = shop.json(&["status", "--format", "json"]);
    assert_eq!(status["services"]["odoo"]["running"], 1, "{status}");
    assert_eq!(status["services"]["odoo-cron"]["running"], 1, "{status}");
    assert!(!shop.path(".odpm/contained.json").exists());
    let open = shop.sql("postgres", "SELECT datallowconn FROM pg_database WHERE datname = 'shop'");
    assert_eq!(open, ["t"]);
}

fn upgrade(shop: &Sandbox, args: &[&str]) -> Said {
    shop.run(&[&["upgrade", "run", "--yes"], args].concat())
}

#[test]
fn a_copy_is_upgraded_and_takes_the_place_of_the_database() {
    let shop = shop("");
    let (before, labelled) = (whole(&shop), label(&shop));
    shop.write("addons/rent/upgrade.sql", "UPDATE rent SET price = price * 2");
    let said = upgrade(&shop, &["-u", "rent,lease"]).code(0);
    let _ = said.says("shop is upgraded and in service").says("odpm upgrade rollback");
    assert_eq!(modules(&shop), ["lease installed 18.0.1.1", "rent installed 18.0.1.1"]);
    assert_eq!(shop.sql("shop", "SELECT sum(price)::int FROM rent"), ["250500"]);
    in_service(&shop);
    shop.at_rest();
    assert_eq!(label_of(&shop, "shop"), labelled);
    assert_eq!(own(&shop).len(), 1, "{:?}", own(&shop));
    let history = shop.json(&["upgrade", "history", "--format", "json"]);
    assert_eq!(history["upgrades"][0]["outcome"]["end"], "upgraded", "{history}");
    let _ = shop
        .run(&["upgrade", "history"])
        .code(0)
        .says("upgraded")
        .says("odpm upgrade run -d shop -u rent,lease");
    let notes = shop.run(&["upgrade", "history", "--release-notes"]).code(0);
    let _ = notes.says("### Rollback").says("odpm upgrade rollback");

    // Somebody works with it, and finds it wanting.
    let _ = shop.sql("shop", "INSERT INTO rent (price, name) VALUES (7, 'late')");
    let _ = shop.run(&["upgrade", "rollback", "--yes"]).code(3).says("shop");
    // The code is newer than what the database has then: nothing runs on it before it is redeployed.
    let back = shop.run(&["upgrade", "rollback", "--yes", "-d", "shop"]).code(3);
    let _ = back.says("the code is not").says("rent");
    assert!(whole(&shop) == before);
    let _ = shop.run(&["apply", "--yes"]).code(3).says("an upgrade is not at its end");
    for module in ["rent", "lease"] {
        version(&shop, module, "1.0");
    }
    let _ = shop.run(&["upgrade", "rollback", "--yes"]).code(0);
    in_service(&shop);
    assert!(whole(&shop) == before);
    assert_eq!(label_of(&shop, "shop"), labelled);
    assert_eq!(own(&shop).len(), 1, "what was written since is kept: {:?}", own(&shop));
    let _ = shop.run(&["database", "prune", "--yes"]).code(0);
    assert_eq!(own(&shop).len(), 0);
}

#[test]
fn what_fails_is_diagnosed_and_the_database_is_what_it_was() {
    let shop = shop("");
    let before = whole(&shop);
    version(&shop, "lease", "1.0");
    failing(
        &shop,
        "rent",
        "Traceback (most recent call last):\n  File \"/srv/own/rent/migrations/18.0.1.1/pre-prices.py\", line 12, in migrate\n    \
         cr.execute(query)\npsycopg2.errors.UndefinedColumn: column \"rate\" of relation \"rent\" does not exist\n",
    );
    let said = upgrade(&shop, &["-u", "rent", "--fix-forward"]).code(1);
    let _ = said.says("column \"rate\" of relation \"rent\" does not exist").says("everything rests");
    let status = shop.json(&["status", "--format", "json"]);
    assert_eq!(status["services"]["odoo"]["running"], 0);
    let _ = shop.run(&["upgrade", "run", "-u", "rent", "--yes"]).code(3).says("--fix-forward");
    let _ = shop.run(&["incident", "reopen", "--yes"]).code(3).says("upgrade rollback");
    let _ = shop.run(&["incident", "contain", "--yes"]).code(3);
    let history = shop.json(&["upgrade", "history", "--format", "json"]);
    let folder = history["upgrades"][0]["folder"].as_str().unwrap().to_owned();
    let _ =
        shop.run(&["upgrade", "diagnose", &format!("{folder}/odoo.log")]).code(3).says("pre-prices.py:12");
    for file in ["upgrade.json", "state.json", "verdict.json", "diagnosis.json", "odoo.log"] {
        assert!(std::path::Path::new(&folder).join(file).exists(), "{file}");
    }

    // Not mended yet, and then mended: each attempt begins with the database, not with what the last one has left.
    let _ = shop.run(&["upgrade", "run", "--fix-forward", "--yes"]).code(1).says("does not exist");
    fs::remove_file(shop.path("addons/rent/failure.json")).unwrap();
    shop.write("addons/rent/upgrade.sql", "UPDATE rent SET price = price + 1");
    let _ = shop.run(&["upgrade", "run", "--fix-forward", "--yes"]).code(0).says("in service");
    assert_eq!(shop.sql("shop", "SELECT count(*) || ' ' || sum(price)::int FROM rent"), ["500 125750"]);
    in_service(&shop);
    let history = shop.json(&["upgrade", "history", "--format", "json"]);
    let ends: Vec<&str> = history["upgrades"]
        .as_array()
        .unwrap()
        .iter()
        .map(|upgrade| upgrade["outcome"]["end"].as_str().unwrap())
        .collect();
    assert_eq!(ends, ["superseded", "superseded", "upgraded"]);
    assert_eq!(own(&shop).len(), 1);
    drop(before);
}

#[test]
fn without_a_person_a_failure_is_rolled_back() {
    let shop = shop("");
    let before = whole(&shop);
    failing(
        &shop,
        "rent",
        "Traceback (most recent call last):\n  File \"x.py\", line 1, in y\nKeyError: 'rate'\n",
    );
    let said = upgrade(&shop, &["-u", "rent,lease"]).code(1);
    let _ = said.says("KeyError").says("the code is not").says("its services wait");
    assert!(whole(&shop) == before);
    let _ =
        shop.run(&["upgrade", "rollback", "--reopen", "--yes"]).code(0).says("shop is what it was before");
    in_service(&shop);
    assert!(own(&shop).is_empty());
    shop.at_rest();
}

#[test]
fn a_rehearsal_touches_nothing() {
    let shop = shop("");
    let before = whole(&shop);
    failing(
        &shop,
        "rent",
        "Traceback (most recent call last):\n  File \"x.py\", line 1, in y\nKeyError: 'rate'\n",
    );
    let _ = upgrade(&shop, &["-u", "rent", "--rehearse"])
        .code(1)
        .says("the rehearsal failed; nothing else was touched");
    in_service(&shop);
    assert!(whole(&shop) == before);
    assert!(own(&shop).is_empty(), "{:?}", own(&shop));
    fs::remove_file(shop.path("addons/rent/failure.json")).unwrap();
    let said = upgrade(&shop, &["-u", "rent", "--rehearse"]).code(0);
    let _ = said.says("The rehearsal has passed").says("shop is upgraded and in service");
    in_service(&shop);
}

#[test]
fn without_room_for_a_copy_a_backup_is_what_there_is_to_go_back_to() {
    let shop = shop("");
    let before = whole(&shop);
    let backup = ["--checkpoint", "backup"];
    failing(
        &shop,
        "rent",
        "Traceback (most recent call last):\n  File \"x.py\", line 1, in y\nKeyError: 'rate'\n",
    );
    let said = upgrade(&shop, &[&["-u", "rent", "--fix-forward"], &backup[..]].concat()).code(1);
    let _ = said.says("KeyError").says("everything rests");
    assert!(shop.sql("postgres", "SELECT datname FROM pg_database WHERE datname = 'shop'").is_empty());
    // Its only copy is nobody's to prune.
    let _ = shop.run(&["apply", "--abandon"]).code(0);
    let _ = shop.run(&["database", "prune", "--yes"]).code(3).says("an upgrade is not at its end");
    assert_eq!(own(&shop).len(), 1);
    let _ = shop
        .run(&["upgrade", "run", "--fix-forward", "--checkpoint", "backup", "--yes"])
        .code(1)
        .says("KeyError");
    let _ = shop.run(&["upgrade", "rollback", "--reopen", "--yes"]).code(0);
    assert!(whole(&shop) == before);
    assert!(own(&shop).is_empty(), "{:?}", own(&shop));
    in_service(&shop);

    fs::remove_file(shop.path("addons/rent/failure.json")).unwrap();
    shop.write("addons/rent/upgrade.sql", "UPDATE rent SET price = 0");
    let _ = upgrade(&shop, &[&["-u", "rent"], &backup[..]].concat()).code(0);
    assert_eq!(shop.sql("shop", "SELECT sum(price)::int FROM rent"), ["0"]);
    in_service(&shop);
    let _ = shop.run(&["upgrade", "rollback", "--reopen", "--yes", "-d", "shop"]).code(0);
    assert!(whole(&shop) == before);
    in_service(&shop);
    shop.at_rest();
}

/// An upgrade that has come to the middle of a module, and the process of Odoo's.
pub fn in_the_middle(shop: &Sandbox, args: &[&str]) -> (std::process::Child, u32) {
    shop.write("odoo-src/hold", "");
    let mut command = shop.command(&[&["upgrade", "run", "--yes", "-u", "rent"], args].concat());
    let child =
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let waits = shop.path("odoo-src/waits");
    let begun = std::time::Instant::now();
    while fs::read_to_string(&waits).map_or(true, |text| text.is_empty()) {
        assert!(begun.elapsed().as_secs() < 60, "Odoo was never begun with");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let pid = fs::read_to_string(&waits).unwrap().parse().unwrap();
    fs::remove_file(&waits).unwrap();
    (child, pid)
}

fn kill(pid: u32) {
    let _ = std::process::Command::new("kill").args(["-KILL", &pid.to_string()]).status();
}

#[test]
fn killed_in_the_middle_it_is_gone_on_with_or_taken_back() {
    let shop = shop("");
    let before = whole(&shop);
    shop.write("addons/rent/upgrade.sql", "UPDATE rent SET price = price * 2");
    let (mut odpm, odoo) = in_the_middle(&shop, &[]);
    kill(odpm.id());
    let _ = odpm.wait();
    assert!(fs::exists(format!("/proc/{odoo}")).unwrap(), "Odoo outlives odpm here");
    fs::remove_file(shop.path("odoo-src/hold")).unwrap();
    let _ = shop.run(&["status"]).code(0).says("apply --resume");
    // The half-upgraded copy is no beginning: the price would be four times what it was.
    let _ = shop.run(&["apply", "--resume", "--yes"]).code(0);
    assert_eq!(shop.sql("shop", "SELECT sum(price)::int FROM rent"), ["250500"]);
    in_service(&shop);
    let _ = shop.run(&["upgrade", "rollback", "--yes", "--reopen", "-d", "shop"]).code(0);
    assert!(whole(&shop) == before);

    for checkpoint in ["copy", "backup"] {
        let (mut odpm, _) = in_the_middle(&shop, &["--checkpoint", checkpoint]);
        kill(odpm.id());
        let _ = odpm.wait();
        fs::remove_file(shop.path("odoo-src/hold")).unwrap();
        let _ = shop.run(&["upgrade", "rollback", "--yes", "--reopen"]).code(0);
        assert!(whole(&shop) == before, "{checkpoint}");
        in_service(&shop);
    }
}

#[test]
fn odoo_or_the_server_killed_in_the_middle_costs_nothing() {
    let shop = shop("");
    let before = whole(&shop);
    shop.write("addons/rent/upgrade.sql", "DELETE FROM rent");
    let (odpm, odoo) = in_the_middle(&shop, &["--rollback-on-failure"]);
    kill(odoo);
    fs::remove_file(shop.path("odoo-src/hold")).unwrap();
    let said = odpm.wait_with_output().unwrap();
    assert_ne!(said.status.code(), Some(0));
    let _ = shop.run(&["upgrade", "rollback", "--reopen", "--yes"]).code(0);
    assert!(whole(&shop) == before);
    in_service(&shop);

    let (odpm, _) = in_the_middle(&shop, &["--rollback-on-failure"]);
    kill(shop.server_pid().unwrap());
    fs::remove_file(shop.path("odoo-src/hold")).unwrap();
    let said = odpm.wait_with_output().unwrap();
    assert_ne!(said.status.code(), Some(0));
    let _ = shop.run(&["upgrade", "rollback", "--yes"]).code(1).says("odpm apply");
    let _ = shop.run(&["apply", "--yes"]).code(0).says("Only the server is started");
    let _ = shop.run(&["upgrade", "rollback", "--yes", "--reopen"]).code(0);
    assert!(whole(&shop) == before);
    in_service(&shop);
}
