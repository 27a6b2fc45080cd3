//! A server elsewhere: one that odpm did not start, reached over TLS.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::sandbox::{Sandbox, as_postgres, bin_dir, is_root, skipped};
use crate::stack::wait_for;

/// A server with a certificate for `localhost`, and a role `master` that may create roles.
pub struct Elsewhere {
    pub shop: Sandbox,
    dir: String,
}

impl Elsewhere {
    pub fn new() -> Option<Self> {
        let shop = Sandbox::new();
        let elsewhere = shop.path("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        let (key, cert) = (elsewhere.join("server.key"), elsewhere.join("server.crt"));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost"])
            .args(["-addext", "subjectAltName=DNS:localhost", "-keyout"])
            .arg(&key)
            .arg("-out")
            .arg(&cert)
            .output();
        if !made.is_ok_and(|output| output.status.success()) {
            skipped("there is no openssl to make a certificate with");
            return None;
        }
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        let data = elsewhere.join("pg");
        fs::create_dir(&data).unwrap();
        if is_root() {
            assert!(
                Command::new("chown").arg("-R").arg("postgres:").arg(&elsewhere).status().unwrap().success()
            );
        }
        let dir = data.display().to_string();
        assert!(
            as_postgres("initdb", &["-D", &dir, "-U", "boss", "--auth=trust", "--no-sync", "-E", "UTF8"])
                .status
                .success()
        );
        let hba = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\nhostssl all all ::1/128 scram-sha-256\n";
        fs::write(data.join("pg_hba.conf"), hba).unwrap();
        let socket = elsewhere.display().to_string();
        let options = format!(
            "-c port={} -c listen_addresses=localhost -c unix_socket_directories={socket} -c ssl=on -c ssl_key_file={} -c ssl_cert_file={}",
            shop.port,
            key.display(),
            cert.display()
        );
        let log = elsewhere.join("log").display().to_string();
        let started = as_postgres("pg_ctl", &["-D", &dir, "-w", "-l", &log, "-o", &options, "start"]);
        assert!(started.status.success(), "{}", fs::read_to_string(&log).unwrap_or_default());
        let port = shop.port.to_string();
        let sql = "CREATE ROLE master LOGIN CREATEROLE SUPERUSER PASSWORD 'm4ster'";
        assert!(
            as_postgres("psql", &["-h", &socket, "-p", &port, "-U", "boss", "-d", "postgres", "-c", sql])
                .status
                .success()
        );
        Some(Self { shop, dir })
    }

    fn describe(&self, host: &str, more: &str) {
        let port = self.shop.port;
        self.shop
            .describe("", &format!("password: app-s3cret\nexternal: {{host: {host}, port: {port}{more}}}\n"));
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = as_postgres("pg_ctl", &["-D", &self.dir, "-w", "-m", "immediate", "stop"]);
    }
}

#[test]
fn a_server_elsewhere_is_used_and_never_started_or_stopped() {
    let Some(elsewhere) = Elsewhere::new() else { return };
    let shop = &elsewhere.shop;
    // Without a role that may, odpm creates none, and says what to type there.
    elsewhere.describe("localhost", "");
    let _ = shop.run(&["apply", "--yes"]).code(3).says("CREATE ROLE odoo LOGIN CREATEDB");
    let admin = ", admin_role: master, admin_password: m4ster, sslrootcert: ./elsewhere/server.crt";
    elsewhere.describe("localhost", admin);
    let _ = shop.apply();
    shop.at_rest();
    assert!(!shop.path("data/postgres").exists(), "no cluster of its own");
    let baseline = shop.read(".odpm/database/last_run.json");
    assert!(baseline.contains(&format!("\"data_path_abs\": \"localhost:{}\"", shop.port)), "{baseline}");
    assert!(shop.read("odoo.conf").contains("db_sslmode = verify-full\n"));
    let _ = shop.run(&["status"]).code(0).says("elsewhere on localhost").says("can log in");
    let _ = shop
        .run(&[
            "psql",
            "-d",
            "postgres",
            "--",
            "-Atc",
            "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
        ])
        .code(0)
        .says("t");
    // With the role there, nobody else is needed.
    elsewhere.describe("localhost", ", sslrootcert: ./elsewhere/server.crt");
    let _ = shop.run(&["plan"]).code(0).says("Nothing to do.");
    let _ = shop.run(&["down", "--yes"]).code(0).says("Nothing to do.");
    for secret in ["app-s3cret", "m4ster"] {
        for path in shop.tree(&["elsewhere", "odoo.conf", "odpm.yaml"]).into_keys() {
            let text = fs::read(&path).unwrap_or_default();
            assert!(!String::from_utf8_lossy(&text).contains(secret), "{secret} in {}", path.display());
        }
    }
    // The address changes, the cluster does not: low drift, and recorded anew.
    elsewhere.describe("127.0.0.1", ", sslmode: verify-ca, sslrootcert: ./elsewhere/server.crt");
    let _ = shop.run(&["plan"]).code(0).says("The recorded cluster itself has moved there.");
    let _ = shop.apply();
    shop.at_rest();
}

