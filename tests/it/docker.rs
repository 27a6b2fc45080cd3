//! The docker engine on a real engine, with images made from this machine's own programs. What is rendered is
//! tested without one.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::sandbox::{Sandbox, major};
use crate::stack::{Stack, docker, engine, journal, wait_for};

#[test]
fn a_stack_comes_up_rests_is_mended_goes_down_and_comes_back() {
    let Some(stack) = Stack::new() else { return };
    let shop = &stack.shop;
    let _ = shop.apply();
    shop.at_rest();
    let status = shop.json(&["status", "--format", "json"]);
    assert_eq!(status["services"]["odoo"]["running"], 1);
    assert_eq!(status["live"]["role_login"], true);
    assert_eq!(shop.read("data/odoo/written-by-odoo"), "yes\n");
    assert_eq!(fs::metadata(shop.path("odoo.conf")).unwrap().mode() & 0o777, 0o640);
    assert_eq!(fs::metadata(shop.data()).unwrap().uid(), 999, "the image's own user");
    assert_eq!(shop.sql("postgres", "SHOW data_checksums"), ["on"]);
    shop.sql("postgres", "CREATE TABLE kept (n int)");

    // What dies is seen and started again; what is changed in the file is made anew.
    let id = status["services"]["odoo-cron"]["ids"][0].as_str().unwrap();
    assert!(docker(&["kill", id]));
    let _ = shop.run(&["plan"]).code(0).says("start odoo-cron").says("Exited (137)");
    stack.describe(engine().unwrap(), ", limit_time_real: 99");
    let _ = shop.apply();
    shop.at_rest();

    // The role goes, and is drift as on the other engine.
    shop.sql("postgres", "DROP ROLE odoo");
    let _ = shop.run(&["apply", "--yes"]).code(3).says("app_role_missing");
    let _ = shop.run(&["apply", "--yes", "--accept-database-drift=app_role_missing"]).code(0);

    // A stack renamed while it runs leaves its containers behind under the old name: said, never removed.
    let renamed = shop.read("odpm.yaml");
    shop.write("odpm.yaml", &renamed.replace(&stack.name, &format!("{}b", stack.name)));
    let before = stack.containers();
    let _ = shop.run(&["plan"]).code(3).says("orphans").says("docker rm -f");
    let _ = shop.run(&["apply", "--yes"]).code(3).says("mounts it");
    assert_eq!(stack.containers(), before);
    shop.write("odpm.yaml", &renamed);

    let _ = shop.run(&["down", "--yes"]).code(0);
    assert_eq!(stack.containers(), Vec::<String>::new());
    let _ = shop.apply();
    assert_eq!(shop.sql("postgres", "SELECT count(*) FROM kept"), ["0"]);
    shop.at_rest();
    // People get in, and read what the services say.
    let _ = shop.run(&["psql", "-d", "postgres", "-Atc", "SELECT current_user"]).code(0).says("odoo");
    let _ = shop.run(&["exec", "odoo", "--", "id", "-un"]).code(0).says("odoo");
    let _ = shop.run(&["exec", "odoo", "--", "sh", "-c", "exit 7"]).code(7);
    let logs = shop.run(&["logs", "--since", "5m"]).code(0).out;
    assert!(logs.contains("database system is ready") && logs.contains("Odoo version"), "{logs}");
    assert!(logs.lines().map(|line| &line[..24]).is_sorted(), "{logs}");
    let _ = shop.run(&["scale", "--service", "odoo-cron", "--replicas", "2", "--yes"]).code(0);
    assert_eq!(shop.json(&["status", "--format", "json"])["services"]["odoo-cron"]["running"], 2);
    let _ = shop.run(&["scale", "--service", "odoo-cron", "--reset", "--yes"]).code(0);
    shop.at_rest();
    // No secret is in what Compose reads, nor on any container.
    let file = shop.read("docker-compose.yml");
    for secret in ["admin_password", "app_password"] {
        let secret = shop.read(&format!(".odpm/secrets/{secret}"));
        assert!(!file.contains(secret.trim()));
        for id in stack.containers() {
            let seen = Command::new("docker").args(["inspect", &id]).output().unwrap();
            assert!(!String::from_utf8_lossy(&seen.stdout).contains(secret.trim()));
        }
    }
}

#[test]
fn killed_in_the_middle_it_is_resumed() {
    let Some(stack) = Stack::new() else { return };
    let shop = &stack.shop;
    for step in ["init-cluster", "start-server", "start-odoo"] {
        let resume = shop.path(".odpm/journal").exists();
        let args: &[&str] = if resume { &["apply", "--resume", "--yes"] } else { &["apply", "--yes"] };
        let mut child = shop.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_for(|| {
            journal(shop).contains(&format!("\"started\",\"step\":\"{step}\""))
                || child.try_wait().unwrap().is_some()
        });
        let _ = kill_process(Pid::from_raw(child.id() as i32).unwrap(), Signal::KILL);
        let _ = child.wait();
        let _ = shop.run(&["plan"]).code(3).says("--resume");
    }
    let _ = shop.run(&["apply", "--resume", "--yes"]).code(0);
    shop.at_rest();
}

