//! What people get wrong, and what the machine does to them: each with its message and its exit code, and
//! nothing lost.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::sandbox::{Said, Sandbox, is_root};

/// Breaks odpm.yaml and expects these words with exit code 1, from every verb that reads it.
#[track_caller]
fn file_says(text: &str, env: &str, words: &[&str]) {
    let shop = Sandbox::new();
    let good = shop.read("odpm.yaml");
    shop.write("odpm.yaml", &text.replace("GOOD", &good));
    shop.write(".env", env);
    for verb in ["validate", "plan", "apply", "status"] {
        let said = shop.run(&[verb]).code(1);
        words.iter().for_each(|word| assert!(said.err.contains(word), "{word:?} is not in\n{}", said.err));
    }
    assert!(!shop.path(".odpm").exists(), "nothing was begun");
}

#[test]
fn mistakes_in_the_file_are_shown_in_their_place() {
    file_says("GOOD  x: [1\n", "", &["odpm.yaml:", "this is not YAML"]);
    file_says("GOOD  port: many\n", "", &["`port` is in line"]);
    file_says("GOODengnie: local\n", "", &["the file has no `engnie`", "Did you mean `engine`?", "^^^^^^"]);
    file_says("GOOD  data: ${NOWHERE}\n", "", &["NOWHERE is not defined", ".env"]);
    file_says("GOOD  settings: [a]\n", "", &["settings has to be a map"]);
    file_says("GOODbackup: {keep: {last: -1}}\n", "", &["between 0 and", "-1"]);
    file_says("GOOD", "A=1\nA=2\n", &[".env:2:1", "`A` is in line 1 already"]);
    file_says("GOOD", "ODPM_SCENARIO=sever\n", &["`sever`", "Did you mean `server`?"]);
}

#[test]
fn two_services_on_one_port_are_refused() {
    let shop = Sandbox::new();
    shop.describe(&format!("services: {{odoo: {{port: {}}}}}\n", shop.port), "");
    let _ = shop.run(&["apply", "--yes"]).code(1).says("both want port");
}

#[test]
fn json_tells_mistakes_too() {
    let shop = Sandbox::new();
    shop.write("odpm.yaml", "version: 1\nnmae: shop\n");
    let said = shop.run(&["validate", "--format", "json"]).code(1);
    let answer: serde_json::Value = serde_json::from_str(&said.out).expect("one document");
    assert_eq!(answer["format_version"], 1);
    let problems = answer["error"]["problems"].as_array().unwrap();
    assert!(
        problems.iter().any(|p| p["line"] == 2 && p["suggestion"] == "Did you mean `name`?"),
        "{problems:?}"
    );
}

#[test]
fn a_percent_sign_means_nothing_special() {
    let shop = Sandbox::with("conf: {smtp_user: \"a%(b)s%\"}\n", "password: ${PW}\n");
    shop.write(".env", "PW=100%%s\n");
    shop.write("odoo.conf", "[options]\nlog_handler = %(x)s\n");
    let _ = shop.apply();
    shop.at_rest();
    assert!(shop.read("odoo.conf").contains("log_handler = %(x)s\n"));
    assert!(shop.read("odoo.conf").contains("db_password = 100%%s\n"));
}

#[test]
fn duplicate_options_in_odoo_conf_are_pointed_at() {
    let shop = Sandbox::new();
    shop.write("odoo.conf", "[options]\nworkers = 1\nworkers = 2\n");
    let before = shop.read("odoo.conf");
    let _ = shop.run(&["apply", "--yes"]).code(3).says("line 3").says("`workers` is in line 2 already");
    assert_eq!(shop.read("odoo.conf"), before);
}

#[test]
fn a_port_in_use_is_named_with_its_holder() {
    let shop = Sandbox::new();
    let holder = TcpListener::bind(("127.0.0.1", shop.port)).unwrap();
    let _ = shop
        .run(&["apply", "--yes"])
        .code(1)
        .says(&format!("port {}", shop.port))
        .says("(pid ")
        .says("postgres.port");
    assert!(!shop.path("data").exists());
    drop(holder);
    let _ = shop.apply();
}

#[test]
fn a_data_directory_that_is_none_is_left_alone() {
    for (name, text, words) in [
        ("data/postgres/photo.jpg", "x", "holds no cluster"),
        ("data/postgres/PG_VERSION", "15\n", "not whole"),
        ("data/postgres/base/1/112", "x", "not whole"),
        ("data/postgres", "x", "is not a folder"),
    ] {
        let shop = Sandbox::new();
        shop.write(name, text);
        let before = shop.tree(&[]);
        let _ = shop.run(&["plan"]).code(3).says(words);
        assert_eq!(shop.tree(&[]), before);
        let _ = shop.run(&["apply", "--yes"]).code(3).says(words);
        assert_eq!(shop.read(name), text);
    }
}

