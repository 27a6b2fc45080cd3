//! Databases on real clusters: every form of a backup there and back, names, copies, drills, what to keep.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::sandbox::Sandbox;
use crate::shop::{add_file, backup, content, files, label, label_of, names, psql, shop, stored};

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn every_form_comes_back_row_for_row_and_file_for_file() {
    let shop = shop();
    let (rows, stored_files) = (content(&shop, "shop"), stored(&shop, "shop"));
    for (form, end) in [("zip", "zip"), ("fast", "odpm"), ("dump", "dump")] {
        let _ = shop.run(&["database", "backup", "--format", form, "--yes"]).code(0);
        let file = text(&backup(&shop, end));
        let _ = shop.run(&["database", "verify", &file]).code(0).says("It is good.").says("Odoo 18.0.1.3");
        let copy = format!("from_{form}");
        let _ = shop.run(&["database", "restore", &file, "-d", &copy, "--yes"]).code(0);
        content(&shop, &copy).is_that_of(&rows, form);
        if form != "dump" {
            assert_eq!(stored(&shop, &copy), stored_files, "{form}");
        }
    }
    assert_eq!(names(&shop), ["from_dump", "from_fast", "from_zip", "shop"]);
    let list = shop.json(&["database", "list", "--format", "json"]);
    let found = list["databases"].as_array().unwrap().iter().find(|entry| entry["name"] == "shop").unwrap();
    assert_eq!(found["odoo"]["version"], "18.0.1.3");
    assert_eq!(found["filestore"]["files"], 4);
    assert!(found["last_backup"].is_array());
    shop.at_rest();
}

#[test]
fn scripts_and_unpacked_zips_are_restored_too() {
    let shop = shop();
    let rows = content(&shop, "shop");
    let _ = shop.run(&["database", "backup", "--out", "whole.zip", "--yes"]).code(0);
    let unzip = "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])";
    let zip = ["-c", unzip, "whole.zip", "unpacked"];
    assert!(Command::new("python3").args(zip).current_dir(shop.root()).status().unwrap().success());
    fs::copy(shop.path("unpacked/dump.sql"), shop.path("dump.sql")).unwrap();
    assert!(
        Command::new("gzip").args(["-k", "dump.sql"]).current_dir(shop.root()).status().unwrap().success()
    );
    for (n, file) in ["unpacked", "dump.sql", "dump.sql.gz"].into_iter().enumerate() {
        let _ = shop.run(&["database", "verify", file]).code(0).says("It is good.");
        let copy = format!("copy{n}");
        let _ = shop.run(&["database", "restore", file, "-d", &copy, "--yes"]).code(0);
        content(&shop, &copy).is_that_of(&rows, file);
        assert_eq!(stored(&shop, &copy).len(), if file == "unpacked" { 4 } else { 0 });
    }
    // A dump made by hand, with owners and privileges of another machine.
    let dump = psql(&shop, "shop").arg("--version").output().unwrap();
    assert!(dump.status.success());
    let script = fs::read_to_string(shop.path("dump.sql")).unwrap();
    let strange = script.replace(
        "CREATE TABLE public.mail_mail",
        "SET transaction_timeout = 0;\n\\restrict abc\nALTER SCHEMA public OWNER TO nobody_here;\nGRANT ALL ON SCHEMA public TO nobody_here;\n\
         CREATE TABLE public.mail_mail",
    );
    shop.write("strange.sql", &strange);
    let _ = shop.run(&["database", "restore", "strange.sql", "-d", "strange", "--yes"]).code(0);
    content(&shop, "strange").is_that_of(&rows, "strange");
    // One with a command of psql's is refused, and nothing is left but what the next command names.
    shop.write("evil.sql", &strange.replace("\\restrict abc", "\\! touch owned"));
    let _ = shop
        .run(&["database", "restore", "evil.sql", "-d", "evil", "--yes"])
        .code(3)
        .says("a command of psql: \\!");
    assert!(!shop.path("owned").exists());
    let _ = shop.run(&["apply", "--abandon"]).code(0);
    let _ = shop.run(&["database", "list"]).code(0).says("being restored by");
    let _ = shop.run(&["database", "prune", "--yes"]).code(0);
    assert!(names(&shop).iter().all(|name| !name.starts_with("odpm_")));
}

