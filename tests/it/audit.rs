//! The doctor's audit on real clusters: who may do too much, who gets in too easily, what nobody writes down.

use std::fs::OpenOptions;
use std::io::Write;

use crate::sandbox::{Said, Sandbox};
use crate::shop::shop;

fn doctor(shop: &Sandbox, scenario: &str) -> Said {
    shop.run_with(&["doctor"], &[("ODPM_SCENARIO", scenario)])
}

fn findings(shop: &Sandbox) -> Vec<(String, String, String)> {
    let said = shop.run_with(&["doctor", "--format", "json"], &[("ODPM_SCENARIO", "server")]);
    let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let findings = json["findings"].as_array().unwrap().iter();
    findings.map(|f| (text(&f["area"]), text(&f["weight"]), text(&f["what"]))).collect()
}

#[test]
fn a_fresh_project_is_well_but_for_what_it_does_not_write_down() {
    let shop = shop();
    let said = doctor(&shop, "developer").code(0);
    let said =
        said.says("good    roles").says("good    ownership").says("good    grants").says("good    logins");
    let _ = said.says("advice  logging").says("log_connections: on").says("track_commit_timestamp: on");
    assert!(findings(&shop).iter().all(|(_, weight, _)| weight == "advice"), "{:?}", findings(&shop));
    // What it advises is taken as it is written.
    let yaml = shop.read("odpm.yaml");
    let settings = "log_line_prefix: \"%m [%p] %u@%d %a \", log_statement: ddl, log_min_duration_statement: 1s, \
         log_connections: on, log_lock_waits: on, track_commit_timestamp: on, shared_preload_libraries: pg_stat_statements";
    shop.write(
        "odpm.yaml",
        &yaml.replace("postgres:\n", &format!("postgres:\n  settings: {{{settings}}}\n")),
    );
    let _ = shop.apply();
    let _ = doctor(&shop, "developer").code(0).says("is loaded, and not made in the database");
    let _ = shop.sql("shop", "CREATE EXTENSION pg_stat_statements");
    let _ = doctor(&shop, "developer").code(0).says("good    logging");
}

#[test]
fn who_may_do_too_much_waits_for_a_person_where_others_depend_on_it() {
    let shop = shop();
    let _ = shop.sql("postgres", "CREATE ROLE ada LOGIN SUPERUSER PASSWORD 'x'");
    let _ = shop.sql("postgres", "CREATE ROLE sync LOGIN PASSWORD 'x'");
    let _ = shop.sql("postgres", "CREATE ROLE half LOGIN PASSWORD 'x' IN ROLE pg_read_server_files");
    let _ = shop.sql("postgres", "CREATE ROLE writer LOGIN PASSWORD 'x' IN ROLE pg_write_all_data");
    let _ = shop.sql("postgres", "CREATE ROLE reader LOGIN PASSWORD 'x'");
    let _ = shop.sql("postgres", "CREATE ROLE twin LOGIN PASSWORD 'x' IN ROLE odoo");
    let _ = shop.sql("shop", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader");
    let _ = shop.sql("shop", "GRANT UPDATE, DELETE ON res_partner TO sync; CREATE TABLE bi_cube (n int)");
    let _ = shop.sql(
        "shop",
        "CREATE TABLE x_ours (n int); ALTER TABLE x_ours OWNER TO odoo; GRANT INSERT ON x_ours TO PUBLIC",
    );
    let mut hba = OpenOptions::new().append(true).open(shop.data().join("pg_hba.conf")).unwrap();
    writeln!(hba, "host all all 10.0.0.0/8 trust").unwrap();
    let said = doctor(&shop, "server")
        .code(3)
        .says("LOOK    roles")
        .says("ada is a superuser beside the administrator");
    let said = said.says("ALTER ROLE \"ada\" NOSUPERUSER").says("10.0.0.0/255.0.0.0 trust");
    let _ = said.says("REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON \"res_partner\" FROM \"sync\"");
    let found = findings(&shop);
    let has = |area: &str, weight: &str, words: &str| {
        assert!(
            found.iter().any(|(a, w, what)| a == area && w == weight && what.contains(words)),
            "{words}: {found:#?}"
        );
    };
    has("roles", "person", "twin is a member of odoo");
    has("roles", "person", "half is a member of pg_read_server_files");
    has("roles", "person", "writer is a member of pg_write_all_data");
    assert!(!found.iter().any(|(area, _, what)| area == "grants" && what.contains("writer")), "{found:#?}");
    has("logins", "person", "people on other machines get in without a password");
    has("grants", "advice", "sync may write 1 table of shop, and delete from them: res_partner");
    has("grants", "person", "every role may write 1 table of shop: x_ours");
    has("ownership", "advice", "postgres owns 1 table of shop");
    assert!(!found.iter().any(|(_, _, what)| what.contains("reader")), "{found:#?}");
    // On a laptop it is all advice.
    let _ = doctor(&shop, "developer").code(0).says("advice  roles").says("advice  logins");
    let _ = shop.sql("shop", "ALTER DATABASE shop OWNER TO ada; ALTER TABLE res_partner OWNER TO ada");
    let found = findings(&shop);
    assert!(found.iter().any(|(_, _, what)| what.contains("the database shop belongs to ada")), "{found:#?}");
}

#[test]
fn drills_are_asked_for_where_there_is_something_to_practise_with() {
    let shop = shop();
    let _ = shop.run(&["database", "backup", "--yes"]).code(0);
    let _ =
        doctor(&shop, "server").code(3).says("LOOK    drills").says("no backup was ever restored on trial");
    let _ = doctor(&shop, "developer").code(0).says("advice  drills");
    let _ = shop.run(&["database", "drill", "--yes"]).code(0);
    let _ = doctor(&shop, "server").code(0);
    // A line of another kind is no restore, whatever it says beside.
    shop.write(
        ".odpm/drills.jsonl",
        "{\"kind\":\"sidecar\",\"begun\":\"2026-01-01T00:00:00Z\",\"name\":\"x\"}\n",
    );
    let _ = doctor(&shop, "server").code(3).says("no backup was ever restored on trial");
    let _ = shop.run(&["status"]).code(0).says("odpm database drill proves");
}