#[test]
fn another_major_is_never_started() {
    let shop = Sandbox::new();
    let _ = shop.apply();
    let _ = shop.run(&["down", "--yes"]).code(0);
    for other in [shop.major - 1, shop.major + 1] {
        fs::write(shop.data().join("PG_VERSION"), format!("{other}\n")).unwrap();
        for args in [&["apply", "--yes"][..], &["apply", "--yes", "--accept-database-drift=postgres_major"]] {
            let _ =
                shop.run(args).code(3).says("dump").says("restore").says(&format!("version: \"{other}\""));
        }
        assert_eq!(shop.server_pid(), None);
    }
    fs::write(shop.data().join("PG_VERSION"), format!("{}\n", shop.major)).unwrap();
    let _ = shop.apply();
}

#[test]
fn a_missing_major_says_what_to_install_and_what_is_there() {
    let shop = Sandbox::new();
    let text = shop.read("odpm.yaml").replace(&format!("\"{}\"", shop.major), "\"29\"");
    shop.write("odpm.yaml", &text);
    let _ =
        shop.run(&["apply", "--yes"]).code(1).says("apt install postgresql-29").says(&shop.major.to_string());
    let _ = shop.run(&["plan", "--skip-start"]).code(0);
}

#[test]
fn a_baseline_that_cannot_be_understood_is_kept() {
    let shop = Sandbox::new();
    let _ = shop.apply();
    for (text, words) in [
        ("{\"schema_version\": 1, \"comp", "last_run.json cannot be understood"),
        ("", "cannot be understood"),
        ("{\"schema_version\": 7}", "newer odpm"),
    ] {
        shop.write(".odpm/database/last_run.json", text);
        for verb in ["plan", "apply"] {
            let args: &[&str] = if verb == "apply" { &["apply", "--yes"] } else { &["plan"] };
            let _ = shop.run(args).code(3).says(words);
        }
        let _ = shop.run(&["status"]).code(0).says("in the way");
        assert_eq!(shop.read(".odpm/database/last_run.json"), text);
    }
    let _ = shop.run(&["apply", "--yes", "--set-aside-baseline"]).code(3).says("newer odpm");
    shop.write(".odpm/database/last_run.json", "not JSON");
    let _ = shop.run(&["apply", "--yes", "--set-aside-baseline"]).code(0);
    shop.at_rest();
    let copies: Vec<String> = shop
        .tree(&["data"])
        .into_keys()
        .filter(|path| path.starts_with(shop.path(".odpm/journal")) && path.is_file())
        .filter_map(|path| fs::read_to_string(path).ok())
        .collect();
    assert!(copies.iter().any(|text| text == "not JSON"), "the old one is kept");
}

