//! A database of a migration whose server is reached only inside a container.

use std::io::Write;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::migrate_pair::{migrate, pair, rows};
use crate::sandbox::{Sandbox, bin_dir, skipped};
use crate::stack::{asked, docker, engine, wait_for};

/// A server in a container without a network.
struct Inside {
    name: String,
}

impl Inside {
    fn new(port: u16) -> Option<Self> {
        let Some(image) = engine() else {
            skipped("no Docker engine of this machine answers, or this is not root");
            return None;
        };
        let inside = Self { name: format!("odpm-test-inside-{port}") };
        // No `--init`: the server is the container's first process, as it is with most.
        let args = ["run", "-d", "--name", &inside.name, "--network", "none", "-e", "POSTGRES_PASSWORD=x"];
        assert!(docker(&[&args[..], &["-e", "POSTGRES_DB=staging", image, "postgres"]].concat()));
        wait_for(|| inside.psql("staging", "SELECT 1"));
        // What the entry point has made answered as well: it is the server after it that stays.
        std::thread::sleep(std::time::Duration::from_secs(1));
        wait_for(|| inside.psql("staging", "SELECT 1"));
        let sql = concat!(
            include_str!("migrate.sql"),
            "\nCREATE TABLE ir_module_module (id serial PRIMARY KEY, name varchar, \
            state varchar, latest_version varchar);\nINSERT INTO ir_module_module (name, state) VALUES ('base', 'installed');\n"
        );
        assert!(inside.psql("staging", sql));
        Some(inside)
    }

    fn psql(&self, database: &str, sql: &str) -> bool {
        let mut child = Command::new("docker")
            .args(["exec", "-i", &self.name, "psql", "-XqU", "postgres", "-h", "127.0.0.1", "-d", database])
            .args(["-v", "ON_ERROR_STOP=1", "-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(sql.as_bytes()).unwrap();
        child.wait().unwrap().success()
    }

    /// Processes inside that belong to connections of odpm's.
    fn left(&self) -> String {
        let top = asked(&["top", &self.name, "-eo", "pid,args"]);
        let ours = |line: &&str| ["/dev/tcp", " cat", "sh -c"].iter().any(|part| line.contains(part));
        top.lines().filter(ours).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        docker(&["rm", "-f", "-v", &self.name]);
    }
}

#[test]
fn a_server_inside_a_container_is_reached_and_nothing_stays_behind() {
    let shop = Sandbox::with("database: prod", "");
    let Some(inside) = Inside::new(shop.port) else { return };
    let _ = shop.apply();
    let place = format!("docker://{}/staging?user=postgres", inside.name);
    let verify = ["migrate", "verify", "--to", &place];
    let said = shop.run(&verify).code(0).says(&format!("Every reference of {place} leads somewhere."));
    assert!(!said.all().contains("password"), "{}", said.all());
    wait_for(|| inside.left().is_empty());

    // odpm is gone in the middle of a question.
    let holder = Command::new("docker")
        .args(["exec", &inside.name, "psql", "-XqU", "postgres", "-h", "127.0.0.1", "-d", "staging"])
        .args(["-c", "BEGIN; LOCK TABLE res_partner", "-c", "SELECT pg_sleep(600)"])
        .stdout(Stdio::null())
        .spawn();
    let mut holder = holder.unwrap();
    let once = |what: &str| {
        format!(
            "DO $$ BEGIN FOR i IN 1..6000 LOOP PERFORM pg_stat_clear_snapshot(); IF {what} THEN RETURN; END IF; \
             PERFORM pg_sleep(0.01); END LOOP; RAISE EXCEPTION 'it never came to be'; END $$"
        )
    };
    let held = "EXISTS (SELECT FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted)";
    let waits =
        "EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'odpm' AND wait_event_type = 'Lock')";
    let gone = "NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'odpm')";
    assert!(inside.psql("postgres", &once(held)));
    let mut odpm = shop.command(&verify).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    assert!(inside.psql("postgres", &once(waits)));
    assert!(!inside.left().is_empty());
    kill_process(Pid::from_child(&odpm), Signal::KILL).unwrap();
    let _ = odpm.wait();
    wait_for(|| inside.left().is_empty());
    assert!(inside.psql("postgres", &once(gone)));
    let _ = holder.kill();
    let _ = holder.wait();

    // PostgreSQL takes an orphan that a signal has ended for a crash of its own.
    let log = Command::new("docker").args(["logs", &inside.name]).output().unwrap();
    let log = String::from_utf8_lossy(&log.stderr).into_owned();
    assert!(log.contains("ready to accept connections"), "{log}");
    assert!(!log.contains("terminated by signal") && !log.contains("recovery"), "{log}");

    let nobody = shop.run(&["migrate", "verify", "--to", "docker://odpm-test-nobody/x"]).code(1);
    let _ = nobody.says("No such container").says("docker ps");
    let other = place.replace("/staging", ":5999/staging");
    let _ = shop.run(&["migrate", "verify", "--to", &other]).code(1).says("refused").says("docker ps");
    let _ = shop
        .run(&["migrate", "verify", "--to", &place.replace("/staging", "/nothing")])
        .code(1)
        .says("nothing");
    assert!(docker(&["exec", "-u", "root", &inside.name, "rm", "/usr/bin/bash"]));
    let bare = shop.run(&verify).code(1);
    let _ = bare.says("there is neither bash nor socat nor nc in the container");
}

/// The words of a migration with another place in them.
fn swap(word: &str, place: &str) -> Vec<String> {
    migrate(&[]).into_iter().map(|one| if one == word { place } else { one }.to_owned()).collect()
}

#[test]
fn rows_come_out_of_a_container_and_go_into_one() {
    let probe = Sandbox::with("database: prod", "");
    let Some(inside) = Inside::new(probe.port) else { return };
    let shop = pair();
    for (database, copy) in [("staging", "source"), ("prod", "target")] {
        let dump = Command::new(bin_dir().join("pg_dump"))
            .args(["-h", "127.0.0.1", "-p", &shop.port.to_string(), "-U", "postgres", "-O", "-x", database])
            .env("PGPASSWORD", shop.read(".odpm/secrets/admin_password").trim())
            .output()
            .unwrap();
        assert!(dump.status.success());
        let sql = String::from_utf8(dump.stdout).unwrap();
        let plain = |line: &&str| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict");
        let sql: Vec<&str> = sql.lines().filter(plain).collect();
        assert!(inside.psql("postgres", &format!("CREATE DATABASE {copy}")));
        assert!(inside.psql(copy, &sql.join("\n")));
    }
    let place = |database: &str| format!("docker://{}/{database}?user=postgres", inside.name);
    let run = |args: Vec<String>| shop.run(&args.iter().map(String::as_str).collect::<Vec<_>>());
    let into = run(swap("prod", &place("target"))).code(0);
    let _ = into.says("target is none of this project's databases: odpm takes no backup of it");
    let there = "DO $$ BEGIN IF (SELECT count(*) FROM product_template) <> 2 THEN RAISE 'they have not come'; END IF; END $$";
    assert!(inside.psql("target", there));
    let _ = shop.run(&["migrate", "verify", "--all", "--to", &place("target")]).code(0);

    let _ = run(swap("staging", &place("source")))
        .code(0)
        .says("are not carried over: this machine does not reach both");
    assert_eq!(rows(&shop, "prod", "SELECT count(*) FROM product_template"), ["2"]);
    let staged = [swap("prod", &place("target")), vec!["--staged".to_owned()]].concat();
    let _ = run(staged).code(3).says("cannot be migrated to in stages");
    wait_for(|| inside.left().is_empty());
}
