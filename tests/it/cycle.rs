//! Describe, plan, apply, record, rest.

use crate::sandbox::Sandbox;

#[test]
fn a_project_comes_up_rests_goes_down_and_comes_back() {
    let shop = Sandbox::with("", "settings: {work_mem: 8MB, log_line_prefix: \"%m [%p] it's \"}\n");
    let _ = shop.run(&["plan", "--detailed-exitcode"]).code(2).says("first_run");
    let _ = shop.apply();
    shop.at_rest();
    assert_eq!(shop.sql("postgres", "SHOW work_mem"), ["8MB"]);
    assert_eq!(shop.sql("postgres", "SHOW log_line_prefix"), ["%m [%p] it's "]);
    assert_eq!(shop.sql("postgres", "SHOW data_checksums"), ["on"]);
    assert_eq!(
        shop.sql(
            "postgres",
            "SELECT rolcanlogin AND rolcreatedb AND NOT rolsuper FROM pg_roles WHERE rolname = 'odoo'"
        ),
        ["t"]
    );
    assert_eq!(
        shop.sql(
            "template1",
            "SELECT extname FROM pg_extension WHERE extname IN ('unaccent', 'pg_trgm') ORDER BY 1"
        ),
        ["pg_trgm", "unaccent"]
    );
    shop.sql("postgres", "CREATE TABLE kept (n int)");
    let _ = shop.run(&["down", "--yes"]).code(0);
    assert_eq!(shop.server_pid(), None);
    let _ = shop.run(&["down", "--yes"]).code(0).says("Nothing to do.");
    let _ = shop.apply();
    assert_eq!(shop.sql("postgres", "SELECT count(*) FROM kept"), ["0"]);
    shop.at_rest();
}

#[test]
fn the_baseline_has_the_predecessors_shape() {
    let shop = Sandbox::new();
    let _ = shop.apply();
    let baseline: serde_json::Value =
        serde_json::from_str(&shop.read(".odpm/database/last_run.json")).unwrap();
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        keys(&baseline),
        ["cluster", "compose", "engine", "odoo_conf", "odpm_scenario", "recorded_at", "schema_version"]
    );
    assert_eq!(keys(&baseline["cluster"]), ["app_role", "app_role_present", "data_dir_nonempty", "pg_major"]);
    assert_eq!(
        keys(&baseline["compose"]),
        ["data_path_abs", "host_port", "image_tag", "odoo_service_name", "service_name"]
    );
    assert_eq!(keys(&baseline["odoo_conf"]), ["db_host", "db_port", "db_user"]);
    assert_eq!(baseline["schema_version"], 1);
    assert_eq!(baseline["engine"], "postgres");
    assert_eq!(baseline["cluster"]["pg_major"], shop.major);
    assert_eq!(baseline["compose"]["host_port"], shop.port);
    let text = shop.read(".odpm/database/last_run.json");
    assert!(text.starts_with("{\n  \"cluster\"") && text.ends_with("}\n"), "{text}");
}

#[test]
fn odoo_conf_keeps_what_people_wrote() {
    let shop = Sandbox::with("conf: {limit_time_real: 240}\n", "");
    let mine = "; my server\n[options]\nworkers = 4   \n; the host\ndb_host = old.example\nxmlrpc = False\n\n[queue_job]\nchannels = root:2\n";
    shop.write("odoo.conf", mine);
    let _ = shop.apply();
    let now = shop.read("odoo.conf");
    assert!(
        now.starts_with(
            "; my server\n[options]\nworkers = 4   \n; the host\ndb_host = 127.0.0.1\nxmlrpc = False\n"
        ),
        "{now}"
    );
    assert!(now.ends_with("\n[queue_job]\nchannels = root:2\n"), "{now}");
    assert!(now.contains("limit_time_real = 240\n"), "{now}");
    shop.at_rest();
}

#[test]
fn a_dry_run_changes_nothing() {
    let shop = Sandbox::new();
    let dry: [&[&str]; 9] = [
        &["plan"],
        &["plan", "--format", "json"],
        &["plan", "--skip-start", "--show-diff"],
        &["validate"],
        &["status"],
        &["status", "--format", "json"],
        &["database", "status"],
        &["history"],
        &["plan", "--accept-database-drift=data_path"],
    ];
    let before = shop.tree(&[]);
    dry.iter().for_each(|args| drop(shop.run(args).code(0)));
    assert_eq!(shop.tree(&[]), before, "before anything was applied");

    let _ = shop.apply();
    // The server writes by itself; what odpm could have done to it would have taken a transaction id.
    let next = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text";
    let (before, xid) = (shop.tree(&["data"]), shop.sql("postgres", next));
    dry.iter().for_each(|args| drop(shop.run(args).code(0)));
    assert_eq!(shop.sql("postgres", next), xid);
    assert_eq!(shop.tree(&["data"]), before);

    // Without asking the server there is not even a read-only transaction.
    let commits = "SELECT pg_sleep(1.2), pg_stat_clear_snapshot(), sum(xact_commit) FROM pg_stat_database WHERE datname <> 'postgres'";
    let before = shop.sql("postgres", commits);
    let _ = shop.run(&["plan", "--skip-start"]).code(0);
    assert_eq!(shop.sql("postgres", commits), before);
    let _ = shop.run(&["down", "--yes"]).code(0);
    let before = shop.tree(&[]);
    dry.iter().for_each(|args| drop(shop.run(args)));
    assert_eq!(shop.tree(&[]), before, "with the server stopped, its files included");
}