#[test]
fn a_container_that_dies_is_told_with_its_last_words() {
    let Some(stack) = Stack::new() else { return };
    stack.describe(engine().unwrap(), ", log_level: broken");
    let _ = stack.shop.run(&["apply", "--yes"]).code(1).says("no such module: nonsense").says("--resume");
    assert!(!stack.shop.path(".odpm/database/last_run.json").exists());
}

#[test]
fn a_cluster_that_nobody_can_log_in_to_is_adopted_where_it_is() {
    let Some(stack) = Stack::new() else { return };
    let shop = &stack.shop;
    fs::create_dir_all(shop.path("data")).unwrap();
    let bind = format!("{}:/parent", shop.path("data").display());
    let script = "mkdir -m 700 /parent/postgres && chown postgres /parent/postgres && \
         exec setpriv --reuid=postgres --regid=postgres --clear-groups sh -c 'initdb -D /parent/postgres -U somebody --auth=reject'";
    let args = [
        "run",
        "--rm",
        "--network",
        "none",
        "--entrypoint",
        "sh",
        "-v",
        &bind,
        engine().unwrap(),
        "-c",
        script,
    ];
    assert!(docker(&args));
    // Nobody but odpm's own roles gets in, and those over TCP with a password.
    let hba = shop.data().join("pg_hba.conf");
    fs::write(&hba, "host all all all scram-sha-256\n").unwrap();
    let _ = shop.run(&["plan"]).code(0).says("inherited").says("single-user mode");
    let _ = shop.apply();
    let owners = "SELECT datname || '=' || pg_get_userbyid(datdba) FROM pg_database WHERE NOT datistemplate";
    assert_eq!(shop.sql("postgres", owners), ["postgres=somebody"]);
    shop.at_rest();
}

#[test]
fn images_of_another_major_and_images_that_do_not_exist_are_told() {
    let Some(stack) = Stack::new() else { return };
    let shop = &stack.shop;
    let next = major() + 1;
    let text =
        shop.read("odpm.yaml").replace(&format!("version: \"{}\"", major()), &format!("version: \"{next}\""));
    shop.write("odpm.yaml", &text.replace(&format!("odpm-test/postgres:{}", major()), "odpm-test/alias:x"));
    assert!(docker(&["tag", engine().unwrap(), "odpm-test/alias:x"]));
    let _ = shop.run(&["apply", "--yes"]).code(3).says(&format!("holds PostgreSQL {}", major()));
    docker(&["rmi", "odpm-test/alias:x"]);

    stack.describe("127.0.0.1:1/nothing:x", "");
    let _ = shop.run(&["plan"]).code(0).says("pull the image 127.0.0.1:1/nothing:x");
    let _ = shop.run(&["apply", "--yes"]).code(1).says("cannot pull the image");
    assert!(!shop.data().exists());
}

#[test]
fn a_data_directory_has_one_server_whoever_started_the_other() {
    let Some(stack) = Stack::new() else { return };
    let shop = &stack.shop;
    let _ = shop.apply();
    let _ = shop.run(&["down", "--yes"]).code(0);

    // A container that mounts it, one above it, or one below it.
    for (source, name) in [(shop.data(), "a"), (shop.path("data"), "b"), (shop.data().join("base"), "c")] {
        let name = format!("{}-{name}x", stack.name);
        let bind = format!("{}:/somewhere", source.display());
        let args =
            ["run", "-d", "--name", &name, "--entrypoint", "sleep", "-v", &bind, engine().unwrap(), "600"];
        assert!(docker(&args));
        let _ = shop.run(&["apply", "--yes"]).code(3).says(&format!("the container {name} mounts it"));
        assert!(docker(&["rm", "-f", "-v", &name]));
    }

    // A process of PostgreSQL that works in it, wherever it came from.
    let stranger = shop.path("postgres");
    fs::copy("/usr/bin/sleep", &stranger).unwrap();
    let mut process = Command::new(&stranger).arg("600").current_dir(shop.data()).spawn().unwrap();
    let _ = shop.run(&["apply", "--yes"]).code(3).says(&format!("process {} works in it", process.id()));
    process.kill().unwrap();
    process.wait().unwrap();

    // Another odpm that is starting a server on it this very moment.
    let lock = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(shop.path("data/.postgres.odpm-lock"));
    let lock = lock.unwrap();
    lock.lock().unwrap();
    let _ = shop.run(&["apply", "--yes"]).code(4).says("another odpm is starting a server");
    drop(lock);
    let _ = shop.run(&["apply", "--resume", "--yes"]).code(0);
    shop.at_rest();
}

#[test]
fn two_projects_of_one_name_do_not_touch_each_other() {
    let Some(stack) = Stack::new() else { return };
    let _ = stack.shop.apply();
    let other = Sandbox::new();
    let text = stack.shop.read("odpm.yaml");
    other.write(
        "odpm.yaml",
        &text
            .replace(&stack.shop.port.to_string(), &other.port.to_string())
            .replace(&format!("name: odpmtest{}", other.port), &format!("name: {}", stack.name)),
    );
    let before = stack.containers();
    let _ = other.run(&["apply", "--yes"]).code(3).says("belongs to");
    let _ = other.run(&["down", "--yes"]).code(0).says("Nothing to do.");
    assert_eq!(stack.containers(), before);
    stack.shop.at_rest();
}

