//! The services of a project in Compose's terms.

use std::collections::BTreeMap;
use std::path::Path;

use super::file::{Compose, Condition, Deploy, Healthcheck, Logging, Network, Service, Volume};
use crate::base::Digest;
use crate::project::{self, Archive, OdooService, Project};

/// Where odpm's files appear inside the containers.
const MOUNT: &str = "/etc/odpm";

/// Where the data directory appears inside the container, whatever its major.
pub const DATA: &str = "/var/lib/postgresql/data";

/// Where the script that keeps the log and its folder appear inside the container.
pub const ARCHIVE: [&str; 2] = ["/etc/odpm/archive.sh", "/var/lib/odpm-archive"];

/// The project as a Compose file.
pub fn compose(project: &Project, configs: &BTreeMap<String, Digest>) -> Compose {
    let mut services = BTreeMap::new();
    let db = project.postgres.external.is_none().then_some("db");
    for name in db.into_iter().chain(project.odoo.services.keys().map(String::as_str)) {
        let Some(mut service) = service(project, name) else { continue };
        if let Some(config) = configs.get(name) {
            service.labels.insert("odpm.config".to_owned(), config.as_str().to_owned());
        }
        let name = if name == "db" { project.postgres_service() } else { project.service_name(name) };
        services.insert(name, service);
    }
    let network = Network { driver: "bridge".to_owned() };
    let volumes = [&project.postgres.volume, &project.odoo.volume].into_iter().flatten();
    Compose {
        services,
        networks: BTreeMap::from([("odpm".to_owned(), network)]),
        volumes: volumes.map(|volume| (volume.name.clone(), Volume { external: true })).collect(),
    }
}

/// One service by its plain name: `db`, `odoo`, `odoo-cron`, `odoo-worker`.
pub fn service(project: &Project, name: &str) -> Option<Service> {
    if name == "db" {
        return Some(database(project));
    }
    project.odoo.services.get(name).map(|service| odoo(project, name, service))
}

fn database(project: &Project) -> Service {
    let postgres = &project.postgres;
    let state = project.state();
    let mut volumes = vec![
        format!("{}:{DATA}", source(postgres.volume.as_ref(), &postgres.data)),
        format!("{}:{MOUNT}/postgresql.conf:ro", state.rendered().join("postgresql.conf").display()),
        format!("{}:/run/secrets/admin_password:ro", state.secrets().join("admin_password").display()),
    ];
    if let Some(archive) = project.archive.as_ref().and_then(Archive::folder) {
        let [script, folder] = ARCHIVE;
        volumes.push(format!("{}:{script}:ro", state.rendered().join("archive.sh").display()));
        volumes.push(format!("{}:{folder}", archive.wal().display()));
    }
    let environment = [
        ("POSTGRES_USER", "postgres"),
        ("POSTGRES_PASSWORD_FILE", "/run/secrets/admin_password"),
        // From version 18 on the image's own place is another one; this is the same for all.
        ("PGDATA", &within(postgres.volume.as_ref(), DATA)),
        ("POSTGRES_INITDB_ARGS", "--auth=scram-sha-256 --data-checksums --encoding=UTF8"),
    ];
    Service {
        image: postgres.image.clone(),
        command: [
            "postgres",
            "-c",
            &format!("config_file={MOUNT}/postgresql.conf"),
            "-c",
            "listen_addresses=*",
        ]
        .map(str::to_owned)
        .to_vec(),
        environment: environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        ports: vec![format!("127.0.0.1:{}:5432", postgres.port)],
        volumes,
        depends_on: BTreeMap::new(),
        // The image's first start runs a server that answers on the socket only; TCP tells the real one.
        healthcheck: Some(health(
            &["pg_isready", "-h", "127.0.0.1", "-U", "postgres", "-d", "postgres"],
            "30s",
        )),
        mem_limit: postgres.memory.clone(),
        shm_size: Some("256m".to_owned()),
        stop_grace_period: "2m".to_owned(),
        stop_signal: Some("SIGINT".to_owned()),
        deploy: None,
        ..common(project, "db")
    }
}

/// What a mount of data begins with: the volume, or the folder.
fn source(volume: Option<&project::Volume>, folder: &Path) -> String {
    volume.map_or_else(|| folder.display().to_string(), |volume| volume.name.clone())
}

/// Where the data is inside the container, in a volume that is mounted whole.
fn within(volume: Option<&project::Volume>, mounted: &str) -> String {
    let place = volume.map(|volume| volume.within(Path::new(mounted)));
    place.map_or_else(|| mounted.to_owned(), |place| place.display().to_string())
}

fn odoo(project: &Project, name: &str, service: &OdooService) -> Service {
    let odoo = &project.odoo;
    let mut volumes = vec![
        format!("{}:/var/lib/odoo", source(odoo.volume.as_ref(), &odoo.data_dir)),
        format!("{}:/etc/odoo/odoo.conf:ro", project.odoo_conf().display()),
    ];
    let addons = odoo.addons.iter().enumerate();
    volumes.extend(addons.map(|(n, path)| format!("{}:/mnt/addons-{n}:ro", path.display())));
    let alone = odoo.services.get("odoo-cron").is_none_or(|cron| cron.replicas == 0);
    let mut command = vec!["odoo".to_owned()];
    command.extend(role_arguments(name, !alone));
    command.extend(service.args.iter().cloned());
    let healthy = Condition { condition: "service_healthy".to_owned() };
    let probe = "import urllib.request as u; u.urlopen('http://127.0.0.1:8069/web/health', timeout=5)";
    Service {
        image: odoo.image.clone(),
        command,
        ports: service.port.iter().map(|port| format!("127.0.0.1:{port}:8069")).collect(),
        volumes,
        depends_on: match project.postgres.external {
            None => BTreeMap::from([(project.postgres_service(), healthy)]),
            Some(_) => BTreeMap::new(),
        },
        healthcheck: (name != "odoo-cron").then(|| health(&["python3", "-c", probe], "60s")),
        mem_limit: service.memory.clone(),
        deploy: Some(Deploy { replicas: service.replicas }),
        ..common(project, name)
    }
}

/// What makes one Odoo the cron process and the others not.
pub fn role_arguments(name: &str, cron_runs_elsewhere: bool) -> Vec<String> {
    let words: &[&str] = match name {
        "odoo-cron" => &["--no-http", "--workers=0"],
        _ if cron_runs_elsewhere || name == "odoo-worker" => &["--max-cron-threads=0"],
        _ => &[],
    };
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn common(project: &Project, name: &str) -> Service {
    let options = [("max-size", "10m"), ("max-file", "5")];
    let labels = [("odpm.project", project.name.as_str()), ("odpm.service", name)];
    Service {
        image: String::new(),
        command: Vec::new(),
        environment: BTreeMap::new(),
        ports: Vec::new(),
        volumes: Vec::new(),
        depends_on: BTreeMap::new(),
        healthcheck: None,
        restart: "unless-stopped".to_owned(),
        mem_limit: None,
        pids_limit: 4096,
        shm_size: None,
        stop_grace_period: "1m".to_owned(),
        stop_signal: None,
        logging: Logging {
            driver: "json-file".to_owned(),
            options: options.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        },
        deploy: None,
        networks: vec!["odpm".to_owned()],
        labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    }
}

fn health(test: &[&str], start_period: &str) -> Healthcheck {
    Healthcheck {
        test: std::iter::once("CMD").chain(test.iter().copied()).map(str::to_owned).collect(),
        interval: "5s".to_owned(),
        timeout: "10s".to_owned(),
        retries: 12,
        start_period: start_period.to_owned(),
    }
}