/// Runs odpm as a user who is nobody special, when these tests run as root.
fn as_nobody(shop: &Sandbox, args: &[&str]) -> Said {
    // The built program may lie where nobody may go.
    let program = shop.path("odpm-copy");
    if !program.exists() {
        fs::copy(env!("CARGO_BIN_EXE_odpm"), &program).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = Command::new(program);
    command
        .args(args)
        .current_dir(shop.root())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", shop.root());
    if is_root() {
        command.uid(65534).gid(65534);
    }
    let output = command.output().unwrap();
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn a_directory_that_may_not_be_read_is_never_taken_for_empty() {
    let shop = Sandbox::new();
    fs::create_dir_all(shop.data()).unwrap();
    fs::set_permissions(shop.data(), fs::Permissions::from_mode(0o000)).unwrap();
    let said = as_nobody(&shop, &["plan"]).code(1);
    assert!(said.all().contains("may not be read"), "{}", said.all());
    assert!(said.all().contains("never taken for empty"), "{}", said.all());
    assert!(!said.all().contains("make a PostgreSQL"), "{}", said.all());
    fs::set_permissions(shop.data(), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_data_directory_of_somebody_else_is_told_with_its_owner() {
    if !is_root() {
        crate::sandbox::skipped("only root can give a folder away");
        return;
    }
    let shop = Sandbox::new();
    shop.write("data/postgres/PG_VERSION", &format!("{}\n", shop.major));
    shop.write("data/postgres/global/pg_control", "0123456789abcdef");
    let _ = as_nobody(&shop, &["plan"]).code(1).says("belongs to root, and odpm runs as nobody");
    let _ = shop.run(&["apply", "--yes"]).code(1).says("PostgreSQL refuses to run as root");
    assert_eq!(shop.read("data/postgres/global/pg_control"), "0123456789abcdef");
}

#[test]
fn a_project_of_somebody_else_is_not_guessed_at() {
    if !is_root() {
        crate::sandbox::skipped("only root can be somebody else");
        return;
    }
    let shop = Sandbox::new();
    let _ = shop.apply();
    let _ = as_nobody(&shop, &["plan"]).code(1).says("cannot read").says("Run odpm as the user");
}

#[test]
fn a_read_only_state_folder_is_told_before_anything_is_done() {
    let shop = Sandbox::new();
    fs::create_dir(shop.path(".odpm")).unwrap();
    fs::set_permissions(shop.path(".odpm"), fs::Permissions::from_mode(0o555)).unwrap();
    let said = as_nobody(&shop, &["apply", "--yes"]).code(1);
    assert!(said.err.contains("cannot write to"), "{}", said.err);
    assert!(said.err.contains("make the folder writable"), "{}", said.err);
    assert!(!shop.path("data").exists());
    let _ = as_nobody(&shop, &["plan"]).code(0);
}

#[test]
fn a_full_disk_stops_the_run_and_loses_nothing() {
    let shop = Sandbox::new();
    let small = shop.path("small");
    fs::create_dir(&small).unwrap();
    let mount = |size: &str| {
        let options = format!("size={size},mode=755");
        Command::new("mount").args(["-t", "tmpfs", "-o", &options, "odpm-test"]).arg(&small).output()
    };
    if !mount("300m").is_ok_and(|output| output.status.success()) {
        crate::sandbox::skipped("a small disk cannot be mounted here");
        return;
    }
    let _unmount = Unmount(&small);
    // The project lives on a disk of its own, which fills up before its state is written.
    let project = small.join("shop");
    fs::create_dir(&project).unwrap();
    fs::copy(shop.path("odpm.yaml"), project.join("odpm.yaml")).unwrap();
    let folder = project.display().to_string();
    fill(&small, 150);
    let _ = shop.run(&["-C", &folder, "plan"]).code(1).says("there is no room for a cluster");
    fs::remove_file(small.join("filler")).unwrap();
    let _ = shop.run(&["-C", &folder, "apply", "--yes"]).code(0);
    let before = fs::read_to_string(project.join(".odpm/database/last_run.json")).unwrap();
    fill(&small, 1000);
    let said = shop.run_with(
        &["-C", &folder, "apply", "--yes", "--accept-database-drift=odpm_scenario"],
        &[("ODPM_SCENARIO", "ci")],
    );
    assert_eq!(said.code, 1, "{}", said.all());
    assert!(said.err.contains("No space left"), "{}", said.err);
    assert_eq!(fs::read_to_string(project.join(".odpm/database/last_run.json")).unwrap(), before);
    fs::remove_file(small.join("filler")).unwrap();
    let unfinished = shop.run(&["-C", &folder, "plan"]).code == 3;
    if unfinished {
        let _ =
            shop.run_with(&["-C", &folder, "apply", "--resume", "--yes"], &[("ODPM_SCENARIO", "ci")]).code(0);
    }
    let _ = shop.run(&["-C", &folder, "down", "--yes"]).code(0);
}

struct Unmount<'a>(&'a std::path::Path);

impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

/// Writes as many megabytes as fit.
fn fill(folder: &std::path::Path, megabytes: usize) {
    use std::io::Write;
    let mut file = fs::File::create(folder.join("filler")).unwrap();
    let block = vec![1_u8; 1 << 12];
    for _ in 0..megabytes * 256 {
        if file.write_all(&block).is_err() {
            return;
        }
    }
}

#[test]
fn the_doctor_names_what_is_missing_and_its_remedy() {
    let shop = Sandbox::new();
    let _ = shop.run(&["doctor"]).code(0).says("good    ports").says("MiB free").says("psql");
    let holder = TcpListener::bind(("127.0.0.1", shop.port)).unwrap();
    shop.write("odoo.conf", "[options]\na = 1\na = 2\n");
    let _ =
        shop.run(&["doctor"]).code(1).says("BAD     ports").says("postgres.port").says("BAD     odoo.conf");
    drop(holder);
    let checks = shop.json(&["doctor", "--format", "json"]);
    let bad: Vec<&str> = checks["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|c| c["good"] == false)
        .map(|c| c["name"].as_str().unwrap())
        .collect();
    assert_eq!(bad, ["odoo.conf"]);
}

#[test]
fn deliberate_deviations_that_cannot_be_understood_are_told() {
    let shop = Sandbox::new();
    shop.write(".odpm/scale.json", r#"{"odoo-cron": {"replicas": 0, "by""#);
    for verb in [&["plan"][..], &["status"], &["apply", "--yes"]] {
        let said = shop.run(verb).code(1).says(".odpm/scale.json cannot be understood");
        let _ = said.says("line 1").says("remove it");
    }
    fs::remove_file(shop.path(".odpm/scale.json")).unwrap();
    let _ = shop.run(&["plan"]).code(0);
}

#[test]
fn wrong_usage_is_64() {
    let shop = Sandbox::new();
    for args in
        [&["aply"][..], &["plan", "--nonsense"], &["apply", "--resume", "--abandon"], &["schema", "nothing"]]
    {
        let _ = shop.run(args).code(64);
    }
    let _ = shop.run(&["--help"]).code(0);
    let _ = shop.run(&["--version"]).code(0).says("odpm 5");
}