#[test]
fn a_replaced_database_stays_until_the_new_one_has_passed_and_can_be_brought_back() {
    let shop = shop();
    let _ = shop.run(&["database", "backup", "--yes"]).code(0);
    let zip = text(&backup(&shop, "zip"));
    let _ = shop.sql("shop", "INSERT INTO res_partner (name) VALUES ('since')");
    let late = add_file(&shop, "shop", b"since");
    let now = (content(&shop, "shop"), stored(&shop, "shop"));
    let labelled = label(&shop);

    let restore = ["database", "restore", &zip, "-d", "shop", "--yes"];
    let _ = shop.run(&restore).code(3).says("--replace");
    let _ = shop.run(&["database", "restore", &zip, "--replace", "--yes"]).code(3).says("-d shop --yes");
    let keep = [&restore[..], &["--replace", "--keep-old"]].concat();
    let _ = shop.run(&keep).code(0);
    assert!(content(&shop, "shop") != now.0);
    assert_eq!(label_of(&shop, "shop"), labelled);
    assert!(!files(&shop, "shop").join(&late).exists());
    assert_eq!(
        shop.sql(
            "postgres",
            "SELECT count(*) FROM pg_database WHERE datname LIKE 'odpm_old%' AND NOT datallowconn"
        ),
        ["1"]
    );

    let run = last_run(&shop, "database restore");
    let _ = shop.run(&["undo", &run, "--yes"]).code(3).says("--confirm=shop");
    let _ = shop.run(&["undo", &run, "--yes", "--confirm=shop"]).code(0);
    content(&shop, "shop").is_that_of(&now.0, "brought back");
    assert_eq!(label_of(&shop, "shop"), labelled);
    assert_eq!(stored(&shop, "shop"), now.1);

    // Without --keep-old nothing is left of it.
    let _ = shop.run(&["database", "prune", "--yes"]).code(0);
    let _ = shop.run(&[&restore[..], &["--replace"]].concat()).code(0);
    assert_eq!(names(&shop), ["shop"]);
    assert_eq!(fs::read_dir(shop.path("data/odoo/filestore")).unwrap().count(), 1);

    // What a run has dropped it cannot bring back: nothing is renamed for it.
    let run = last_run(&shop, "database restore");
    let _ = shop.run(&["undo", &run, "--yes", "--confirm=shop"]).code(3).says("was dropped by the same run");
    assert_eq!(names(&shop), ["shop"]);

    // A run whose database has given its name to another one is not taken back blindly.
    let _ = shop.run(&keep).code(0);
    let run = last_run(&shop, "database restore");
    let _ = shop.run(&keep).code(0);
    let before = names(&shop);
    let _ = shop
        .run(&["undo", &run, "--yes", "--confirm=shop"])
        .code(3)
        .says("is not the database that this run made");
    assert_eq!(names(&shop), before);
    let _ = shop.run(&["apply", "--abandon", "--yes"]).code(0);

    // Nor one whose replaced database is gone: the one in service keeps its name and its files.
    let run = last_run(&shop, "database restore");
    let _ = shop.run(&["database", "prune", "--yes"]).code(0);
    assert_eq!(names(&shop), ["shop"]);
    let kept = stored(&shop, "shop");
    let _ = shop.run(&["undo", &run, "--yes", "--confirm=shop"]).code(3);
    assert_eq!((names(&shop), stored(&shop, "shop")), (vec!["shop".to_owned()], kept));
}

