//! What is looked at before modules are upgraded: a real database, modules on disk, git.

use std::process::Command;

use crate::sandbox::{Said, Sandbox, skipped};
use crate::shop;

/// A running project with Odoo's modules and its own: `rent`, which has a newer version than the database, and `rent_pos`.
fn shop() -> Sandbox {
    let services = "services: {odoo: {replicas: 0}, odoo-cron: {replicas: 0}}";
    let shop = Sandbox::with(&format!("database: shop\nsource: src\naddons: [own]\n{services}"), "");
    shop.write("src/odoo-bin", "");
    module(&shop, "src/odoo/addons/base", "'version': '1.3'");
    module(&shop, "src/addons/web", "'version': '1.0', 'depends': ['base']");
    module(&shop, "src/addons/mail", "'version': '1.0', 'depends': ['web']");
    module(
        &shop,
        "own/rent",
        "'version': '18.0.1.2.0', 'depends': ['web'], 'data': ['views/rent.xml', 'a.csv']",
    );
    module(&shop, "own/rent_pos", "'version': '1.0', 'depends': ['rent']");
    shop.write("own/rent/views/rent.xml", "<odoo>\n<record id=\"a\" model=\"b\"/>\n</odoo>\n");
    shop.write("own/rent/a.csv", "id,name\na,b\n");
    shop.write("own/rent/models/rent.py", "import nowhere_at_all\n");
    shop.write("own/rent/migrations/18.0.1.2.0/pre-prices.py", "def migrate(cr, version):\n    pass\n");
    shop.write("own/rent/migrations/1.1.0/post-old.py", "this is not even Python");
    let _ = shop.apply();
    shop::fill(&shop, "shop");
    let modules = "INSERT INTO ir_module_module (name, state, latest_version) VALUES \
        ('rent', 'installed', '18.0.1.1.0'), ('rent_pos', 'installed', '18.0.1.0'); \
        CREATE TABLE ir_module_module_dependency (id serial PRIMARY KEY, name varchar, module_id integer); \
        INSERT INTO ir_module_module_dependency (name, module_id) \
        SELECT d, m.id FROM (VALUES ('web', 'rent'), ('rent', 'rent_pos')) v(d, n) JOIN ir_module_module m ON m.name = n";
    let _ = shop.sql("shop", modules);
    let _ = shop.run(&["database", "backup", "--yes"]).code(0);
    shop
}

fn module(shop: &Sandbox, folder: &str, manifest: &str) {
    shop.write(
        &format!("{folder}/__manifest__.py"),
        &format!("# Of the shop.\n{{'name': 'x', {manifest}}}\n"),
    );
    shop.write(&format!("{folder}/__init__.py"), "");
}

fn plan(shop: &Sandbox, args: &[&str]) -> Said {
    shop.run(&[&["upgrade", "plan"], args].concat())
}

/// Whether there is a Python that could run Odoo.
fn python() -> bool {
    let found = Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        skipped("there is no python3");
    }
    found
}

