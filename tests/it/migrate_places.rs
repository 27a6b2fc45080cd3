//! The databases of a migration, wherever they are: of this project, of another, of a server that is named by a URL.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use futures_util::TryStreamExt;
use odpm::base::Secret;
use odpm::postgres::rows::{Moment, Source};
use odpm::project::{SslMode, Tls};
use odpm::step::Endpoint;
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
        INSERT INTO ir_module_module (name, state, latest_version) VALUES ('base', 'installed', '18.0.1.3');
        ALTER TABLE ir_default ADD user_id integer, ADD company_id integer, ADD condition varchar;
        ALTER TABLE ir_property ADD company_id integer, ADD name varchar, ADD type varchar";
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

/// A plan holds no password: whoever carries it out, or goes on with it, has to have it again.
#[test]
fn a_saved_plan_finds_its_password_again_or_says_how_to_give_it() {
    let (shop, other) = (project("prod"), project("staging"));
    let _ = other
        .sql("staging", "INSERT INTO res_tag (id, name) SELECT n, 'new' FROM generate_series(3000, 5999) n");
    let password = other.read(".odpm/secrets/app_password").trim().to_owned();
    let url = format!("postgres://odoo:{password}@127.0.0.1:{}/staging", other.port);
    let plan = ["migrate", "plan", "--from", &url, "--table", "res_tag"];
    let said = shop.run(&plan).code(0).says("3,000 to come, 2 made equal").says("one transaction");
    assert!(!shop.path(".odpm/migrations").exists(), "what is only shown leaves nothing behind");
    let saved = shop.run(&[&plan[..], &["--save-plan", "m.plan"]].concat()).code(0);
    for text in [said.all(), saved.all(), shop.read("m.plan")] {
        assert!(!text.contains(&password), "{text}");
    }
    let none = shop.run(&["migrate", "apply", "m.plan", "--yes"]).code(1);
    let _ = none.says("none is known").says("PGPASSWORD=... odpm").says("odpm apply --resume");
    assert_eq!(shop.sql("prod", "SELECT count(*) FROM res_tag"), ["2"]);
    let _ = shop.run_with(&["apply", "--resume", "--yes"], &[("PGPASSWORD", &password)]).code(0);
    assert_eq!(shop.sql("prod", "SELECT count(*), max(id) FROM res_tag"), ["3002|5999"]);
    let _ = shop.run(&["migrate", "verify", "--from", &url, "--table", "res_tag"]).code(0);
    for path in shop.tree(&[]).into_keys().chain(other.tree(&[".odpm", "odoo.conf", "data"]).into_keys()) {
        let text = fs::read(&path).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&text).contains(&password), "the password is in {}", path.display());
    }
    // The other way round, into a server that is known by its URL: nothing of it is stopped or backed up by us.
    let _ = shop.sql("prod", "INSERT INTO res_tag (id, name) VALUES (9000, 'back')");
    let back = shop
        .run(&["migrate", "apply", "--from", "prod", "--to", &url, "--table", "res_tag", "--yes"])
        .code(0);
    let _ = back.says("1 to come");
    assert_eq!(other.sql("staging", "SELECT max(id)::text FROM res_tag"), ["9000"]);
    let staged = ["migrate", "plan", "--from", "prod", "--to", &url, "--table", "res_tag", "--staged"];
    let _ = shop.run(&staged).code(3).says("Leave --staged out");
}

#[test]
fn sets_are_listed_with_their_tables() {
    let shop = project("prod");
    let _ = shop.run(&["migrate", "sets"]).code(0).says("e-commerce:").says("product_template");
    let there = shop.json(&["migrate", "sets", "--from", "prod", "--format", "json"]);
    let sets = there["sets"].as_array().unwrap();
    let contacts = sets.iter().find(|set| set["name"] == "contacts").unwrap();
    assert!(contacts["tables"].as_array().unwrap().contains(&json!("res_partner")), "{contacts}");
    assert!(contacts["absent"].as_array().unwrap().contains(&json!("res_bank")), "{contacts}");
    let _ = shop.run(&["migrate", "plan", "--set", "contacts"]).code(64).says("--from staging");
    let _ = shop.run(&["migrate", "plan", "--from", "prod"]).code(64).says("odpm migrate sets");
}