#[test]
fn a_backup_never_takes_the_place_of_anything() {
    let shop = shop();
    let _ = shop.run(&["database", "backup", "--out", "backups/one.zip", "--yes"]).code(0);
    fs::create_dir(shop.path("mine")).unwrap();
    shop.write("mine/precious", "x");
    for format in ["zip", "fast", "dump"] {
        for taken in ["backups", "mine", "backups/one.zip", "odpm.yaml"] {
            let said = shop.run(&["database", "backup", "--format", format, "--out", taken, "--yes"]).code(3);
            let _ = said.says("is there already").says("--out FILE");
        }
    }
    assert_eq!(shop.read("mine/precious"), "x");
    let _ = shop.run(&["database", "verify", "backups/one.zip"]).code(0);
    // A folder that comes in between is left alone, too.
    let _ = shop.run(&["database", "backup", "--out", "late.zip", "--save-plan", "plan.json"]).code(0);
    fs::create_dir(shop.path("late.zip")).unwrap();
    shop.write("late.zip/precious", "x");
    let _ = shop.run(&["apply", "plan.json", "--yes"]).code(3).says("late.zip is a folder");
    assert_eq!(shop.read("late.zip/precious"), "x");
}

/// The newest run of a command.
fn last_run(shop: &Sandbox, command: &str) -> String {
    let history = shop.run(&["history"]).code(0).out;
    let line = history.lines().rfind(|line| line.contains(command)).unwrap_or_else(|| panic!("{history}"));
    line.split_whitespace().next().unwrap().to_owned()
}

#[test]
fn names_change_and_copies_are_made() {
    let shop = shop();
    let (rows, stored_files) = (content(&shop, "shop"), stored(&shop, "shop"));
    // A session in the way is ended, a name that needs quoting is a name.
    let odd = "a\"b; drop";
    let mut session = psql(&shop, "shop").args(["-c", "SELECT pg_sleep(60)"]).spawn().unwrap();
    let _ = shop.run(&["database", "duplicate", odd, "-d", "shop", "--yes"]).code(0);
    assert!(!session.wait().unwrap().success());
    assert_eq!(stored(&shop, odd), stored_files);
    assert_ne!(shop.sql(odd, UUID), ["the-uuid"], "a copy has an identity of its own");
    assert_eq!(shop.sql("shop", UUID), ["the-uuid"]);

    let labelled = label(&shop);
    let _ = shop
        .run(&["database", "rename", "moved", "-d", "shop", "--yes"])
        .code(0)
        .says("change odoo.database");
    assert_eq!(names(&shop), [odd, "moved"]);
    content(&shop, "moved").is_that_of(&rows, "moved");
    assert_eq!(stored(&shop, "moved"), stored_files);
    assert_eq!(label_of(&shop, "moved"), labelled);

    let run = last_run(&shop, "database rename");
    let _ = shop.run(&["undo", &run, "--yes"]).code(0);
    assert_eq!(names(&shop), [odd, "shop"]);
    let _ = shop.run(&["database", "rename", "moved", "-d", "shop", "--yes"]).code(0);

    let _ = shop.run(&["database", "drop", "-d", odd, "--yes"]).code(0);
    assert_eq!(shop.run(&["database", "list"]).code(0).out.matches("dropped by").count(), 1);
    let run = last_run(&shop, "database drop");
    let _ = shop.run(&["undo", &run, "--yes"]).code(0);
    assert_eq!(stored(&shop, odd), stored_files);
    let _ = shop.run(&["database", "drop", "-d", odd, "--no-checkpoint", "--yes"]).code(0);
    assert_eq!(names(&shop), ["moved"]);
    assert!(!files(&shop, odd).exists());

    for (args, why) in [
        (vec!["drop", "-d", "nothing"], "there is no database nothing"),
        (vec!["drop", "-d", "postgres"], "PostgreSQL's own"),
        (vec!["rename", "-d", "moved", "template1"], "PostgreSQL's own"),
        (vec!["rename", "-d", "moved", "odpm_x"], "odpm's own"),
        (vec!["rename", "-d", "moved", "a/b"], "folder"),
        (vec!["rename", "-d", "moved", "moved"], "there is a database moved already"),
    ] {
        let args: Vec<&str> = ["database"].into_iter().chain(args).chain(["--yes"]).collect();
        let _ = shop.run(&args).code(3).says(why);
    }
    content(&shop, "moved").is_that_of(&rows, "in the end");
}

const UUID: &str = "SELECT value FROM ir_config_parameter WHERE key = 'database.uuid'";