#[test]
fn an_upgrade_is_looked_at_before_it_is_begun() {
    let shop = shop();
    let before = shop.tree(&[".odpm/cache", ".odpm/log", ".odpm/run", "data/postgres"]);
    let told =
        plan(&shop, &["-u", "rent"]).code(0).says("rent 18.0.1.1.0 -> 18.0.1.2.0: 18.0.1.2.0/pre-prices.py");
    let _ = told.says("rent_pos  18.0.1.0    18.0.1.0    (needs rent)").says("no module waits for anything");
    let after = shop.tree(&[".odpm/cache", ".odpm/log", ".odpm/run", "data/postgres"]);
    assert_eq!(before, after, "nothing was changed");

    let json = shop.json(&["upgrade", "plan", "-u", "rent", "-i", "mail", "--format", "json"]);
    let names: Vec<&str> =
        json["modules"].as_array().unwrap().iter().map(|m| m["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["rent", "rent_pos", "mail"]);
    assert_eq!(json["modules"][0]["scripts"][0]["stage"], "pre");

    // Nobody makes a database by asking about one.
    let _ = plan(&shop, &["-d", "nowhere", "-u", "rent"]).code(3).says("does not exist");
    assert_eq!(shop::names(&shop), ["shop"]);
    let _ = plan(&shop, &["-u", "rnet"]).code(3).says("Did you mean rent?");

    // A cache that is damaged says nothing, and nothing wrong.
    shop.write(".odpm/cache/modules.json", "{\"digest\":\"00\",\"body\":{}}");
    let _ = plan(&shop, &["-u", "rent"]).code(0).says("pre-prices.py");

    let _ = shop.sql("shop", "UPDATE ir_module_module SET state = 'to upgrade' WHERE name = 'web'");
    let _ = plan(&shop, &["-u", "rent"]).code(3).says("web (to upgrade)");
}

#[test]
fn what_is_broken_is_told_with_its_place() {
    let shop = shop();
    shop.write("own/rent/views/rent.xml", "<odoo>\n<record>\n</odoo>\n");
    shop.write("own/rent/a.csv", "name\nb\n");
    let told =
        plan(&shop, &["-u", "rent"]).code(3).says("views/rent.xml:3: ").says("a.csv:1: it has no column id");
    drop(told);
    shop.write("own/rent/views/rent.xml", "<odoo/>");
    std::fs::remove_file(shop.path("own/rent/a.csv")).unwrap();
    let _ = plan(&shop, &["-u", "rent"])
        .code(3)
        .says("own/rent/a.csv: the manifest names it, and it is not there");
    shop.write("own/rent/a.csv", "id\n");
    shop.write("own/rent_pos/__manifest__.py", "{\n'name': open('/etc/passwd')}");
    let _ = plan(&shop, &["-u", "rent"])
        .code(3)
        .says("own/rent_pos/__manifest__.py:2: open is a name, and no value");
    module(&shop, "own/rent_pos", "'version': '1.0', 'depends': ['rent', 'gone']");
    let _ = plan(&shop, &["-u", "rent"]).code(3).says("gone is not on the addons path (rent_pos -> gone)");

    let needs = "'external_dependencies': {'python': ['no-such-package>=1', 'json'], 'bin': ['no-such-program', 'sh']}";
    module(&shop, "own/rent_pos", &format!("'version': '1.0', 'depends': ['rent'], {needs}"));
    if python() {
        let told =
            plan(&shop, &["-u", "rent"]).code(3).says("the Python package no-such-package is not installed");
        let told = told.says("rent_pos: there is no program no-such-program");
        assert!(!told.all().contains("program sh") && !told.all().contains("package json"), "{}", told.all());
        module(&shop, "own/rent_pos", "'version': '1.0', 'depends': ['rent']");
        shop.write("own/rent/models/rent.py", "x = 1\ndef f(:\n");
        shop.write("own/rent/migrations/18.0.1.2.0/pre-prices.py", "def migrated(cr, version):\n    pass\n");
        let told = plan(&shop, &["-u", "rent"]).code(3).says("own/rent/models/rent.py:2: ");
        let _ = told.says("pre-prices.py: the migration script has no function migrate(cr, version)");
    }
}

#[test]
fn what_differs_from_the_database_is_found_by_its_files() {
    let shop = shop();
    let told = plan(&shop, &["--changed"]).code(0).says("rent (version)");
    let _ = told.says("their files were never recorded: rent_pos");
    let _ = shop.sql("shop", "UPDATE ir_module_module SET latest_version = '18.0.1.2.0' WHERE name = 'rent'");
    let _ = plan(&shop, &["--changed"])
        .code(0)
        .says("Nothing is upgraded.")
        .says("never recorded: rent, rent_pos");

    let json = shop.json(&["upgrade", "plan", "-u", "rent", "--format", "json"]);
    let hashes = json["hashes"].to_string();
    assert_eq!(json["hashes"].as_object().unwrap().len(), 2);
    let insert =
        format!("INSERT INTO ir_config_parameter (key, value) VALUES ('odpm.module_hashes', '{hashes}')");
    let _ = shop.sql("shop", &insert);
    let told = plan(&shop, &["--changed"]).code(0).says("no installed module differs");
    assert!(!told.all().contains("never recorded"));
    shop.write("own/rent_pos/static/src/a.js", "let a = 1");
    shop.write("own/rent_pos/__pycache__/a.pyc", "");
    shop.write("own/rent/i18n/rent.pot", "");
    let told = plan(&shop, &["--changed"]).code(0).says("rent_pos (files)");
    assert!(!told.all().contains("rent (files)"), "{}", told.all());
}

#[test]
fn the_release_is_that_of_git() {
    let shop = shop();
    let git = |args: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(shop.path("own")).args([
            "-c",
            "user.name=ada",
            "-c",
            "user.email=ada@shop.example",
        ]);
        command.env("HOME", shop.root()).args(args).output().is_ok_and(|output| output.status.success())
    };
    if !git(&["init", "-q", "-b", "main", "."]) {
        return skipped("there is no git");
    }
    let _ = plan(&shop, &["-u", "rent"]).code(0).says("it has no commit yet");
    assert!(git(&["add", "-A"]) && git(&["commit", "-qm", "rent"]));
    let json = shop.json(&["upgrade", "plan", "-u", "rent", "--format", "json"]);
    let tree =
        &json["releases"].as_array().unwrap().iter().find(|r| r["tree"]["sha"].is_string()).unwrap()["tree"];
    assert_eq!((tree["branch"].as_str(), tree["dirty_count"].as_u64()), (Some("main"), Some(0)));
    shop.write("own/rent/models/rent.py", "");
    shop.write("own/rent/__pycache__/rent.pyc", "");
    let _ = plan(&shop, &["-u", "rent"]).code(0).says("branch main; not as committed: rent/models/rent.py");
}
