//! Drift, refused and accepted, on a real cluster.

use crate::sandbox::Sandbox;

#[test]
fn without_a_terminal_the_flags_are_named_and_one_acceptance_is_one() {
    let shop = Sandbox::new();
    let _ = shop.apply();
    shop.sql("postgres", "DROP ROLE odoo");
    let env = [("ODPM_SCENARIO", "ci")];
    let said = shop.run_with(&["apply", "--yes"], &env).code(3);
    assert!(
        said.err.contains("--accept-database-drift=app_role_missing --accept-database-drift=odpm_scenario"),
        "{}",
        said.err
    );
    let _ = shop
        .run_with(&["apply", "--yes", "--accept-database-drift=odpm_scenario"], &env)
        .code(3)
        .says("app_role_missing");
    assert_eq!(shop.sql("postgres", "SELECT count(*) FROM pg_roles WHERE rolname = 'odoo'"), ["0"]);
    assert!(
        shop.read(".odpm/database/last_run.json").contains("\"developer\""),
        "nothing is recorded before it is done"
    );
    let both = [
        "apply",
        "--yes",
        "--accept-database-drift=odpm_scenario",
        "--accept-database-drift=app_role_missing",
    ];
    let _ = shop.run_with(&both, &env).code(0);
    assert_eq!(shop.sql("postgres", "SELECT count(*) FROM pg_roles WHERE rolname = 'odoo'"), ["1"]);
    let companion: serde_json::Value =
        serde_json::from_str(&shop.read(".odpm/database/companion.json")).unwrap();
    let kinds: Vec<&str> =
        companion["accepted"].as_array().unwrap().iter().map(|a| a["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["app_role_missing", "odpm_scenario"]);
    assert!(companion["accepted"][0]["by"].as_str().unwrap().contains('@'));
    let _ = shop.run_with(&["plan", "--strict"], &env).code(0).says("Nothing to do.");
}

#[test]
fn a_hash_agrees_to_these_values_only() {
    let shop = Sandbox::new();
    let _ = shop.apply();
    let plan: serde_json::Value = serde_json::from_str(
        &shop.run_with(&["plan", "--format", "json"], &[("ODPM_SCENARIO", "ci")]).code(0).out,
    )
    .unwrap();
    let flag =
        format!("--accept-database-drift=odpm_scenario={}", plan["drift"][0]["hash"].as_str().unwrap());
    let _ = shop
        .run_with(&["apply", "--yes", &flag], &[("ODPM_SCENARIO", "server")])
        .code(3)
        .says("for other values");
    let _ = shop.run_with(&["apply", "--yes", &flag], &[("ODPM_SCENARIO", "ci")]).code(0);
}

#[test]
fn an_unknown_kind_is_wrong_usage_and_an_absent_one_a_warning() {
    let shop = Sandbox::new();
    let _ = shop.run(&["plan", "--accept-database-drift=data_pth"]).code(64).says("data_path");
    let _ = shop.run(&["plan", "--accept-database-drift=data_path"]).code(0).says("there is no such drift");
}

#[test]
fn low_drift_warns_and_is_applied() {
    let shop = Sandbox::new();
    let _ = shop.apply();
    shop.describe("", "service: pg\n");
    let _ = shop.run(&["plan"]).code(0).says("service_name");
    let _ = shop.run(&["plan", "--strict"]).code(3);
    let _ = shop.apply();
    shop.at_rest();
}

#[test]
fn a_password_that_no_longer_works_needs_a_person() {
    let shop = Sandbox::with("", "password: ${PW:-first}\n");
    let _ = shop.apply();
    let env = [("PW", "second")];
    let _ = shop.run_with(&["apply", "--yes"], &env).code(3).says("app_role_login");
    let _ = shop.run_with(&["apply", "--yes", "--accept-database-drift=app_role_login"], &env).code(0);
    let _ = shop.run_with(&["plan", "--detailed-exitcode"], &env).code(0).says("Nothing to do.");
    assert!(shop.read("odoo.conf").contains("db_password = second"));
}

#[test]
fn an_empty_place_for_the_data_is_high_drift_and_the_old_cluster_stays() {
    let shop = Sandbox::new();
    let _ = shop.apply();
    let _ = shop.run(&["down", "--yes"]).code(0);
    shop.describe("", "data: ./elsewhere/pg\n");
    let _ = shop.run(&["apply", "--yes"]).code(3).says("data_path").says("stays behind");
    assert!(!shop.path("elsewhere").exists(), "nothing was begun");
    std::fs::create_dir(shop.path("elsewhere")).unwrap();
    std::fs::rename(shop.data(), shop.path("elsewhere/pg")).unwrap();
    let _ = shop.run(&["plan"]).code(0).says("The recorded cluster itself has moved there.");
    let _ = shop.apply();
    shop.at_rest();
    let _ = shop.run(&["down", "--yes"]).code(0);
}

#[test]
fn another_cluster_at_the_same_place_is_noticed() {
    let shop = Sandbox::new();
    let other = Sandbox::new();
    let _ = shop.apply();
    let _ = other.apply();
    let _ = shop.run(&["down", "--yes"]).code(0);
    let _ = other.run(&["down", "--yes"]).code(0);
    std::fs::rename(shop.data(), shop.path("data/old")).unwrap();
    std::fs::rename(other.data(), shop.data()).unwrap();
    let _ = shop.run(&["apply", "--yes"]).code(3).says("cluster_identity");
    assert_eq!(shop.server_pid(), None, "high drift blocks every start");
}

#[test]
fn database_status_speaks_the_predecessors_keys() {
    let shop = Sandbox::new();
    let status = shop.json(&["database", "status", "--format", "json"]);
    assert_eq!(status["first_run"], true);
    assert_eq!(status["postgres_container_running"], false);
    let _ = shop.apply();
    shop.sql("postgres", "DROP ROLE odoo");
    let status = shop.json(&["database", "status", "--format", "json"]);
    for key in ["compose", "odoo_conf", "cluster"] {
        assert!(status[key].is_object(), "{key}");
    }
    assert_eq!(status["last_run_present"], true);
    assert_eq!(status["postgres_ready"], true);
    assert_eq!(status["app_role_present"], false);
    assert_eq!(status["drifts"][0]["kind"], "app_role_missing");
    assert_eq!(status["drifts"][0]["severity"], "high");
    let _ = shop.run(&["database", "status", "--strict"]).code(3);
    let _ = shop.run(&["database", "ensure-role", "--yes"]).code(0).says("created the role odoo");
    let _ = shop.run(&["database", "ensure-role", "--yes"]).code(0).says("Nothing to do.");
    shop.at_rest();
}
