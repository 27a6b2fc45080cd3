//! The databases of a migration, wherever they are: of this project, of another, of a server that is named by a URL.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::sandbox::Sandbox;
use crate::shop::psql;

/// A running project with a database that has modules.
fn project(database: &str) -> Sandbox {
    let shop = Sandbox::with(&format!("database: {database}"), "");
    let _ = shop.apply();
    fill(&shop, database);
    shop
}

fn fill(shop: &Sandbox, database: &str) {
    let _ = shop.sql("postgres", &format!("CREATE DATABASE {database} OWNER odoo TEMPLATE template0"));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/migrate.sql");
    let output = psql(shop, database).args(["-v", "ON_ERROR_STOP=1", "-f", script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let more = "CREATE TABLE IF NOT EXISTS ir_module_module (id serial PRIMARY KEY, name varchar, state varchar, latest_version varchar);
        INSERT INTO ir_module_module (name, state, latest_version) VALUES ('base', 'installed', '18.0.1.3')";
    let output = psql(shop, database).args(["-v", "ON_ERROR_STOP=1", "-c", more]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn table<'a>(seen: &'a Value, name: &str) -> &'a Value {
    seen["compared"]["tables"].as_array().unwrap().iter().find(|table| table["table"] == name).unwrap()
}

#[test]
fn two_databases_of_a_project_are_compared_row_for_row() {
    let shop = project("prod");
    fill(&shop, "staging");
    let same = shop.run(&["migrate", "verify", "--from", "staging"]).code(0);
    let _ =
        same.says("Every row is the same on both sides.").says("Every reference of prod leads somewhere.");
    let _ = shop
        .sql("staging", "INSERT INTO res_tag (id, name) SELECT n, 'new' FROM generate_series(3000, 5999) n");
    let _ = shop
        .sql("prod", "UPDATE res_tag SET name = 'other' WHERE id = 1; SELECT setval('res_tag_id_seq', 9000)");
    let _ = shop.sql("prod", "INSERT INTO res_tag (id, name) VALUES (7000, 'own')");
    let verify = ["migrate", "verify", "--from", "staging", "--to", "prod", "--format", "json"];
    let seen = shop.json(&verify);
    let tag = table(&seen, "res_tag");
    assert_eq!((&tag["from"], &tag["to"], &tag["equal"]), (&json!(3002), &json!(3), &json!(false)), "{tag}");
    let rows = |what: &str| (tag[what]["rows"].clone(), tag[what]["keys"][0].clone());
    assert_eq!(rows("missing"), (json!(3000), json!("3000")));
    assert_eq!(rows("altered"), (json!(1), json!("1")));
    assert_eq!(rows("added"), (json!(1), json!("7000")));
    assert_eq!(table(&seen, "res_partner")["equal"], true);
    let text = shop.run(&["migrate", "verify", "--from", "staging", "--table", "res_tag"]).code(3);
    let _ = text
        .says("res_tag: 3,002 rows in staging, 3 in prod")
        .says("3,000 missing there")
        .says("1 of them differ.");
    let _ = shop
        .run(&["migrate", "verify", "--from", "staging", "--table", "res_tags"])
        .code(64)
        .says("res_tag?");
    let _ = shop.run(&["migrate", "verify", "--from", "prod"]).code(64).says("the same database");
    let _ = shop.run(&["migrate", "verify", "--from", "nowhere"]).code(1).says("this is about nowhere");
    let _ = shop.run(&["migrate", "verify", "--from", "postgres"]).code(1).says("it has no modules");
}

#[test]
fn a_database_of_another_project_is_reached_with_that_projects_secrets() {
    let (shop, other) = (project("prod"), project("staging"));
    let folder = other.root().display().to_string();
    let _ = shop.run(&["migrate", "verify", "--from", &folder]).code(0).says("Every row is the same");
    let _ = shop.run(&["migrate", "verify", "--from", &format!("{folder}#staging")]).code(0);
    let _ = shop.run(&["migrate", "verify", "--from", "#prod"]).code(64).says("the same database");
    let back = shop.run(&["migrate", "verify", "--from", "prod", "--to", &folder]).code(0);
    let _ = back.says(&format!("Every reference of {folder} leads somewhere."));
    let _ = shop.run(&["migrate", "verify", "--from", "./nothing"]).code(1).says("cannot enter");
    fs::remove_dir_all(other.path(".odpm/secrets")).unwrap();
    let lost = shop.run(&["migrate", "verify", "--from", &folder]).code(1);
    let _ = lost.says("the password of postgres at").says("PGPASSWORD=... odpm").says(".pgpass");
}

#[test]
fn a_url_takes_its_password_from_wherever_libpq_would() {
    let (shop, other) = (project("prod"), project("staging"));
    // What the local engine makes trusts nobody over TCP.
    let password = other.read(".odpm/secrets/app_password").trim().to_owned();
    let port = other.port;
    let url = format!("postgres://odoo@127.0.0.1:{port}/staging");
    let verify = ["migrate", "verify", "--from", &url];
    let none = shop.run(&verify).code(1);
    let _ = none.says("none is known").says("~/.pgpass").says(&format!("this is about {url}"));
    let whole = format!("postgresql://odoo:{password}@127.0.0.1:{port}/staging?sslmode=prefer");
    let said = shop.run(&["migrate", "verify", "--from", &whole]).code(0).says("Every row is the same");
    assert!(!said.all().contains(&password), "{}", said.all());
    let _ = shop.run_with(&verify, &[("PGPASSWORD", &password)]).code(0);
    let _ = shop.run_with(&verify, &[("PGPASSWORD", "wrong")]).code(1).says("password authentication failed");
    let line = format!("# a comment\nelsewhere:*:*:odoo:x\n127.0.0.1:{port}:sta\\ging:odoo:{password}\n");
    shop.write(".pgpass", &line);
    let mode = |mode| fs::set_permissions(shop.path(".pgpass"), fs::Permissions::from_mode(mode)).unwrap();
    mode(0o644);
    let _ = shop.run(&verify).code(1).says("is not read: others may read it, too");
    mode(0o600);
    let _ = shop.run(&verify).code(0);
    fs::rename(shop.path(".pgpass"), shop.path("words")).unwrap();
    let words = shop.path("words").display().to_string();
    let _ = shop.run_with(&verify, &[("PGPASSFILE", &words)]).code(0);
    let wrong = format!("postgres://odoo:{password}@127.0.0.1:{port}/staging?options=-c");
    let said = shop.run(&["migrate", "verify", "--from", &wrong]).code(64).says("docker://");
    assert!(!said.all().contains(&password), "{}", said.all());
}
