//! Old projects in, descriptions out that read back without a mistake.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::project::{Volume, samples::project};

fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

#[test]
fn both_forms_of_the_predecessors_manifest_are_taken_over() {
    let first = serde_json::json!({
        "odpm_version": "4.0", "odoo_version": 17.0, "postgres_version": "15", "requirements_txt": ["x"],
    });
    let second = serde_json::json!({
        "manifest_schema": 2, "odoo_version": "18.0", "postgres": "16.4", "platform": {"git": "a"}, "hooks": {},
        "odoo_conf": {"options": {"limit_time_real": 240, "list_db": false, "db_host": "x", "a": "${x} %"}, "queue_job": {}},
    });
    let variables = env(&[("ODOO_PORT", "8169"), ("POSTGRES_PORT", "6432"), ("BACKUP_DIR", "/srv/backups")]);
    for (manifest, odoo, postgres) in [(&first, "17.0", 15), (&second, "18.0", 16)] {
        let legacy = Legacy { folder: Path::new("/srv/old"), manifest, env: &variables, baseline: None };
        let draft = from_odpm("old", &legacy);
        let project = project(&draft.yaml(), &[]);
        assert_eq!(project.odoo.version, odoo);
        assert_eq!(project.postgres.major.0, postgres);
        assert_eq!(project.postgres.port, 6432);
        assert_eq!(project.odoo.services["odoo"].port, Some(8169));
        assert_eq!(project.postgres.data, Path::new("/srv/old/data/postgresql/var/lib/postgresql/data"));
        assert_eq!(project.backup.path, Path::new("/srv/backups"));
        assert!(draft.left_out.iter().any(|line| line.contains("odoo.image")), "{:?}", draft.left_out);
    }
    let legacy = Legacy { folder: Path::new("/srv/old"), manifest: &second, env: &variables, baseline: None };
    let draft = from_odpm("old", &legacy);
    let conf = project(&draft.yaml(), &[]).odoo.conf;
    assert_eq!(conf, env(&[("limit_time_real", "240"), ("list_db", "False"), ("a", "${x} %")]));
    assert!(draft.left_out.iter().any(|line| line.contains("[queue_job]")));
    assert!(draft.left_out.iter().any(|line| line.contains("db_host")));
    assert!(draft.yaml().contains("# Not carried over: "), "{}", draft.yaml());
}

#[test]
fn the_predecessors_options_are_carried_or_said_to_be_left() {
    let options = |options: serde_json::Value| {
        let manifest = serde_json::json!({"odoo_version": "18.0", "odoo_conf": {"options": options}});
        let variables = BTreeMap::new();
        let legacy =
            Legacy { folder: Path::new("/srv/old"), manifest: &manifest, env: &variables, baseline: None };
        from_odpm("old", &legacy)
    };
    let draft = options(serde_json::json!({"admin_passwd": "master", "db_name": "shop", "smtp": [1]}));
    let one = project(&draft.yaml(), &[]);
    assert_eq!(one.odoo.conf, env(&[("admin_passwd", "master")]));
    assert_eq!(one.odoo.database.as_deref(), Some("shop"));
    assert!(draft.left_out.iter().any(|line| line.contains("smtp") && line.contains("no single word")));

    for (names, left) in [("False", false), ("a,b", true)] {
        let draft = options(serde_json::json!({"db_name": names}));
        assert_eq!(project(&draft.yaml(), &[]).odoo.database, None);
        assert_eq!(draft.left_out.iter().any(|line| line.contains("several (a,b)")), left);
    }
    // Whatever odpm keeps itself is no option of the project's, or the description would not be read.
    let all = crate::project::MANAGED.iter().map(|(name, _)| ((*name).to_owned(), "x".into()));
    let draft = options(serde_json::Value::Object(all.collect()));
    assert!(project(&draft.yaml(), &[]).odoo.conf.is_empty());
}

#[test]
fn from_version_18_on_the_predecessors_cluster_lies_deeper() {
    let manifest = serde_json::json!({"odoo_version": "19.0", "postgres": "18"});
    let variables = BTreeMap::new();
    let legacy =
        Legacy { folder: Path::new("/srv/old"), manifest: &manifest, env: &variables, baseline: None };
    let project = project(&from_odpm("old", &legacy).yaml(), &[]);
    assert!(project.postgres.data.ends_with("data/18/docker"), "{}", project.postgres.data.display());
}