#[test]
fn a_neutralized_copy_reaches_nobody() {
    let shop = shop();
    let _ = shop.run(&["database", "backup", "--yes"]).code(0);
    let zip = text(&backup(&shop, "zip"));
    let _ =
        shop.run(&["database", "restore", &zip, "-d", "copy", "--as-copy", "--neutralize", "--yes"]).code(0);
    for (question, want) in [
        ("SELECT string_agg(smtp_host, ',') FROM ir_mail_server WHERE active", "invalid"),
        ("SELECT string_agg(id::text, ',') FROM ir_cron WHERE active", "1"),
        ("SELECT count(*) FROM ir_cron_trigger", "0"),
        ("SELECT count(*) FROM res_users_apikeys", "0"),
        ("SELECT string_agg(state, ',' ORDER BY id) FROM mail_mail", "cancel,sent"),
        ("SELECT string_agg(state, ',' ORDER BY id) FROM queue_job", "cancelled,done"),
        ("SELECT state FROM payment_provider", "disabled"),
        ("SELECT value FROM ir_config_parameter WHERE key = 'database.is_neutralized'", "true"),
        ("SELECT value FROM ir_config_parameter WHERE key = 'web.base.url'", "https://shop.example"),
    ] {
        assert_eq!(shop.sql("copy", question), [want], "{question}");
    }
    assert_ne!(shop.sql("copy", UUID), ["the-uuid"]);
    assert_eq!(shop.sql("shop", "SELECT count(*) FROM ir_cron WHERE active"), ["2"]);
    let _ = shop.run(&["database", "list"]).code(0).says("18.0.1.3 neutralized");
}

#[test]
fn the_scripts_of_installed_modules_are_run_and_one_that_fails_leaves_all_as_it_was() {
    let shop = Sandbox::with("database: shop\naddons: [./addons]", "");
    let _ = shop.apply();
    crate::shop::fill(&shop, "shop");
    shop.write(
        "addons/web/data/neutralize.sql",
        "UPDATE ir_config_parameter SET value = 'by web' WHERE key = 'web.base.url';",
    );
    shop.write("addons/mail/data/neutralize.sql", "UPDATE ir_config_parameter SET value = 'by mail';");
    let neutralize = ["database", "neutralize", "-d", "shop", "--yes"];
    shop.write("addons/base/data/neutralize.sql", "DELETE FROM nothing_like_that;");
    let before = content(&shop, "shop");
    let _ = shop.run(&neutralize).code(1).says("the neutralize.sql of the module base failed");
    content(&shop, "shop").is_that_of(&before, "after a failure");
    fs::remove_file(shop.path("addons/base/data/neutralize.sql")).unwrap();
    let _ = shop.run(&["apply", "--resume", "--yes"]).code(0).says("1 scripts of installed modules");
    let url = "SELECT value FROM ir_config_parameter WHERE key = 'web.base.url'";
    assert_eq!(shop.sql("shop", url), ["by web"], "mail is not installed");
}

#[test]
fn a_drill_is_one_command_and_the_status_shows_its_age() {
    let shop = shop();
    let _ = shop.run(&["database", "drill", "--yes"]).code(3).says("there is no backup of shop");
    let _ = shop.run(&["database", "backup", "--format", "fast", "--yes"]).code(0);
    let _ = shop.run(&["status"]).code(0).says("last backup").says("none: odpm database drill");
    let _ = shop.run(&["database", "drill", "--yes"]).code(0);
    let _ = shop.run(&["status"]).code(0).says("ago, of shop, passed in");
    assert_eq!(names(&shop), ["shop"]);
    assert_eq!(shop.read(".odpm/drills.jsonl").lines().count(), 1);
    // The same work is worth the same.
    let _ = shop.run(&["database", "verify", &text(&backup(&shop, "odpm")), "--deep", "--yes"]).code(0);
    assert_eq!(shop.read(".odpm/drills.jsonl").lines().count(), 2);
}

