//! Databases when things go wrong: damaged and foreign files, full disks, wrong passwords, kills at every step.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::sandbox::{Sandbox, is_root, skipped};
use crate::shop::{backup, content, files, names, psql, shop, stored};
use crate::stack::{journal, wait_for};

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Takes a backup in each form; their paths.
fn backups(shop: &Sandbox) -> [PathBuf; 3] {
    [("zip", "zip"), ("fast", "odpm"), ("dump", "dump")].map(|(form, end)| {
        let _ = shop.run(&["database", "backup", "--format", form, "--yes"]).code(0);
        backup(shop, end)
    })
}

#[test]
fn damaged_backups_are_told_and_the_database_stays_as_it_was() {
    let shop = shop();
    let before = content(&shop, "shop");
    let [zip, folder, dump] = backups(&shop);
    let data = fs::read_dir(folder.join("dump")).unwrap().flatten().map(|entry| entry.path());
    let data = data.max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
    for (file, of) in
        [(&zip, &zip), (&data, &folder), (&dump, &dump), (&folder.join("dump/toc.dat"), &folder)]
    {
        let whole = fs::read(file).unwrap();
        let mut turned = whole.clone();
        turned[whole.len() / 2] ^= 4;
        for damaged in [turned, whole[..whole.len() * 7 / 10].to_vec(), Vec::new()] {
            fs::write(file, &damaged).unwrap();
            let said = shop.run(&["database", "verify", &text(of)]);
            assert_eq!(said.code, 1, "{}: {}", file.display(), said.all());
            let restore = ["database", "restore", &text(of), "-d", "shop", "--replace", "--yes"];
            let said = shop.run(&restore);
            assert!([1, 3].contains(&said.code), "{}: {}", file.display(), said.all());
            let _ = shop.run(&["apply", "--abandon"]);
        }
        fs::write(file, whole).unwrap();
    }
    // A file that is missing from the pool, and one that is damaged there.
    let pool = Command::new("find")
        .arg(shop.path("backups/odpm-files"))
        .args(["-type", "f", "-size", "+0"])
        .output()
        .unwrap();
    let stored = PathBuf::from(String::from_utf8(pool.stdout).unwrap().lines().next().unwrap());
    let whole = fs::read(&stored).unwrap();
    fs::write(&stored, vec![b'x'; whole.len()]).unwrap();
    let _ = shop.run(&["database", "verify", &text(&folder)]).code(1).says("is damaged");
    fs::remove_file(&stored).unwrap();
    let _ = shop.run(&["database", "verify", &text(&folder)]).code(1).says("cannot be read");
    content(&shop, "shop").is_that_of(&before, "after all that");
    assert_eq!(names(&shop), ["shop"]);
}

#[test]
fn every_sql_error_counts() {
    let shop = shop();
    let _ = shop.run(&["database", "backup", "--yes"]).code(0);
    let zip = text(&backup(&shop, "zip"));
    let unzip =
        "import sys, zipfile; sys.stdout.write(zipfile.ZipFile(sys.argv[1]).read('dump.sql').decode())";
    let script = Command::new("python3").args(["-c", unzip, &zip]).output().unwrap();
    let script = String::from_utf8(script.stdout).unwrap();
    for (from, to, why) in [
        ("CREATE TABLE public.mail_mail", "CREATE TABEL public.mail_mail", "syntax error"),
        ("1\t2\tkey", "1\t77\tkey", "violates foreign key constraint"),
        ("2\tadmin\tx\tt", "2\tadmin\tx\tperhaps", "invalid input syntax for type boolean"),
        ("SET client_encoding = 'UTF8';", "SET client_encoding = 'LATIN1';", "the script is in LATIN1"),
        ("SET row_security = off;", "SET no_such_setting = off;", "unrecognized configuration parameter"),
    ] {
        assert!(script.contains(from), "{from}");
        shop.write("broken.sql", &script.replacen(from, to, 1));
        let _ = shop.run(&["database", "restore", "broken.sql", "-d", "copy", "--yes"]).code(1).says(why);
        let _ = shop.run(&["apply", "--abandon"]).code(0);
        let _ = shop.run(&["database", "prune", "--yes"]).code(0);
        assert_eq!(names(&shop), ["shop"]);
        assert_eq!(fs::read_dir(shop.path("data/odoo/filestore")).unwrap().count(), 1);
    }
    for (file, text, why) in [
        ("nothing.txt", "", "is no backup"),
        ("not.zip", "PK\u{3}\u{4}nothing", "is no whole zip"),
        ("note.sql", "just a note", "syntax error"),
    ] {
        shop.write(file, text);
        let said = shop.run(&["database", "restore", file, "-d", "copy", "--yes"]);
        assert!(said.code == 1 || said.code == 3, "{}", said.all());
        let _ = said.says(why);
        let _ = shop.run(&["apply", "--abandon"]);
    }
    let _ =
        shop.run(&["database", "restore", "nowhere.zip", "-d", "copy", "--yes"]).code(1).says("cannot read");
}