#[test]
fn no_secret_is_anywhere_but_in_its_files() {
    let shop = Sandbox::with("conf: {admin_passwd: m4ster-s3cret}\n", "password: \"${PW}\"\n");
    shop.write(".env", "PW=g3heim%d$x\n");
    let mut said = String::new();
    for args in [
        &["plan", "--format", "json", "--out", "a.plan"][..],
        &["plan", "--show-diff"],
        &["apply", "--yes"],
        &["status", "--format", "json"],
        &["database", "status"],
        &["history"],
    ] {
        said.push_str(&shop.run(args).code(0).all());
    }
    let admin = shop.read(".odpm/secrets/admin_password");
    shop.at_rest();
    assert_eq!(shop.sql("postgres", "SELECT 1"), ["1"]);
    for secret in ["g3heim", "m4ster-s3cret", admin.trim()] {
        assert!(!said.contains(secret), "said {secret}");
        for path in shop.tree(&["data", "odoo.conf", ".env", "odpm.yaml", ".odpm/secrets"]).into_keys() {
            let text = std::fs::read(&path).unwrap_or_default();
            assert!(!String::from_utf8_lossy(&text).contains(secret), "{secret} in {}", path.display());
        }
    }
}

#[test]
fn a_server_that_was_killed_recovers() {
    let shop = Sandbox::new();
    let _ = shop.apply();
    let pid = shop.server_pid().expect("a server");
    shop.sql("postgres", "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n");
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(pid as i32).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    let _ = shop.run(&["plan"]).code(0).says("not shut down cleanly");
    let _ = shop.apply();
    assert_eq!(shop.sql("postgres", "SELECT count(*) FROM kept"), ["1000"]);
    shop.at_rest();
}

#[test]
fn init_takes_over_earlier_projects_and_says_what_stays_behind() {
    let shop = Sandbox::new();
    std::fs::remove_file(shop.path("odpm.yaml")).unwrap();
    shop.write(
        "odpm.json",
        r#"{"manifest_schema": 2, "odoo_version": "18.0", "postgres": "16", "python": "3.12",
        "odoo_conf": {"options": {"limit_time_real": 240}}}"#,
    );
    shop.write(
        ".env",
        "POSTGRES_PORT=6432\nBACKUP_DIR=/srv/backups\nODPM_SCENARIO=server\nODPM_COMPOSE_PREFIX=acme\n",
    );
    shop.write(".odpm/database/last_run.json", r#"{"schema_version": 1, "recorded_at": "2026-01-01T00:00:00+00:00",
        "odpm_scenario": "server", "engine": "postgres", "compose": {"service_name": "acme-db", "image_tag": "16",
        "data_path_abs": "/nowhere/data", "host_port": 6432}, "odoo_conf": {"db_host": "acme-db", "db_port": 5432,
        "db_user": "odoo"}, "cluster": {"app_role": "odoo", "data_dir_nonempty": false, "app_role_present": true}}"#);
    let _ = shop.run(&["init", "--from-odpm", "."]).code(0).says("not carried over: python");
    let _ = shop.run(&["validate"]).code(0).says("scenario server").says("engine docker");
    // What odpm 4 has recorded is what is described now: no drift but what its own engine knows of the files.
    let said = shop.run(&["plan", "--skip-start", "--format", "json"]).code(0);
    let plan: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let kinds: Vec<&str> =
        plan["drift"].as_array().unwrap().iter().map(|d| d["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, Vec::<&str>::new(), "{}", said.out);

    std::fs::remove_file(shop.path("odpm.yaml")).unwrap();
    std::fs::remove_dir_all(shop.path(".odpm")).unwrap();
    std::fs::remove_file(shop.path(".env")).unwrap();
    shop.write("docker-compose.yml", "services:\n  db: {image: 'postgres:16', ports: ['5433:5432'], volumes: ['pg:/var/lib/postgresql/data']}\n");
    let _ = shop
        .run(&["init", "--from-compose", "docker-compose.yml"])
        .code(0)
        .says("not carried over: the role's password");
    assert!(shop.read("odpm.yaml").contains("_pg\"\n"), "the volume under the engine's name for it");
    let _ = shop.run(&["validate"]).code(0).says("PostgreSQL 16");
    let _ = shop.run(&["init", "--from-compose", "nothing.yml"]).code(3);
}

#[test]
fn init_writes_a_project_that_plans() {
    let shop = Sandbox::new();
    std::fs::remove_file(shop.path("odpm.yaml")).unwrap();
    shop.write(".gitignore", "*.pyc");
    let _ = shop.run(&["init", "--name", "My Shop", "--engine", "local"]).code(0);
    let _ = shop.run(&["validate"]).code(0).says("project my-shop");
    assert_eq!(shop.read(".gitignore"), "*.pyc\n.odpm/\n.env\nodoo.conf\ndata/\nbackups/\n");
    let _ = shop.run(&["init"]).code(3).says("there is a project already");
    let _ = shop.run(&["plan", "--skip-start"]).code(0);
    let _ = shop.run(&["-C", "/", "plan"]).code(1).says("odpm init");
}