#[test]
fn a_file_is_stored_once_and_goes_with_the_last_backup_that_has_it() {
    let shop = shop();
    let text = shop.read("odpm.yaml") + "backup: {keep: {last: 1, daily: 0, weekly: 0, monthly: 0}}\n";
    shop.write("odpm.yaml", &text);
    let pool = || {
        let found = Command::new("find")
            .args(["backups/odpm-files", "-type", "f"])
            .current_dir(shop.root())
            .output()
            .unwrap();
        String::from_utf8(found.stdout).unwrap().lines().count()
    };
    let _ = shop.run(&["database", "backup", "--format", "fast", "--yes"]).code(0);
    assert_eq!(pool(), 4);
    let gone = add_file(&shop, "shop", b"soon gone");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let _ = shop.run(&["database", "backup", "--format", "fast", "--yes"]).code(0);
    assert_eq!(pool(), 5);
    fs::remove_file(files(&shop, "shop").join(&gone)).unwrap();
    let _ = shop.sql("shop", &format!("DELETE FROM ir_attachment WHERE store_fname = '{gone}'"));
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let _ = shop.run(&["database", "backup", "--format", "fast", "--yes"]).code(0);
    shop.write("backups/stranger.sql", "SELECT 1;");
    let _ = shop.run(&["database", "prune", "--yes"]).code(0).says("1 backups there are not odpm's");
    assert_eq!(pool(), 4);
    assert_eq!(fs::read_dir(shop.path("backups")).unwrap().count(), 3);
    let _ = shop.run(&["database", "verify", &backup(&shop, "odpm").display().to_string()]).code(0);
    let _ = shop.run(&["database", "prune", "--yes"]).code(0).says("Nothing to do.");
}

#[test]
fn a_file_that_was_missing_already_is_told_and_no_reason_to_refuse_the_backup() {
    let shop = shop();
    let name = add_file(&shop, "shop", b"lost long ago");
    fs::remove_file(files(&shop, "shop").join(&name)).unwrap();
    let _ = shop
        .run(&["database", "backup", "--format", "fast", "--yes"])
        .code(0)
        .says("1 files that the database names are missing");
    let file = text(&backup(&shop, "odpm"));
    let _ = shop
        .run(&["database", "restore", &file, "-d", "copy", "--yes"])
        .code(0)
        .says("1 files were missing already");
}

#[test]
fn a_restore_is_planned_saved_and_applied_as_saved() {
    let shop = shop();
    let _ = shop.run(&["database", "backup", "--yes"]).code(0);
    let zip = text(&backup(&shop, "zip"));
    let restore = ["database", "restore", &zip, "-d", "copy"];
    let before = names(&shop);
    let _ = shop.run(&[&restore[..], &["--plan"]].concat()).code(0).says("rename odpm_new_");
    let _ = shop.run(&[&restore[..], &["--save-plan", "r.plan"]].concat()).code(0);
    assert_eq!(names(&shop), before, "a plan changes nothing");
    let _ = shop.run(&["apply", "r.plan", "--yes"]).code(0);
    assert_eq!(names(&shop), ["copy", "shop"]);
    let _ = shop.run(&["apply", "r.plan", "--yes"]).code(3).says("applied already");
}

#[test]
fn the_administrator_gets_a_password_that_is_on_no_command_line() {
    let shop = shop();
    let set = ["database", "set-admin-pass", "-d", "shop", "--yes"];
    let _ = shop.run(&set).code(3).says("ODPM_ADMIN_PASSWORD");
    // A plan wants none; whoever applies it is asked.
    let _ = shop.run(&["database", "set-admin-pass", "-d", "shop", "--plan"]).code(0).says("set-admin-pass");
    let _ = shop.run(&[&set[..3], &["shop", "--save-plan", "pass.plan"]].concat()).code(0);
    let _ = shop.run(&["apply", "pass.plan", "--yes"]).code(3).says("ODPM_ADMIN_PASSWORD");
    let _ = shop.run_with(&set, &[("ODPM_ADMIN_PASSWORD", "geheim")]).code(0);
    let hash = shop.sql("shop", "SELECT login || ' ' || password FROM res_users WHERE id = 2").remove(0);
    assert!(hash.starts_with("admin $pbkdf2-sha512$600000$"), "{hash}");
    shop.write("pass", "other\n");
    let _ = shop.run(&[&set[..], &["--admin-pass-file", "pass", "--admin-login", "boss"]].concat()).code(0);
    assert!(shop.sql("shop", "SELECT login FROM res_users WHERE id = 2") == ["boss"]);
    for entry in fs::read_dir(shop.path(".odpm/journal")).unwrap().flatten() {
        let Ok(text) = fs::read_to_string(entry.path()) else { continue };
        assert!(!text.contains("geheim") && !text.contains("pbkdf2"), "no secret in a journal");
    }
}