#[test]
fn a_dump_of_a_newer_server_a_name_in_use_and_a_foreign_owner_are_told() {
    let shop = shop();
    let _ = shop.run(&["database", "backup", "--yes"]).code(0);
    let zip = backup(&shop, "zip");
    let record = PathBuf::from(format!("{}.odpm.json", zip.display()));
    let manifest = fs::read_to_string(&record).unwrap();
    let newer =
        manifest.replace(&format!("\"server_version\": \"{}", shop.major), "\"server_version\": \"99");
    assert_ne!(newer, manifest);
    fs::write(&record, newer).unwrap();
    let restore = ["database", "restore", &text(&zip), "-d", "copy", "--yes"];
    let _ = shop.run(&restore).code(3).says("comes from PostgreSQL 99");
    fs::write(&record, manifest.replace("18.0.1.3", "17.0.1.3")).unwrap();
    let _ = shop
        .run(&[&restore[..], &["--plan"]].concat())
        .code(0)
        .says("is of Odoo 17.0, the project runs 18.0");
    fs::write(&record, manifest).unwrap();

    // Files of a database that is in another cluster are not mixed with these.
    fs::create_dir_all(files(&shop, "copy")).unwrap();
    let _ = shop.run(&restore).code(3).says("is there already");

    let _ = shop.sql("postgres", "CREATE ROLE somebody");
    let _ = shop.sql("postgres", "CREATE DATABASE theirs OWNER somebody");
    let _ = shop
        .run(&["database", "drop", "-d", "theirs", "--no-checkpoint", "--yes"])
        .code(0)
        .says("belongs to somebody, not to odoo");
    assert_eq!(names(&shop), ["shop"]);

    shop.write(".odpm/secrets/admin_password", "wrong\n");
    let _ = shop.run(&["database", "backup", "--yes"]).code(1).says("password authentication failed");
}

#[test]
fn a_full_disk_leaves_the_old_and_says_so() {
    let shop = shop();
    if !is_root() {
        return skipped("only root may make a small disk");
    }
    let small = shop.path("small");
    fs::create_dir(&small).unwrap();
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=24k", "tmpfs"]).arg(&small).status();
    if !mount.is_ok_and(|status| status.success()) {
        return skipped("this machine mounts no tmpfs");
    }
    let told: Vec<_> = ["zip", "fast", "dump"]
        .into_iter()
        .map(|form| {
            let out = text(&small.join(form));
            let said = shop.run(&["database", "backup", "--format", form, "--out", &out, "--yes"]);
            let left = fs::read_dir(&small)
                .unwrap()
                .flatten()
                .filter(|entry| entry.file_name() != "odpm-files")
                .count();
            let _ = shop.run(&["apply", "--abandon"]);
            (form, said.code, said.all(), left)
        })
        .collect();
    assert!(Command::new("umount").arg(&small).status().unwrap().success());
    for (form, code, said, left) in told {
        assert_eq!(code, 1, "{form}: {said}");
        assert!(said.contains("No space left"), "{form}: {said}");
        assert_eq!(left, 0, "{form} leaves nothing half done");
    }
}

