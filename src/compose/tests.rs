//! The rendered file, looked at whole.

use super::render;
use crate::project::samples;

fn rendered(postgres: u32) -> serde_yaml::Value {
    let text = format!(
        "version: 1\nname: shop\nodoo:\n  version: 18.0\npostgres:\n  version: {postgres}\n  password: geheim\n  data: /srv/a$shop/pg\n"
    );
    let project = samples::project(&text, &[("ODPM_COMPOSE_PREFIX", "acme")]);
    let text = render(&project, &[("db".to_owned(), crate::base::Digest::of("c"))].into()).unwrap();
    assert!(!text.contains("geheim"), "no secret in the file");
    serde_yaml::from_str(&text).unwrap()
}

#[test]
fn services_carry_the_prefix_and_wait_for_a_healthy_database() {
    let file = rendered(16);
    let names: Vec<&str> = file["services"].as_mapping().unwrap().keys().filter_map(|k| k.as_str()).collect();
    assert_eq!(names, ["acme-db", "acme-odoo", "acme-odoo-cron", "acme-odoo-worker"]);
    assert_eq!(file["services"]["acme-odoo"]["depends_on"]["acme-db"]["condition"], "service_healthy");
    assert_eq!(file["services"]["acme-db"]["ports"][0], "127.0.0.1:5432:5432");
    assert_eq!(file["services"]["acme-odoo-worker"]["deploy"]["replicas"], 0);
}

#[test]
fn a_dollar_sign_in_a_path_is_no_variable_of_compose() {
    let file = rendered(16);
    assert_eq!(file["services"]["acme-db"]["volumes"][0], "/srv/a$$shop/pg:/var/lib/postgresql/data");
}

#[test]
fn every_major_finds_its_data_at_the_same_place() {
    for version in [15, 17, 18] {
        let file = rendered(version);
        let db = &file["services"]["acme-db"];
        assert!(db["volumes"][0].as_str().unwrap().ends_with("pg:/var/lib/postgresql/data"));
        assert_eq!(db["environment"]["PGDATA"], "/var/lib/postgresql/data");
        assert_eq!(db["labels"]["odpm.config"], crate::base::Digest::of("c").as_str());
    }
}

#[test]
fn a_named_volume_is_mounted_whole_and_never_compose_s_to_remove() {
    let text = "version: 1\nname: shop\nodoo: {version: 18.0, volume: files}\npostgres: {version: 16, volume: data/pgdata}\n";
    let text = render(&samples::project(text, &[]), &[].into()).unwrap();
    let file: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
    let db = &file["services"]["db"];
    assert_eq!(db["volumes"][0], "data:/var/lib/postgresql/data");
    assert_eq!(db["environment"]["PGDATA"], "/var/lib/postgresql/data/pgdata");
    assert_eq!(file["services"]["odoo"]["volumes"][0], "files:/var/lib/odoo");
    assert_eq!(file["volumes"]["data"]["external"], true);
    assert_eq!(file["volumes"]["files"]["external"], true);
}
