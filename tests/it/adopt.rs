//! Data directories that somebody else has made.

use std::path::Path;
use std::process::Command;

use crate::sandbox::{Sandbox, as_postgres, is_root, query};

/// A cluster as another hand makes it, shut down again, after `sql` was run in it.
fn inherit(shop: &Sandbox, superuser: &str, sql: &[&str]) {
    std::fs::create_dir_all(shop.path("data")).unwrap();
    let data = shop.data();
    std::fs::create_dir(&data).unwrap();
    if is_root() {
        assert!(Command::new("chown").arg("postgres:").arg(&data).status().unwrap().success());
    }
    let dir = data.display().to_string();
    let output =
        as_postgres("initdb", &["-D", &dir, "-U", superuser, "--auth=trust", "--no-sync", "-E", "UTF8"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let options =
        format!("-c port={} -c listen_addresses=127.0.0.1 -c unix_socket_directories=/tmp", shop.port);
    let log = shop.path("data/by-hand.log");
    start(&dir, &options, &log);
    for statement in sql {
        query(shop.port, superuser, "", "postgres", statement).unwrap();
    }
    assert!(as_postgres("pg_ctl", &["-D", &dir, "-w", "-m", "fast", "stop"]).status.success());
    // Logins need passwords from now on, as they do on a server worth its name.
    let hba = std::fs::read_to_string(data.join("pg_hba.conf")).unwrap();
    std::fs::write(data.join("pg_hba.conf"), hba.replace("trust", "scram-sha-256")).unwrap();
}

fn start(dir: &str, options: &str, log: &Path) {
    std::fs::write(log, "").unwrap();
    if is_root() {
        assert!(Command::new("chown").arg("postgres:").arg(log).status().unwrap().success());
    }
    let log = log.display().to_string();
    let output = as_postgres("pg_ctl", &["-D", dir, "-w", "-l", &log, "-o", options, "start"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn an_inherited_cluster_keeps_its_databases_and_their_owners() {
    let shop = Sandbox::new();
    inherit(
        &shop,
        "somebody",
        &[
            "CREATE ROLE erp LOGIN",
            "CREATE DATABASE erp OWNER erp",
            "CREATE ROLE odoo SUPERUSER NOLOGIN",
            "CREATE DATABASE shop OWNER odoo",
        ],
    );
    let _ = shop.run(&["plan"]).code(0).says("inherited").says("single-user mode");
    let _ = shop.apply();
    let owners = "SELECT datname || '=' || pg_get_userbyid(datdba) FROM pg_database WHERE NOT datistemplate ORDER BY 1";
    assert_eq!(shop.sql("postgres", owners), ["erp=erp", "postgres=somebody", "shop=odoo"]);
    let roles = "SELECT rolname || rolcanlogin || rolsuper || rolcreatedb FROM pg_roles WHERE rolname IN ('postgres', 'odoo') ORDER BY 1";
    assert_eq!(shop.sql("postgres", roles), ["odootruefalsetrue", "postgrestruetruefalse"]);
    let app = shop.read(".odpm/secrets/app_password");
    assert_eq!(query(shop.port, "odoo", app.trim(), "postgres", "SELECT 1").unwrap(), ["1"]);
    query(shop.port, "odoo", app.trim(), "postgres", "CREATE DATABASE fresh").unwrap();
    let installed = "SELECT count(*) FROM pg_extension WHERE extname IN ('unaccent', 'pg_trgm')";
    assert_eq!(shop.sql("fresh", installed), ["2"]);
    shop.at_rest();
}

/// odpm 4.7 fails on clusters whose bootstrap superuser is the application role itself: from version 16 on
/// it cannot be demoted. It stays what it is, and the rest is put in order.
#[test]
fn a_cluster_of_an_older_odpm_is_adopted() {
    let shop = Sandbox::new();
    inherit(&shop, "odoo", &["CREATE DATABASE shop"]);
    let _ = shop.apply();
    assert_eq!(shop.sql("postgres", "SELECT rolsuper FROM pg_roles WHERE rolname = 'postgres'"), ["t"]);
    shop.at_rest();
    let _ = shop.run(&["plan"]).code(0).says("superuser_app_role").says("odpm database restore --replace");
}

/// PostgreSQL refuses `REASSIGN OWNED BY` its bootstrap superuser; what odpm advises instead has to work.
#[test]
fn databases_are_parted_from_a_superuser_as_odpm_advises() {
    let shop = Sandbox::new();
    inherit(&shop, "odoo", &["CREATE DATABASE shop"]);
    let _ = shop.apply();
    shop.sql("shop", "CREATE TABLE kept AS SELECT 7 AS n");
    let _ = shop
        .run(&["database", "backup", "-d", "shop", "--format", "dump", "--out", "s.dump", "--yes"])
        .code(0);
    shop.describe("", "role: erp\n");
    let accept = "--accept-database-drift=";
    let kinds = ["db_user", "app_role", "app_role_missing"].map(|kind| format!("{accept}{kind}"));
    let mut args = vec!["apply", "--yes"];
    args.extend(kinds.iter().map(String::as_str));
    let _ = shop.run(&args).code(0);
    let _ = shop.run(&["database", "restore", "s.dump", "-d", "shop", "--replace", "--yes"]).code(0);
    let owner = "SELECT tableowner FROM pg_tables WHERE tablename = 'kept'";
    assert_eq!(shop.sql("shop", owner), ["erp"]);
    let database = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'shop'";
    assert_eq!(shop.sql("postgres", database), ["erp"]);
    assert!(!shop.run(&["plan"]).code(0).out.contains("superuser_app_role"));
}

/// Debian's packages keep pg_hba.conf and postgresql.conf outside of the data directory.
#[test]
fn a_data_directory_without_configuration_files_is_adopted() {
    let shop = Sandbox::new();
    inherit(&shop, "postgres", &["CREATE TABLE kept (n int)"]);
    for name in ["pg_hba.conf", "pg_ident.conf", "postgresql.conf"] {
        std::fs::remove_file(shop.data().join(name)).unwrap();
    }
    let _ = shop.apply();
    assert_eq!(shop.sql("postgres", "SELECT count(*) FROM kept"), ["0"]);
    shop.at_rest();
}

#[test]
fn a_baseline_of_the_predecessor_is_gone_on_with() {
    let shop = Sandbox::new();
    inherit(&shop, "postgres", &[]);
    let data = std::fs::canonicalize(shop.data()).unwrap();
    shop.write(
        ".odpm/database/last_run.json",
        &format!(
            r#"{{"schema_version": 1, "recorded_at": "2026-01-01T00:00:00+00:00", "odpm_scenario": "developer", "engine": "postgres",
  "compose": {{"service_name": "db", "image_tag": "{0}", "data_path_abs": "{1}", "host_port": {2}}},
  "odoo_conf": {{"db_host": "db", "db_port": 5432, "db_user": "odoo"}},
  "cluster": {{"app_role": "odoo", "data_dir_nonempty": false, "app_role_present": true}}}}"#,
            shop.major,
            data.display(),
            shop.port
        ),
    );
    let plan = shop.json(&["plan", "--format", "json"]);
    let kinds: Vec<&str> =
        plan["drift"].as_array().unwrap().iter().map(|d| d["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["engine"], "odpm 4 ran it with docker; its known wrong records raise nothing");
    let _ = shop.run(&["apply", "--yes", "--accept-database-drift=engine"]).code(0);
    shop.at_rest();
}

#[test]
fn a_server_of_somebody_else_is_left_alone() {
    let shop = Sandbox::new();
    inherit(&shop, "postgres", &[]);
    let dir = shop.data().display().to_string();
    let options =
        format!("-c port={} -c listen_addresses=127.0.0.1 -c unix_socket_directories=/tmp", shop.port);
    start(&dir, &options, &shop.path("data/by-hand.log"));
    let pid = shop.server_pid();
    let _ = shop.run(&["apply", "--yes"]).code(3).says("a server that odpm did not start");
    let _ = shop.run(&["down", "--yes"]).code(3);
    assert_eq!(shop.server_pid(), pid);
    assert!(as_postgres("pg_ctl", &["-D", &dir, "-w", "-m", "fast", "stop"]).status.success());
}