#[test]
fn killed_at_any_step_a_replacing_restore_loses_nothing_and_is_resumed() {
    let shop = shop();
    let _ = shop.run(&["database", "backup", "--format", "fast", "--yes"]).code(0);
    let folder = text(&backup(&shop, "odpm"));
    let _ = shop.sql("shop", "INSERT INTO res_partner (name) VALUES ('since')");
    let before = (content(&shop, "shop"), stored(&shop, "shop"));
    let restore = ["database", "restore", &folder, "-d", "shop", "--replace", "--keep-old", "--yes"];
    for step in ["check-backup", "load", "load-files", "check", "rename"] {
        let unfinished = shop.run(&["plan"]).all().contains("--resume");
        assert_eq!(unfinished, step != "check-backup", "{step}");
        let args: &[&str] = if unfinished { &["apply", "--resume", "--yes"] } else { &restore };
        let mut child = shop.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let begun = format!("\"started\",\"step\":\"{step}\"");
        wait_for(|| journal(&shop).contains(&begun) || child.try_wait().unwrap().is_some());
        let _ = kill_process(Pid::from_raw(child.id() as i32).unwrap(), Signal::KILL);
        let _ = child.wait();
        if step != "rename" {
            content(&shop, "shop").is_that_of(&before.0, step);
            assert_eq!(stored(&shop, "shop"), before.1, "{step}");
        }
    }
    let _ = shop.run(&["apply", "--resume", "--yes"]);
    assert!(content(&shop, "shop") != before.0);
    let old = names(&shop).into_iter().find(|name| name.starts_with("odpm_old")).unwrap();
    assert_eq!(names(&shop), [old.as_str(), "shop"]);
    let _ = shop.sql("postgres", &format!("ALTER DATABASE {old} ALLOW_CONNECTIONS true"));
    content(&shop, &old).is_that_of(&before.0, "the old one");
    assert_eq!(stored(&shop, &old), before.1);
}