#[test]
fn each_mode_means_what_libpq_means_by_it() {
    let Some(elsewhere) = Elsewhere::new() else { return };
    let shop = &elsewhere.shop;
    let status = |host: &str, more: &str| {
        elsewhere.describe(host, &format!(", admin_role: master, admin_password: m4ster{more}"));
        let status = shop.json(&["status", "--format", "json"]);
        status["live"]["admin_login"] == true
    };
    assert!(status("localhost", ", sslmode: require"));
    assert!(status("127.0.0.1", ", sslmode: prefer"));
    assert!(!status("127.0.0.1", ", sslmode: disable"), "pg_hba.conf takes no connection without TLS");
    assert!(status("localhost", ", sslmode: verify-full, sslrootcert: ./elsewhere/server.crt"));
    assert!(
        !status("127.0.0.1", ", sslmode: verify-full, sslrootcert: ./elsewhere/server.crt"),
        "another host's name"
    );
    assert!(status("127.0.0.1", ", sslmode: verify-ca, sslrootcert: ./elsewhere/server.crt"));
    assert!(!status("localhost", ", sslmode: verify-full"), "a certificate that nobody here trusts");
}

/// As the application role alone: nobody else may be there on a managed service.
#[test]
fn databases_elsewhere_are_looked_after_over_tls_by_the_application_role() {
    let Some(elsewhere) = Elsewhere::new() else { return };
    let shop = &elsewhere.shop;
    let admin = ", admin_role: master, admin_password: m4ster, sslrootcert: ./elsewhere/server.crt";
    elsewhere.describe("localhost", admin);
    let _ = shop.apply();
    elsewhere.describe("localhost", ", sslrootcert: ./elsewhere/server.crt");
    let psql = |database: &str, sql: &str| {
        let _ = shop.run(&["psql", "-d", database, "--", "-v", "ON_ERROR_STOP=1", "-Atqc", sql]).code(0);
        shop.run(&["psql", "-d", database, "--", "-Atqc", sql]).out
    };
    let _ =
        shop.run(&["psql", "-d", "postgres", "--", "-c", "CREATE DATABASE shop TEMPLATE template0"]).code(0);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/odoo.sql");
    let _ = shop.run(&["psql", "-d", "shop", "--", "-v", "ON_ERROR_STOP=1", "-qf", script]).code(0);
    let count = |database: &str| psql(database, "SELECT count(*) FROM res_partner").trim().to_owned();
    assert_eq!(count("shop"), "3000");
    for (form, end) in [("zip", "zip"), ("fast", "odpm"), ("dump", "dump")] {
        let _ = shop.run(&["database", "backup", "-d", "shop", "--format", form, "--yes"]).code(0);
        let file = crate::shop::backup(shop, end).display().to_string();
        let restore = ["database", "restore", &file, "-d", "copy", "--replace", "--yes"];
        let _ = shop.run(&restore).code(0);
        assert_eq!(count("copy"), "3000");
    }
    let _ = shop.run(&["database", "rename", "-d", "copy", "other", "--yes"]).code(0);
    let _ = shop.run(&["database", "drop", "-d", "other", "--no-checkpoint", "--yes"]).code(0);
    let _ = shop.run(&["database", "list"]).code(0).says("shop");
}

/// The application role may end no session of an administrator's.
#[test]
fn a_database_that_somebody_stays_in_takes_connections_as_before() {
    let Some(elsewhere) = Elsewhere::new() else { return };
    let shop = &elsewhere.shop;
    let admin = ", admin_role: master, admin_password: m4ster, sslrootcert: ./elsewhere/server.crt";
    elsewhere.describe("localhost", admin);
    let _ = shop.apply();
    elsewhere.describe("localhost", ", sslrootcert: ./elsewhere/server.crt");
    let psql =
        |sql: &str| shop.run(&["psql", "-d", "postgres", "--", "-Atqc", sql]).code(0).out.trim().to_owned();
    let _ = psql("CREATE DATABASE shop TEMPLATE template0");
    let mut stays = Command::new(bin_dir().join("psql"))
        .args(["-Xq", "-h", "localhost", "-p", &shop.port.to_string(), "-U", "master", "-d", "shop"])
        .args(["-c", "SELECT pg_sleep(600)"])
        .env("PGPASSWORD", "m4ster")
        .spawn()
        .unwrap();
    wait_for(|| psql("SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop'") == "1");
    for open in ["true", "false"] {
        let _ = psql(&format!("ALTER DATABASE shop ALLOW_CONNECTIONS {open}"));
        for verb in [
            &["duplicate", "copy", "-d", "shop"][..],
            &["rename", "-d", "shop", "other"],
            &["drop", "-d", "shop", "--no-checkpoint"],
        ] {
            let args = [&["database"], verb, &["--yes"]].concat();
            let _ = shop.run(&args).code(1).says("cannot end the sessions in shop");
            let now = psql("SELECT datallowconn::text FROM pg_database WHERE datname = 'shop'");
            assert_eq!(now, open, "{verb:?}");
            let _ = shop.run(&["apply", "--abandon"]).code(0);
            let _ = psql(&format!("ALTER DATABASE shop ALLOW_CONNECTIONS {open}"));
        }
    }
    let _ = stays.kill();
    let _ = stays.wait();
}
