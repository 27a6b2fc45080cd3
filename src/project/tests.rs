//! Whole files in, projects or mistakes out.

use std::path::PathBuf;

use super::samples::try_project;
use super::*;
use crate::error::Problem;

const SMALL: &str = "version: 1\nname: shop\nodoo:\n  version: 18.0\npostgres:\n  version: 16\n";

fn problems(text: &str, env: &str, environment: &[(&str, &str)]) -> Vec<Problem> {
    try_project(text, env, environment).expect_err("a mistake").report().problems.clone()
}

#[test]
fn the_smallest_file_gets_every_default() {
    let project = try_project(SMALL, "", &[]).unwrap();
    assert_eq!(project.scenario, Scenario::Developer);
    assert_eq!(project.engine, EngineKind::Docker);
    assert_eq!(project.odoo.version, "18.0");
    assert_eq!(project.odoo.image, "odoo:18.0");
    assert_eq!(project.odoo.data_dir, PathBuf::from("/srv/shop/data/odoo"));
    assert_eq!(project.postgres.data, PathBuf::from("/srv/shop/data/postgres"));
    assert_eq!((project.postgres.major.0, project.postgres.port), (16, 5432));
    assert_eq!(project.postgres.image, "postgres:16");
    assert_eq!(project.postgres.password, None);
    assert_eq!(project.postgres_service(), "db");
    let replicas: Vec<u16> = project.odoo.services.values().map(|s| s.replicas).collect();
    assert_eq!(replicas, [1, 1, 0]);
    assert_eq!(project.backup.keep, Keep { last: 3, daily: 7, weekly: 4, monthly: 6 });
}

#[test]
fn variables_and_overrides_reach_their_places() {
    let text = format!(
        "{SMALL}  port: ${{PORT:-5433}}\n  password: ${{PW}}\n  data: ../pg\n  settings: {{work_mem: 64MB, jit: off}}\n"
    );
    let env = "PW=50%%&$x\nODPM_COMPOSE_PREFIX=acme\nODPM_SCENARIO=ci\n";
    let project =
        try_project(&text, env, &[("ODPM_SCENARIO", "server"), ("POSTGRES_SERVICE_NAME", "pg")]).unwrap();
    assert_eq!(project.postgres.port, 5433);
    assert_eq!(project.postgres.password.as_ref().unwrap().reveal(), "50%%&$x");
    assert_eq!(project.postgres.data, PathBuf::from("/srv/pg"));
    assert_eq!(project.scenario, Scenario::Server, "the environment wins over .env");
    assert_eq!(project.postgres_service(), "acme-db", "the prefix wins over the service's name");
    assert_eq!(project.postgres.settings["jit"], "off", "a word stays as it is written");
    let other = try_project(&text, "PW=other\n", &[]).unwrap();
    assert_ne!(project.inputs, other.inputs);
    assert!(!format!("{project:?}").contains("50%%"), "secrets do not show");
}

#[test]
fn every_mistake_is_reported_with_its_place() {
    let text = "version: 2\nname: My Shop\nscenrio: server\nengine: dokcer\nodoo:\n  version: 18.0\n  addons: ./a\npostgres:\n  version: 16\n  port: many\n  data: ${NOWHERE}\n";
    let found = problems(text, "", &[]);
    let told: Vec<String> = found
        .iter()
        .map(|p| {
            format!("{}:{} {} {}", p.line, p.column, p.message, p.suggestion.clone().unwrap_or_default())
        })
        .collect();
    assert_eq!(
        told,
        [
            "1:10 version has to be 1, not 2 ",
            "3:1 the file has no `scenrio` Did you mean `scenario`?",
            "4:9 engine cannot be `dokcer` Did you mean `docker`?",
            "7:11 addons has to be a list, not a single value ",
            "10:9 port has to be a whole number, not `many` ",
            "11:9 the variable NOWHERE is not defined Add NOWHERE=... to .env, or write ${NOWHERE:-default}.",
        ]
    );
    assert_eq!(found[2].excerpt, "engine: dokcer");
    assert_eq!(found[2].width, 6);
}