#[test]
fn killed_while_it_backs_up_it_leaves_no_backup_that_is_not_whole() {
    let shop = shop();
    for (form, end) in [("zip", "zip"), ("fast", "odpm"), ("dump", "dump")] {
        let out = text(&shop.path(&format!("backups/x.{end}")));
        let mut child = shop
            .command(&["database", "backup", "--format", form, "--out", &out, "--yes"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_for(|| {
            fs::read_dir(shop.path("backups"))
                .into_iter()
                .flatten()
                .flatten()
                .any(|entry| entry.file_name().to_string_lossy().ends_with(".partial"))
                || child.try_wait().unwrap().is_some()
        });
        let _ = kill_process(Pid::from_raw(child.id() as i32).unwrap(), Signal::KILL);
        let _ = child.wait();
        if shop.run(&["plan"]).all().contains("--resume") {
            assert!(!Path::new(&format!("{out}.odpm.json")).exists());
            let _ = shop.run(&["apply", "--resume", "--yes"]).code(0);
        }
        let _ = shop.run(&["database", "verify", &out]).code(0).says("It is good.");
        let partial = fs::read_dir(shop.path("backups")).unwrap().flatten();
        assert_eq!(
            partial.filter(|e| e.file_name().to_string_lossy().ends_with(".partial")).count(),
            0,
            "{form}"
        );
    }
    assert_eq!(names(&shop), ["shop"]);
}

/// A shop whose odpm was killed while PostgreSQL made a copy for it; who holds the original ends it.
fn killed_in_a_copy() -> (Sandbox, std::process::Child) {
    let shop = shop();
    // The copy waits for whoever holds the original.
    let password = shop.read(".odpm/secrets/admin_password");
    let holder = Command::new(crate::sandbox::bin_dir().join("psql"))
        .args(["-Xq", "-h", "127.0.0.1", "-p", &shop.port.to_string(), "-U", "postgres", "-d", "postgres"])
        .args(["-c", "BEGIN; COMMENT ON DATABASE shop IS NULL; SELECT pg_sleep(600)"])
        .env("PGPASSWORD", password.trim())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let active = |query: &str| {
        let count =
            format!("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '{query}%'");
        shop.sql("postgres", &count) == ["1"]
    };
    wait_for(|| active("BEGIN; COMMENT"));
    let mut child = shop
        .command(&["database", "duplicate", "copy", "--yes"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(|| active("CREATE DATABASE"));
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    let _ = child.wait();
    (shop, holder)
}

#[test]
fn a_database_that_was_closed_for_a_copy_is_opened_when_the_run_is_given_up() {
    let (shop, mut holder) = killed_in_a_copy();
    let open = "SELECT datallowconn FROM pg_database WHERE datname = 'shop'";
    assert_eq!(shop.sql("postgres", open), ["f"]);
    let _ = shop.sql(
        "postgres",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CREATE DATABASE%' OR query LIKE 'BEGIN; COMMENT%'",
    );
    let _ = holder.wait();
    let _ = shop.run(&["apply", "--abandon"]).code(0).says("shop takes connections again.");
    assert_eq!(shop.sql("postgres", open), ["t"]);
    assert_eq!(names(&shop), ["shop"]);
}

/// PostgreSQL goes on when the one that asked is gone: the database is there, and nothing is written on it.
#[test]
fn a_database_that_nobody_could_mark_is_made_anew() {
    let (shop, mut holder) = killed_in_a_copy();
    let ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'BEGIN; COMMENT%'";
    let _ = shop.sql("postgres", ended);
    let _ = holder.wait();
    let unborn = "SELECT count(*) FROM pg_database WHERE datname LIKE 'odpm\\_new\\_%' AND NOT datallowconn \
         AND shobj_description(oid, 'pg_database') IS NULL";
    wait_for(|| shop.sql("postgres", unborn) == ["1"]);
    let _ = shop.run(&["database", "list"]).code(0).says("begun and never finished");
    let _ = shop.run(&["apply", "--resume", "--yes"]).code(0);
    assert_eq!(names(&shop), ["copy", "shop"]);
    assert_eq!(stored(&shop, "copy"), stored(&shop, "shop"));
    let marks = "SELECT count(*) FROM pg_database WHERE datname IN ('shop', 'copy') AND datallowconn \
         AND shobj_description(oid, 'pg_database') IS NULL";
    assert_eq!(shop.sql("postgres", marks), ["2"]);
}

/// What a dump brings along runs with whatever writes to its tables, and never as an administrator.
#[test]
fn triggers_of_a_database_run_as_the_application_role() {
    let shop = shop();
    let script = "CREATE TABLE heard (who text); \
         CREATE FUNCTION hear() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN INSERT INTO public.heard VALUES (TG_TABLE_NAME || ' by ' || session_user); RETURN NEW; END $$; \
         CREATE TRIGGER hear BEFORE UPDATE ON res_users FOR EACH ROW EXECUTE FUNCTION hear(); \
         CREATE TRIGGER hear BEFORE INSERT OR UPDATE ON ir_config_parameter FOR EACH ROW EXECUTE FUNCTION hear();";
    assert!(psql(&shop, "shop").args(["-c", script]).status().unwrap().success());
    let _ = shop.run(&["database", "duplicate", "copy", "--yes"]).code(0);
    let pass = [("ODPM_ADMIN_PASSWORD", "geheim")];
    let _ = shop.run_with(&["database", "set-admin-pass", "-d", "copy", "--yes"], &pass).code(0);
    let heard = "SELECT DISTINCT who FROM heard ORDER BY 1";
    assert_eq!(shop.sql("copy", heard), ["ir_config_parameter by odoo", "res_users by odoo"]);
    let _ = shop.sql("copy", "TRUNCATE heard");
    let _ = shop.run(&["database", "neutralize", "-d", "copy", "--yes"]).code(0);
    assert_eq!(shop.sql("copy", heard), ["ir_config_parameter by odoo"]);
}
