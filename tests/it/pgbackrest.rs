//! The archive in pgBackRest's repositories, on real clusters; what needs S3 is tested by what is rendered.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::archive::{asked, asked_in, damaged, now, switch};
use crate::sandbox::{Sandbox, is_root, skipped};
use crate::stack::{journal, wait_for};

const METHOD: &str = "archive: {method: pgbackrest, keep: 1}\n";

/// Whether this machine has pgBackRest; says so where it has not.
pub fn there() -> bool {
    let there = Command::new("pgbackrest").arg("version").output().is_ok_and(|said| said.status.success());
    if !there {
        skipped("pgBackRest is not on this machine");
    }
    there
}

fn described(archive: &str) -> Sandbox {
    let shop = Sandbox::new();
    let yaml = shop.read("odpm.yaml");
    shop.write("odpm.yaml", &format!("{yaml}{archive}"));
    shop
}

/// A project whose log goes to a repository, with a first base backup.
fn archived() -> Option<Sandbox> {
    if !there() {
        return None;
    }
    let shop = described(METHOD);
    let _ = shop.run(&["archive", "enable", "--yes"]).code(0).says("any moment since");
    // The base backup tells whole seconds, and a moment has to be after its last one.
    sleep(Duration::from_secs(1));
    Some(shop)
}