/// pg_dump is held up by a lock, so that there is time to look.
#[test]
fn while_a_backup_is_taken_odoo_works_on_and_removes_no_file() {
    let shop = shop();
    let mut holder =
        psql(&shop, "shop").args(["-c", "BEGIN; LOCK res_partner; SELECT pg_sleep(60)"]).spawn().unwrap();
    let wait = |question: &str| crate::stack::wait_for(|| shop.sql("shop", question) == ["1"]);
    wait(
        "SELECT count(*) FROM pg_locks WHERE relation = 'res_partner'::regclass AND mode = 'AccessExclusiveLock' AND granted",
    );
    let mut backup_runs = shop
        .command(&["database", "backup", "--format", "fast", "--jobs", "1", "--yes"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    wait("SELECT count(*) FROM pg_locks WHERE relation = 'res_partner'::regclass AND NOT granted");
    // What Odoo's clean-up of files begins with does not get through; it gives up and comes again another day.
    let clean_up = "SET lock_timeout = '300ms'; LOCK ir_attachment IN SHARE MODE";
    let refused = psql(&shop, "shop").args(["-v", "ON_ERROR_STOP=1", "-c", clean_up]).output().unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("lock timeout"), "{refused:?}");
    // A file that comes now is more than the dump knows of, and no harm.
    let late = add_file(&shop, "shop", b"made while the backup runs");
    holder.kill().unwrap();
    holder.wait().unwrap();
    let _ = shop.sql("shop", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()");
    assert!(backup_runs.wait().unwrap().success());
    let file = text(&backup(&shop, "odpm"));
    let _ = shop.run(&["database", "restore", &file, "-d", "copy", "--yes"]).code(0);
    assert_eq!(shop.sql("copy", "SELECT count(*) FROM ir_attachment"), ["4"]);
    assert!(files(&shop, "copy").join(late).exists());
    let free = psql(&shop, "shop").args(["-v", "ON_ERROR_STOP=1", "-c", clean_up]).output().unwrap();
    assert!(!String::from_utf8_lossy(&free.stderr).contains("lock timeout"), "afterwards it gets through");
}

/// Backups of real Odoo databases, where `ODPM_TEST_BACKUPS` names a folder with some.
#[test]
fn backups_of_real_databases_go_there_and_back() {
    let Some(folder) = std::env::var_os("ODPM_TEST_BACKUPS") else {
        return crate::sandbox::skipped("ODPM_TEST_BACKUPS names no folder with backups of real databases");
    };
    let shop = Sandbox::with("database: shop", "");
    let _ = shop.apply();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let zip = entry.path();
        if zip.extension().is_none_or(|end| end != "zip") {
            continue;
        }
        let _ = shop.run(&["database", "verify", &text(&zip)]).code(0).says("It is good.");
        let _ = shop.run(&["database", "restore", &text(&zip), "-d", "one", "--yes"]).code(0);
        for (form, end) in [("zip", "zip"), ("fast", "odpm"), ("dump", "dump")] {
            let _ = shop.run(&["database", "backup", "-d", "one", "--format", form, "--yes"]).code(0);
            let again =
                ["database", "restore", &text(&backup(&shop, end)), "-d", "two", "--replace", "--yes"];
            let _ = shop.run(&again).code(0);
            content(&shop, "two").is_that_of(&content(&shop, "one"), form);
            assert_eq!(stored(&shop, "two").is_empty(), form == "dump");
        }
        for name in ["one", "two"] {
            let _ = shop.run(&["database", "drop", "-d", name, "--no-checkpoint", "--yes"]).code(0);
        }
    }
}