#[test]
fn what_the_schema_cannot_say_is_checked_too() {
    let with = |more: &str| format!("{SMALL}{more}");
    for (text, message) in [
        (SMALL.replace("shop", "My Shop"), "is not a project name"),
        (with("  port: 8069\n"), "both want port 8069"),
        (with("  memory: lots\n"), "is no amount of memory"),
        (with("  memory: 512\n"), "is no amount of memory"),
        (with("  role: postgres\n"), "cannot be the application role"),
        (with("  service: odoo\n"), "cannot be the name of the PostgreSQL service"),
        (with("  image: postgres:15\n"), "the image is of PostgreSQL 15"),
        (with("  settings: {port: 5433}\n"), "odpm keeps `port` of postgresql.conf itself"),
        (with("  settings: {Include_Dir: conf.d}\n"), "odpm keeps `Include_Dir` of postgresql.conf itself"),
        (with("  settings: {work_mem: 1MB, Work_Mem: 2MB}\n"), "are one setting"),
        (
            with("  settings: {Archive_Mode: 'off'}\narchive: {method: basebackup}\n"),
            "`Archive_Mode` follows from `archive`",
        ),
        (SMALL.replace("16", "latest"), "does not tell the major"),
        (
            SMALL.replace("18.0", "18.0\n  conf: {db_host: elsewhere}"),
            "odpm keeps `db_host` of odoo.conf itself",
        ),
        (SMALL.replace("18.0", "18.0\n  database: template1"), "cannot be Odoo's database"),
        (SMALL.replace("name: shop\n", ""), "the file needs `name`"),
        (SMALL.replace("\n  version: 18.0", ""), "odoo needs `version`"),
        (String::new(), "the file needs `version`"),
    ] {
        let found = problems(&text, "", &[]);
        assert!(found.iter().any(|p| p.message.contains(message)), "{message}: {found:?}");
    }
}

#[test]
fn a_value_that_is_missing_is_told_at_its_place() {
    for (text, line, message) in [
        (SMALL.replace("name: shop", "name:"), 2, "name has no value here"),
        (SMALL.replace("16", "~"), 6, "version has no value here"),
        (format!("{SMALL}  settings:\n    work_mem:\n"), 8, "work_mem has no value here"),
        (SMALL.replace("18.0", "18.0\n  addons: [./a, null]"), 5, "addons has no value here"),
        ("~\n".to_owned(), 1, "the file needs `name`"),
    ] {
        let found = problems(&text, "", &[]);
        assert!(found.iter().any(|p| p.message.contains(message) && p.line == line), "{message}: {found:?}");
        assert!(found.iter().all(|p| p.line > 0), "{found:?}");
    }
}

#[test]
fn a_variable_that_is_empty_is_no_value() {
    let text = "  data: ${X:-}\n  role: ${X:-}\n  service: ${X:-}\n  memory:\nbackup: {path: '${X:-}'}\n";
    let odoo = "18.0\n  data_dir: ${X:-}\n  addons: ['${X:-}', ./a]";
    let project = super::samples::project(&format!("{}{text}", SMALL.replace("18.0", odoo)), &[]);
    let usual = super::samples::project(SMALL, &[]);
    assert_eq!(project.postgres.data, usual.postgres.data);
    assert_eq!(project.postgres.role, usual.postgres.role);
    assert_eq!(project.postgres.service, usual.postgres.service);
    assert_eq!(project.odoo.data_dir, usual.odoo.data_dir);
    assert_eq!(project.backup.path, usual.backup.path);
    assert_eq!(project.odoo.addons, [project.root.join("a")]);
}

#[test]
fn a_misspelt_scenario_never_becomes_another_one() {
    let found = problems(SMALL, "ODPM_SCENARIO=prod\n", &[]);
    assert!(found[0].message.contains("`prod`"), "{found:?}");
    let found = problems(SMALL, "", &[("ODPM_SCENARIO", "sever")]);
    assert_eq!(found[0].suggestion.as_deref(), Some("Did you mean `server`?"));
}

#[test]
fn mistakes_of_env_are_told_and_passwords_are_not() {
    let text = format!("{SMALL}  password: ${{PW\n");
    let found = problems(&text, "PW=a\nPW=geheim\n", &[]);
    assert!(found.iter().any(|p| p.file == ".env" && p.line == 2), "{found:?}");
    let found = problems(&format!("{SMALL}  password: [geheim]\n"), "", &[]);
    assert_eq!(found[0].excerpt, "  password: ***");
}