#[test]
fn an_engine_that_is_not_there_is_not_a_stopped_server() {
    let shop = Sandbox::new();
    let text = shop.read("odpm.yaml").replace("engine: local", "engine: docker");
    shop.write("odpm.yaml", &text);
    let env = [("DOCKER_HOST", "unix:///nowhere/docker.sock")];
    let _ = shop.run_with(&["apply", "--yes"], &env).code(1).says("no engine answers");
    let _ = shop.run_with(&["status"], &env).code(0).says("unknown: no engine answers");
    let _ = shop.run_with(&["down", "--yes"], &env).code(1).says("no engine answers");
    let scale = ["scale", "--service", "odoo-cron", "--replicas", "0", "--yes"];
    let _ = shop.run_with(&scale, &env).code(1).says("no engine answers");
    assert!(!shop.path(".odpm/scale.json").exists());
    let status = shop.run_with(&["database", "status", "--format", "json"], &env).code(0);
    let status: serde_json::Value = serde_json::from_str(&status.out).unwrap();
    assert!(status["postgres_container_running"].is_null(), "not known is not false");
}

#[test]
fn files_are_prepared_without_an_engine() {
    let shop = Sandbox::new();
    let text = shop.read("odpm.yaml").replace("engine: local", "engine: docker");
    shop.write("odpm.yaml", &text);
    let env = [("DOCKER_HOST", "unix:///nowhere/docker.sock")];
    let _ = shop
        .run_with(&["plan", "--skip-start", "--show-diff"], &env)
        .code(0)
        .says("+services:")
        .says("b/docker-compose.yml");
    let _ = shop.run_with(&["apply", "--yes", "--skip-start"], &env).code(0);
    let file = shop.read("docker-compose.yml");
    assert!(file.contains(&format!("image: postgres:{}", shop.major)), "{file}");
    assert!(shop.read("odoo.conf").contains("db_host = db\n"));
    let _ =
        shop.run_with(&["plan", "--skip-start", "--detailed-exitcode"], &env).code(0).says("Nothing to do.");
    assert!(
        !shop.path(".odpm/database/last_run.json").exists(),
        "nothing was verified, so nothing is recorded"
    );
    shop.write("docker-compose.yml", &file.replace("unless-stopped", "no"));
    let _ = shop
        .run_with(&["plan", "--skip-start", "--detailed-exitcode"], &env)
        .code(2)
        .says("not as odpm.yaml describes");
}

#[test]
fn databases_are_backed_up_and_restored_by_the_programs_of_the_image() {
    let Some(stack) = Stack::new() else { return };
    let shop = &stack.shop;
    let _ = shop.apply();
    crate::shop::fill(shop, "shop");
    let (rows, files) = (crate::shop::content(shop, "shop"), crate::shop::stored(shop, "shop"));
    for (form, end) in [("zip", "zip"), ("fast", "odpm"), ("dump", "dump")] {
        let backup = ["database", "backup", "-d", "shop", "--format", form, "--yes"];
        let _ = shop.run(&backup).code(0);
        let file = crate::shop::backup(shop, end).display().to_string();
        let _ = shop.run(&["database", "verify", &file]).code(0).says("It is good.");
        let copy = format!("from_{form}");
        let restore = ["database", "restore", &file, "-d", &copy, "--neutralize", "--yes"];
        let said = shop.run(&restore).code(0);
        let _ = said.says("1 scripts of installed modules");
        assert_eq!(shop.sql(&copy, "SELECT count(*) FROM ir_cron WHERE active"), ["1"]);
        if form != "dump" {
            assert_eq!(crate::shop::stored(shop, &copy), files);
        }
    }
    // A database that Odoo serves is taken from under it and given back while it does not run.
    let file = crate::shop::backup(shop, "odpm").display().to_string();
    let replace = ["database", "restore", &file, "-d", "shop", "--replace", "--yes"];
    let _ = shop.run(&[&replace[..], &["--plan"]].concat()).code(0).says("stop odoo-cron").says("start odoo");
    let _ = shop.run(&replace).code(0);
    crate::shop::content(shop, "shop").is_that_of(&rows, "replaced");
    shop.at_rest();
    let owner = fs::metadata(shop.path("data/odoo")).unwrap().uid();
    assert_eq!(
        fs::metadata(crate::shop::files(shop, "shop")).unwrap().uid(),
        owner,
        "Odoo's user has its files"
    );
    // No secret is on a container of these programs, for none is left.
    let listing = ["ps", "-a", "--filter", "label=odpm.one-off", "--format", "{{.Label \"odpm.one-off\"}}"];
    let makers = crate::stack::asked(&listing);
    // Those of other tests are at work still.
    let left: Vec<&str> = makers.lines().filter(|maker| !odpm::process::is_at_work(maker)).collect();
    assert!(left.is_empty(), "{left:?}");
}