#[test]
fn a_compose_file_is_taken_over_or_said_to_be_left() {
    let text = "services:\n  pg:\n    image: docker.io/library/postgres:16.4\n    ports: ['127.0.0.1:5433:5432']\n    \
        environment: [POSTGRES_USER=erp, POSTGRES_PASSWORD=x]\n    volumes: ['./pgdata:/var/lib/postgresql/data']\n    mem_limit: 1g\n  \
        web:\n    image: odoo:17.0\n    ports: [{target: 8069, published: '8070'}]\n    volumes: ['odoo-data:/var/lib/odoo', './addons:/mnt/extra-addons']\n  \
        mail:\n    image: mailhog\n";
    let draft = from_compose("shop", text, Path::new("/srv/shop")).unwrap();
    let project = project(&draft.yaml(), &[]);
    assert_eq!((project.postgres.service.as_str(), project.postgres.port), ("pg", 5433));
    assert_eq!(project.postgres.image, "docker.io/library/postgres:16.4");
    assert_eq!(project.postgres.data, Path::new("/srv/shop/pgdata"));
    assert_eq!(project.postgres.role, "erp");
    assert_eq!((project.odoo.version.as_str(), project.odoo.services["odoo"].port), ("17.0", Some(8070)));
    assert_eq!(project.odoo.addons, [Path::new("/srv/shop/addons")]);
    assert_eq!(project.odoo.volume, Some(Volume::parse("shop_odoo-data")));
    let left = draft.left_out.join("\n");
    for words in ["`mem_limit` of the service pg", "the role's password", "the service mail"] {
        assert!(left.contains(words), "{words}: {left}");
    }
    for wrong in ["a: [", "a: 1", "services: {web: {image: odoo}}"] {
        assert!(from_compose("shop", wrong, Path::new("/")).is_err(), "{wrong}");
    }
}

#[test]
fn mounts_and_variables_that_are_not_rendered_are_said_to_be_left() {
    let text = "services:\n  pg:\n    image: postgres:16\n    environment: {POSTGRES_PASSWORD: x, POSTGRES_DB: shop, TZ: UTC}\n    \
        volumes: ['./pgdata:/var/lib/postgresql/data', './init:/docker-entrypoint-initdb.d:ro', /scratch]\n  \
        web:\n    image: odoo:17.0\n    environment: [HOST=pg, PASSWORD=geheim, SMTP_HOST=mail]\n    \
        volumes: ['data:/var/lib/odoo/', 'extra:/mnt/extra-addons', {source: ./etc, target: /etc/odoo, type: bind}]\n";
    let left = from_compose("shop", text, Path::new("/srv/shop")).unwrap().left_out;
    for words in [
        "the mount ./init:/docker-entrypoint-initdb.d of the service pg",
        "the mount /scratch of the service pg",
        "the variable POSTGRES_DB of the service pg",
        "the variable TZ of the service pg",
        "the mount extra:/mnt/extra-addons of the service web",
        "the mount ./etc:/etc/odoo of the service web",
        "the variable SMTP_HOST of the service web",
    ] {
        assert_eq!(left.iter().filter(|line| line.contains(words)).count(), 1, "{words}: {left:#?}");
    }
    let all = left.join("\n");
    for carried in ["pgdata", "/var/lib/odoo", "variable HOST", "geheim", "variable PASSWORD"] {
        assert!(!all.contains(carried), "{carried}: {all}");
    }
}

#[test]
fn named_volumes_are_taken_over_under_the_engines_name_for_them() {
    let file = |pgdata: &str, target: &str, volumes: &str| {
        format!(
            "services:\n  db:\n    image: postgres:16\n    ports: ['5432:5432']\n    environment: {{PGDATA: {pgdata}, \
             POSTGRES_PASSWORD: '${{DB_PASS:?}}'}}\n    volumes: ['db-data:{target}']\n  \
             web:\n    image: odoo:18\nvolumes:\n  db-data: {volumes}\n"
        )
    };
    let whole = "/var/lib/postgresql/data";
    for (pgdata, target, volumes, want) in [
        (whole, whole, "{}", "my-shop_db-data"),
        ("/var/lib/postgresql/data/pgdata", whole, "{}", "my-shop_db-data/pgdata"),
        ("/var/lib/postgresql/data/pgdata", "/var/lib/postgresql/data/pgdata/", "{}", "my-shop_db-data"),
        (whole, "/var/lib/postgresql", "{external: true}", "db-data/data"),
        (whole, whole, "{name: kept}", "kept"),
        (whole, whole, "{external: {name: older}}", "older"),
    ] {
        let text = file(pgdata, target, volumes);
        let name = compose_name(&text, None, Path::new("/srv/My-Shop"));
        let draft = from_compose(&name, &text, Path::new("/srv/My-Shop")).unwrap();
        let project = project(&draft.yaml(), &[("DB_PASS", "geheim")]);
        assert_eq!(project.postgres.volume, Some(Volume::parse(want)), "{pgdata} {target} {volumes}");
        assert_eq!(project.postgres.data, Volume::parse(want).usual_place());
        assert_eq!(project.postgres.password.unwrap().reveal(), "geheim");
    }
}

#[test]
fn a_compose_file_has_the_name_that_compose_gives_it() {
    let folder = Path::new("/srv/My Shop.v2");
    assert_eq!(compose_name("services: {}", None, folder), "myshopv2");
    assert_eq!(compose_name("name: erp", None, folder), "erp");
    assert_eq!(compose_name("name: erp", Some("acme"), folder), "acme");
}
