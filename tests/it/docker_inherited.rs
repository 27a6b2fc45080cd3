//! Compose projects with named volumes, taken over in place.

use std::process::{Command, Stdio};

use crate::sandbox::free_port;
use crate::stack::{Stack, asked, docker, engine, wait_for};

/// Removes volumes when the test ends, after everything that uses them.
struct Volumes(Vec<String>);

impl Drop for Volumes {
    fn drop(&mut self) {
        for name in &self.0 {
            docker(&["volume", "rm", "-f", name]);
        }
    }
}

#[test]
fn a_compose_project_with_named_volumes_is_taken_over_in_place() {
    let mut volumes = Volumes(Vec::new());
    let Some(stack) = Stack::new() else { return };
    let name = stack.name.clone();
    volumes.0 = vec![format!("{name}_db"), format!("{name}_files")];
    let shop = &stack.shop;
    let (port, http) = (shop.port, free_port());
    // As people write it: the cluster in a folder of the volume, Odoo's role as its superuser.
    let file = format!(
        "services:\n  db:\n    image: {image}\n    ports: ['127.0.0.1:{port}:5432']\n    environment:\n      \
         POSTGRES_USER: odoo\n      POSTGRES_PASSWORD: ${{DB_PASSWORD}}\n      POSTGRES_DB: postgres\n      \
         PGDATA: /var/lib/postgresql/data/pgdata\n    volumes: ['db:/var/lib/postgresql/data']\n  \
         odoo:\n    image: odpm-test/odoo:1\n    ports: ['127.0.0.1:{http}:8069']\n    \
         volumes: ['files:/var/lib/odoo']\nvolumes:\n  db: {{}}\n  files: {{}}\n",
        image = engine().unwrap(),
    );
    shop.write("old/docker-compose.yml", &file);
    shop.write("old/.env", &format!("COMPOSE_PROJECT_NAME={name}\nDB_PASSWORD=old password\n"));
    let compose = |args: &[&str]| {
        let mut command = Command::new("docker-compose");
        command.args(["-p", &name]).args(args).current_dir(shop.path("old"));
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    assert!(compose(&["up", "-d", "db"]));
    let psql = |sql: &str| {
        let id = asked(&["ps", "-q", "--filter", &format!("label=com.docker.compose.project={name}")]);
        asked(&["exec", &id, "psql", "-AtqU", "odoo", "-h", "127.0.0.1", "postgres", "-c", sql])
    };
    wait_for(|| psql("SELECT 1") == "1");
    psql("CREATE TABLE kept AS SELECT 42 AS n");
    assert!(compose(&["rm", "-sf"]));

    std::fs::remove_file(shop.path("odpm.yaml")).unwrap();
    let _ = shop.run(&["init", "--from-compose", "old/docker-compose.yml"]).code(0);
    let text = shop.read("odpm.yaml");
    assert!(text.contains(&format!("volume: \"{name}_db/pgdata\"")), "{text}");
    shop.write(".env", "DB_PASSWORD=old password\n");
    shop.write("odpm.yaml", &text.replace("version: \"1\"", "version: \"18.0\""));

    // A volume that is not there is told before anything is done.
    let missing = shop.read("odpm.yaml").replace(&format!("{name}_files"), &format!("{name}_nothing"));
    let whole = shop.read("odpm.yaml");
    shop.write("odpm.yaml", &missing);
    let _ = shop.run(&["apply", "--yes"]).code(1).says("there is no volume").says("docker volume create");
    assert_eq!(asked(&["volume", "ls", "-q", "--filter", &format!("name={name}_nothing")]), "");
    shop.write("odpm.yaml", &whole);

    let _ = shop.run(&["plan"]).code(0).says("inherited");
    let _ = shop.apply();
    shop.at_rest();
    assert_eq!(shop.sql("postgres", "SELECT n FROM kept"), ["42"]);
    // Neither odpm nor Compose by hand takes the volumes along.
    let _ = shop.run(&["down", "--yes"]).code(0);
    assert!(compose(&["-f", "../docker-compose.yml", "down", "-v"]));
    let _ = shop.apply();
    assert_eq!(shop.sql("postgres", "SELECT n FROM kept"), ["42"]);
}