/// The files below a folder whose names have all of these words in them.
fn files(folder: &Path, words: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(files(&path, words));
        } else if path.is_file() && words.iter().all(|word| path.to_string_lossy().contains(word)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn labels(shop: &Sandbox) -> Vec<String> {
    let status = shop.json(&["archive", "status", "--format", "json"]);
    let bases = status["bases"].as_array().unwrap();
    bases.iter().map(|base| base["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_running_project_is_archived_incrementally_and_proved() {
    if !there() {
        return;
    }
    let shop = Sandbox::new();
    let _ = shop.apply();
    let yaml = shop.read("odpm.yaml");
    shop.write("odpm.yaml", &format!("{yaml}{METHOD}"));
    let said = shop.run(&["archive", "enable", "--plan"]).code(0);
    let _ = said
        .says("it runs with another configuration")
        .says("[interrupts]")
        .says("write .odpm/rendered/pgbackrest.conf")
        .says("make the cluster known to pgBackRest as shop");
    let _ = shop.run(&["archive", "basebackup", "--yes"]).code(3).says("does not archive its log yet");
    let _ = shop.run(&["archive", "enable", "--yes"]).code(0).says("a full base backup into repository 1");
    shop.at_rest();
    let _ = shop.run(&["archive", "status"]).code(0).says("You can go back to any moment").says("works, ");
    let _ = shop.run(&["doctor"]).code(0).says("good    archive").says("good    pgbackrest");
    let _ = shop.run(&["archive", "basebackup", "--yes"]).code(0).says("an incremental base backup");
    let [full, incr] = &labels(&shop)[..] else { panic!("two base backups") };
    assert!(incr.starts_with(full.as_str()) && incr.ends_with('I'), "{incr}");
    let _ = shop.run(&["archive", "verify"]).code(0).says(&format!("good   base backup {incr}"));

    // The next full one makes both superfluous, with the log before it.
    let _ = shop.run(&["archive", "expire", "--yes"]).code(0);
    assert_eq!(labels(&shop).len(), 2);
    let _ = shop.run(&["archive", "basebackup", "--full", "--yes"]).code(0).says("it is asked for");
    let _ = shop.run(&["archive", "expire"]).code(3).says(full).says("[destroys data]");
    let segments = || files(&shop.path("archive/archive"), &["0000000100000000", ".gz"]).len();
    let before = segments();
    let _ = shop.run(&["archive", "expire", "--yes"]).code(0);
    assert_eq!(labels(&shop).len(), 1);
    assert!(segments() < before, "the log before it goes");
    let _ = shop.run(&["archive", "expire"]).code(0).says("Nothing to do");
    let _ = shop.run(&["archive", "status"]).code(0);
    let _ = shop.run(&["archive", "verify"]).code(0);
}

#[test]
fn a_sidecar_stands_between_two_commits_and_other_moments_are_refused() {
    let Some(shop) = archived() else { return };
    let at = damaged(&shop);
    // It comes from the newer one of two, which is made on the other.
    let _ = shop
        .run(&["incident", "sidecar", "--at", &at, "--name", "before", "--yes"])
        .code(0)
        .says("stands at");
    let cancelled = "SELECT count(*) FROM orders WHERE state = 'cancel'";
    assert_eq!(asked(&shop, "before", cancelled), "0");
    assert_eq!(shop.sql("postgres", cancelled), ["400"]);
    let state =
        "SELECT pg_is_in_recovery(), current_setting('archive_mode'), current_setting('listen_addresses')";
    assert_eq!(asked(&shop, "before", state), "t|off|");
    assert!(asked(&shop, "before", "DELETE FROM orders").contains("read-only"));

    let _ = shop.run(&["archive", "basebackup", "--yes"]).code(0);
    sleep(Duration::from_secs(2));
    let later = now(&shop);
    let incr = labels(&shop).pop().unwrap();
    let said = shop.run(&["incident", "sidecar", "--at", &later, "--name", "after", "--yes"]).code(0);
    let _ = said.says(&incr);
    assert_eq!(asked(&shop, "after", cancelled), "400");

    let table =
        [("2026-01-01 00:00Z", "no base backup was whole by"), ("2126-01-01 00:00Z", "is not past yet")];
    for (at, why) in table {
        let _ = shop.run(&["incident", "sidecar", "--at", at, "--yes"]).code(3).says(why);
    }
    for name in ["before", "after"] {
        let _ = shop.run(&["incident", "sidecar", "rm", name, "--yes"]).code(0);
    }
    // Without the server, what was pushed has to do.
    switch(&shop);
    let _ = shop.run(&["down", "--yes"]).code(0);
    let said = shop.run(&["incident", "sidecar", "--at", &at, "--name", "alone", "--yes"]).code(0);
    let _ = said.says("cannot be asked for the end of its log");
    assert_eq!(asked(&shop, "alone", cancelled), "0");
    let _ = shop.run(&["incident", "sidecar", "rm", "alone", "--yes"]).code(0);
}

#[test]
fn gaps_and_damage_in_a_repository_are_told() {
    let Some(shop) = archived() else { return };
    let at = damaged(&shop);
    // A repository tells whole seconds of its segments, too.
    sleep(Duration::from_secs(1));
    switch(&shop);
    let repository = shop.path("archive");
    let lost = files(&repository.join("archive"), &["0000000100000000", "-", ".gz"]).len();
    for n in 0..3 {
        let _ = shop.sql("postgres", &format!("CREATE TABLE t{n} (n int)"));
        switch(&shop);
    }
    let behind = now(&shop);
    let name = files(&repository.join("archive"), &["0000000100000000", "-", ".gz"]).remove(lost);
    let segment = name.file_name().unwrap().to_string_lossy()[..24].to_owned();
    let whole = fs::read(&name).unwrap();
    fs::remove_file(&name).unwrap();
    let _ = shop.run(&["archive", "status"]).code(3).says("has a gap").says(&segment);
    let _ = shop.run(&["archive", "verify"]).code(1).says(&segment);
    let refused = shop.run(&["incident", "sidecar", "--at", &behind, "--yes"]).code(3);
    let _ = refused.says("the log has a gap before").says(&segment);
    let _ = shop.run(&["incident", "sidecar", "--at", &at, "--name", "one", "--yes"]).code(0);
    assert_eq!(asked(&shop, "one", "SELECT count(*) FROM orders WHERE state = 'cancel'"), "0");
    let _ = shop.run(&["incident", "sidecar", "rm", "one", "--yes"]).code(0);

    fs::write(&name, &whole).unwrap();
    let _ = shop.run(&["archive", "verify"]).code(0);
    // A file of the base backup, changed by one byte in its middle.
    let file = files(&repository.join("backup"), &["/base/", "/1259.gz"]).remove(0);
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let _ = shop.run(&["archive", "verify"]).code(1).says("invalid").says("1259");
}

#[test]
fn killed_in_a_base_backup_and_in_a_restore_it_goes_on() {
    let Some(shop) = archived() else { return };
    let at = damaged(&shop);
    let begun = |step: &str| journal(&shop).matches(&format!("\"started\",\"step\":\"{step}\"")).count();
    for (args, step) in [
        (vec!["archive", "basebackup", "--full", "--yes"], "back-up-1"),
        (vec!["incident", "sidecar", "--at", &at, "--name", "before", "--yes"], "lay-out-sidecar"),
        (vec!["incident", "sidecar", "--at", &at, "--name", "again", "--yes"], "recover-sidecar"),
    ] {
        let before = begun(step);
        let mut child = shop.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_for(|| begun(step) > before || child.try_wait().unwrap().is_some());
        // While pgBackRest is at work: it goes on without odpm.
        let at_work = match step {
            "back-up-1" => shop.path(".odpm/pgbackrest/backup-at-work"),
            "lay-out-sidecar" => shop.path(".odpm/sidecars/before/restore.lock"),
            _ => shop.path(".odpm/sidecars/again/log"),
        };
        wait_for(|| at_work.exists() || child.try_wait().unwrap().is_some());
        let _ = kill_process(Pid::from_child(&child), Signal::KILL);
        let _ = child.wait();
        let _ = shop.run(&["plan"]).code(3).says("is not finished");
        let _ = shop.run(&["apply", "--resume", "--yes"]).code(0);
    }
    assert_eq!(labels(&shop).len(), 2, "what the killed attempt began is what the resumed one ends");
    for name in ["before", "again"] {
        assert_eq!(asked(&shop, name, "SELECT count(*) FROM orders WHERE state = 'cancel'"), "0");
        let _ = shop.run(&["incident", "sidecar", "rm", name, "--yes"]).code(0);
    }
    let _ = shop.run(&["archive", "verify"]).code(0);
}

#[test]
fn another_cluster_never_gets_into_the_repositories_of_the_first() {
    let Some(shop) = archived() else { return };
    let _ = shop.run(&["down", "--yes"]).code(0);
    fs::rename(shop.data(), shop.path("away")).unwrap();
    let refused = shop.run(&["plan"]).code(3);
    let _ = refused.says("holds another cluster under the name shop").says("stanza: shop2");
    fs::rename(shop.path("away"), shop.data()).unwrap();
    let _ = shop.apply();

    // One that is there already is found out by pgBackRest itself.
    let other = described("archive: {method: pgbackrest, repositories: [{path: ./elsewhere}]}\n");
    fs::rename(shop.path("archive"), other.path("elsewhere")).unwrap();
    let yaml = other.read("odpm.yaml");
    other.write("odpm.yaml", yaml.split("archive:").next().unwrap());
    let _ = other.apply();
    other.write("odpm.yaml", &yaml);
    let failed = other.run(&["archive", "enable", "--yes"]).code(3);
    let _ = failed.says("the repositories hold another cluster under the name shop").says("stanza-upgrade");
    let _ = other.run(&["apply", "--abandon", "--yes"]).code(0);
    other.write("odpm.yaml", &yaml.replace("method:", "stanza: second, method:"));
    let _ = other.run(&["archive", "enable", "--yes"]).code(0);
    let _ = other.run(&["archive", "status"]).code(0);
}

#[test]
fn keys_reach_the_servers_account_and_nobody_else() {
    if !there() {
        return;
    }
    let shop = described(
        "archive:\n  method: pgbackrest\n  repositories:\n  - {path: ./archive}\n  \
         - {s3: {bucket: b, endpoint: 127.0.0.1, region: r, key: \"${S3_KEY}\", secret: \"${S3_SECRET}\"}}\n",
    );
    let _ = shop.run(&["plan"]).code(1).says("S3_KEY");
    shop.write(".env", "S3_KEY=AKIAKEY\nS3_SECRET=hidden-one\n");
    let plan = shop.run(&["plan", "--format", "json"]).code(0).says("repo2-s3-key-secret");
    assert!(!plan.all().contains("hidden-one") && !plan.all().contains("AKIAKEY"));
    // That storage cannot be reached; what comes before is done, and what failed says why.
    let failed = shop.run(&["apply", "--yes"]).code(1).says("cannot make the cluster known");
    assert!(!failed.all().contains("hidden-one"), "{}", failed.all());
    let path = shop.path(".odpm/pgbackrest/keys.conf");
    assert_eq!(
        shop.read(".odpm/pgbackrest/keys.conf"),
        "[global]\nrepo2-s3-key=AKIAKEY\nrepo2-s3-key-secret=hidden-one\n"
    );
    let meta = fs::metadata(&path).unwrap();
    assert_eq!(meta.mode() & 0o777, 0o600);
    if is_root() {
        assert_ne!(meta.uid(), 0, "the server reads it");
    }
    for folder in [".odpm/journal", ".odpm/rendered"] {
        for file in files(&shop.path(folder), &[]) {
            let text = fs::read_to_string(&file).unwrap_or_default();
            assert!(!text.contains("hidden-one"), "{}", file.display());
        }
    }
    let _ = shop.run(&["apply", "--abandon", "--yes"]).code(0);
    let _ = shop.run(&["archive", "status"]).code(3).says("repository 2 (s3://b/shop at 127.0.0.1): ");
}

#[test]
fn what_cannot_be_is_told_with_its_place() {
    let shop = Sandbox::new();
    let yaml = shop.read("odpm.yaml");
    for (archive, said) in [
        ("archive: {method: pgbackrest, path: ./a}\n", "keeps the log in `repositories`"),
        ("archive: {method: basebackup, stanza: a}\n", "that is pgBackRest's"),
        ("archive: {method: pgbackrest, repositories: []}\n", "there is at least one"),
        ("archive: {method: pgbackrest, repositories: [{}]}\n", "is a folder or a bucket"),
        ("archive: {method: pgbackrest, stanza: a b}\n", "cannot name a cluster"),
        ("archive: {method: pgbackrest, repositories: [{path: a}, {path: ./a}]}\n", "are the same folder"),
    ] {
        shop.write("odpm.yaml", &format!("{yaml}{archive}"));
        let _ = shop.run(&["plan"]).code(1).says(said).says("odpm.yaml:");
    }
    let docker = yaml.replace("engine: local", "engine: docker");
    shop.write("odpm.yaml", &format!("{docker}{METHOD}"));
    let _ = shop.run(&["plan"]).code(1).says("pgBackRest has to be where the server is");
}

#[test]
fn the_cluster_is_rewound_from_a_repository_goes_on_and_is_put_back() {
    let Some(shop) = archived() else { return };
    let _ = shop.sql("postgres", "CREATE DATABASE shop OWNER odoo TEMPLATE template0");
    let _ = shop.sql("shop", "CREATE TABLE orders AS SELECT n AS id FROM generate_series(1, 1000) n");
    let orders = || shop.sql("shop", "SELECT count(*) FROM orders");
    let recovered = |at: &str, name: &str| {
        let _ = shop.run(&["incident", "sidecar", "--at", at, "--name", name, "--yes"]).code(0);
        let orders = asked_in(&shop, name, "shop", "SELECT count(*) FROM orders");
        let _ = shop.run(&["incident", "sidecar", "rm", name, "--yes"]).code(0);
        orders
    };
    let at = now(&shop);
    let _ = shop.sql("shop", "DELETE FROM orders WHERE id <= 400");
    let done = shop.run(&["incident", "cutback", "--at", &at, "-d", "shop", "--yes"]).code(0);
    let run = shop.last_run();
    let _ = done.says("its last commit is of").says(&format!("postgres.before-{run}"));
    assert_eq!(orders(), ["1000"]);
    shop.at_rest();
    assert_eq!(files(&shop.path("archive/archive"), &["00000002.history"]).len(), 1);
    assert_eq!(labels(&shop).len(), 2);
    assert!(labels(&shop)[1].ends_with('F'), "the branch stands by itself");
    let _ = shop.run(&["archive", "status"]).code(0).says("but not");
    let _ = shop.run(&["archive", "verify"]).code(0);
    sleep(Duration::from_secs(1));
    let _ = shop.sql("shop", "INSERT INTO orders VALUES (6000)");
    let later = now(&shop);
    let _ = shop.sql("shop", "DELETE FROM orders");
    assert_eq!(recovered(&later, "later"), "1001");

    let _ = shop.run(&["undo", &run, "--yes", "--confirm=shop"]).code(0).says("goes out of service");
    assert_eq!(orders(), ["600"]);
    shop.at_rest();
    // What is made on a base backup of the other branch is whole, too.
    let _ = shop.run(&["archive", "basebackup", "--yes"]).code(0);
    let _ = shop.run(&["archive", "status"]).code(0);
    sleep(Duration::from_secs(1));
    let late = now(&shop);
    let _ = shop.sql("shop", "DELETE FROM orders");
    assert_eq!(recovered(&late, "late"), "600");
    let _ = shop.run(&["incident", "cutback", "--at", &late, "-d", "shop", "--yes"]).code(0);
    assert_eq!(orders(), ["600"]);
    assert_eq!(files(&shop.path("archive/archive"), &["00000003.history"]).len(), 1);
}