/// A server that takes connections with TLS only.
#[test]
fn a_url_says_how_the_connection_is_protected_as_libpq_has_it() {
    let Some(elsewhere) = crate::external::Elsewhere::new() else { return };
    let there = &elsewhere.shop;
    let socket = there.path("elsewhere").display().to_string();
    let port = there.port.to_string();
    let boss = |database: &str, args: &[&str]| {
        let place =
            ["-Xq", "-h", &socket, "-p", &port, "-U", "boss", "-v", "ON_ERROR_STOP=1", "-d", database];
        let said = crate::sandbox::as_postgres("psql", &[&place[..], args].concat());
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    };
    boss("postgres", &["-c", "CREATE DATABASE staging TEMPLATE template0"]);
    boss(
        "staging",
        &[
            "-c",
            "CREATE TABLE ir_module_module (id serial PRIMARY KEY, name varchar, state varchar, latest_version varchar)",
        ],
    );
    boss("staging", &["-c", "CREATE TABLE ir_model (id serial PRIMARY KEY, model varchar)"]);
    boss("staging", &["-c", "INSERT INTO ir_module_module (name) VALUES ('base')"]);
    let shop = project("prod");
    let root = there.path("elsewhere/server.crt").display().to_string();
    let verify = |host: &str, more: &str| {
        let url = format!("postgres://master:m4ster@{host}:{port}/staging{more}");
        shop.run(&["migrate", "verify", "--from", &url, "--table", "ir_model"])
    };
    // Whether it is compared, not what comes of it.
    let reached = |said: crate::sandbox::Said| said.out.contains("Compared postgres://master@");
    assert!(reached(verify("localhost", "")));
    assert!(reached(verify("localhost", &format!("?sslmode=verify-full&sslrootcert={root}"))));
    assert!(reached(verify("127.0.0.1", &format!("?sslmode=verify-ca&sslrootcert={root}"))));
    assert!(!reached(verify("127.0.0.1", &format!("?sslrootcert={root}"))), "another host's name");
    assert!(!reached(verify("localhost", "?sslmode=disable")), "pg_hba.conf takes none without TLS");
    assert!(!reached(verify("localhost", "?sslmode=verify-full")), "a certificate that nobody here trusts");
    // Wide rows come in slices, however they are protected.
    let wide = "CREATE TABLE wide AS SELECT repeat('x', 1000000) AS x; GRANT SELECT ON wide TO PUBLIC";
    boss("staging", &["-c", wide]);
    let _ = shop.sql("prod", wide);
    let tls = |mode, root: Option<&str>| Some(Tls { mode, root: root.map(PathBuf::from) });
    let own = shop.read(".odpm/secrets/app_password");
    let (full, prefer) = (tls(SslMode::VerifyFull, Some(&root)), tls(SslMode::Prefer, None));
    let there = |host, tls| (host, there.port, tls, "master", "m4ster", "staging");
    let here = |tls| ("127.0.0.1", shop.port, tls, "odoo", own.trim(), "prod");
    let socket = shop.path(".odpm/run").display().to_string();
    let beside = (socket.as_str(), shop.port, None, "odoo", own.trim(), "prod");
    for (host, port, tls, role, secret, database) in
        [there("localhost", full), there("127.0.0.1", prefer.clone()), here(prefer), here(None), beside]
    {
        let told = format!("{host} {port} {tls:?}");
        let endpoint = Endpoint { host: host.into(), port, tls, container: None };
        let (role, secret, database) = (role.into(), Secret::new(secret), database.into());
        let slices = slices(Source { endpoint, role, secret, database });
        assert!(slices.iter().sum::<usize>() == 1_000_001 && slices.len() > 10, "{told}: {slices:?}");
    }
}

/// How long the messages are in which a table with a wide row comes.
fn slices(source: Source) -> Vec<usize> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let moment = Moment::exact(source).await.unwrap();
        let session = moment.copier().await.unwrap();
        let copy = session.copy_out("COPY wide TO STDOUT").await.unwrap();
        copy.map_ok(|slice| slice.len()).try_collect().await.unwrap()
    })
}
