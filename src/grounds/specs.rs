//! The project in the terms of its engine: server, services, endpoints, and the digests by which a running
//! one is known to be as wanted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Grounds;
use crate::base::{Digest, Secret, SecretRef};
use crate::compose::{self, Service, role_arguments};
use crate::facts::{Contained, FileSeen, Owner, Scale};
use crate::odoo_conf::{self, ConfEdit, OdooConf};
use crate::postgresql_conf::pgbackrest::Places as PgbackrestPlaces;
use crate::postgresql_conf::{self, Places};
use crate::project::{ArchiveMethod, EngineKind, Project, Repositories};
use crate::step::{
    ArchiveLog, Endpoint, EnsureRoles, Launch, Operator, Pgbackrest, Programs, PullImage, ServerSpec,
    ServiceSpec, Terms, VerifyLogin,
};

/// The administrative role.
pub const ADMIN_ROLE: &str = "postgres";

/// How many seconds archiving one segment may take before somebody has to look.
const ARCHIVING: u32 = 60;

/// What new databases can use: Odoo's searches want both.
pub const EXTENSIONS: [&str; 2] = ["unaccent", "pg_trgm"];

/// `postgresql.conf` as rendered: its place and its text.
pub fn rendered_conf(grounds: &Grounds<'_>) -> (PathBuf, String) {
    let Grounds { project, seen, .. } = *grounds;
    let path = rendered(project, "postgresql.conf");
    let archive = archive_words(project);
    let lacks = seen.data_dir.cluster().is_some_and(|files| !files.has_hba);
    let hba = lacks.then(|| rendered(project, "pg_hba.conf"));
    let places = match project.engine {
        EngineKind::Docker => {
            Places { data: Path::new(compose::DATA), hba: None, archive: compose::ARCHIVE.map(Path::new) }
        }
        EngineKind::Local => {
            let [first, second] = &archive;
            Places { data: &project.postgres.data, hba: hba.as_deref(), archive: [first, second] }
        }
    };
    (path, postgresql_conf::render(project, &places))
}

/// What the server's `archive_command` names: script and folder, or configuration and keys.
fn archive_words(project: &Project) -> [PathBuf; 2] {
    match project.archive.as_ref().map(|archive| &archive.method) {
        None => Default::default(),
        Some(ArchiveMethod::Basebackup(folder)) => [rendered(project, "archive.sh"), folder.wal()],
        Some(ArchiveMethod::Pgbackrest(all)) => {
            let how = pgbackrest(project, all, None);
            [how.config, how.keys]
        }
    }
}

/// How pgBackRest is called for the project.
pub fn pgbackrest(project: &Project, all: &Repositories, run_as: Option<Owner>) -> Pgbackrest {
    Pgbackrest {
        config: rendered(project, "pgbackrest.conf"),
        keys: project.state().pgbackrest(),
        stanza: all.stanza.clone(),
        run_as,
    }
}

/// The file of its keys.
pub fn keys_file(how: &Pgbackrest) -> PathBuf {
    how.keys.join("keys.conf")
}

/// The text of its configuration.
pub fn pgbackrest_conf(grounds: &Grounds<'_>) -> Option<String> {
    let Grounds { project, seen, .. } = *grounds;
    let archive = project.archive.as_ref()?;
    let all = archive.repositories()?;
    let keys = pgbackrest(project, all, None).keys;
    let places = PgbackrestPlaces { socket: &seen.engine.socket_dir, locks: &keys, role: ADMIN_ROLE };
    Some(postgresql_conf::pgbackrest::render(project, archive, all, &places))
}

/// The place of a file that odpm renders for programs.
pub fn rendered(project: &Project, name: &str) -> PathBuf {
    project.state().rendered().join(name)
}

/// Where deliberate deviations are kept.
pub fn scale_file(project: &Project) -> PathBuf {
    project.state().scale()
}

/// The deliberate deviations that are in force. Nothing is observed where their file cannot be understood.
pub fn scale(grounds: &Grounds<'_>) -> Scale {
    let text = grounds.seen.files.get(&scale_file(grounds.project)).and_then(FileSeen::text);
    Scale::read(text).unwrap_or_default()
}

/// The server as wanted; `None` as long as the engine cannot run one.
pub fn server(grounds: &Grounds<'_>) -> Option<ServerSpec> {
    let engine = &grounds.seen.engine;
    match grounds.project.engine {
        EngineKind::Local => {
            Some(server_from(engine.binaries.get()?.dir.clone(), *engine.run_as.get()?, grounds))
        }
        EngineKind::Docker => Some(server_from(PathBuf::new(), None, grounds)),
    }
}

/// The server for a step that stops it: what runs is stopped without its programs, which may be gone.
pub fn server_to_stop(grounds: &Grounds<'_>) -> ServerSpec {
    server(grounds).unwrap_or_else(|| server_from(PathBuf::new(), None, grounds))
}

fn server_from(bin_dir: PathBuf, run_as: Option<Owner>, grounds: &Grounds<'_>) -> ServerSpec {
    let Grounds { project, seen, .. } = *grounds;
    let (config_file, text) = rendered_conf(grounds);
    let launch = match project.engine {
        EngineKind::Local => Launch::Local(Terms {
            bin_dir,
            config_file,
            run_dir: seen.engine.socket_dir.clone(),
            log: project.state().log().join("postgresql.log"),
            run_as,
        }),
        EngineKind::Docker => compose_launch(project),
    };
    let postgres = &project.postgres;
    ServerSpec {
        service: project.postgres_service(),
        data: postgres.data.clone(),
        major: postgres.major,
        port: postgres.port,
        config: match project.engine {
            EngineKind::Local => Digest::of_json(&(text, postgres.port, &launch)),
            EngineKind::Docker => compose_config("db", grounds),
        },
        start_timeout: postgres.start_timeout,
        launch,
    }
}

/// The digest of what a container is made from: its definition, and the file that it reads.
fn compose_config(name: &str, grounds: &Grounds<'_>) -> Digest {
    let text = if name == "db" { rendered_conf(grounds).1 } else { conf_text(grounds) };
    // How many of it there are is no part of what one of it is.
    let definition =
        compose::service(grounds.project, name).map(|service| Service { deploy: None, ..service });
    Digest::of_json(&(definition, text))
}

/// The digests of all services, by plain names.
pub fn compose_configs(grounds: &Grounds<'_>) -> BTreeMap<String, Digest> {
    let names = std::iter::once("db").chain(grounds.project.odoo.services.keys().map(String::as_str));
    names.map(|name| (name.to_owned(), compose_config(name, grounds))).collect()
}

fn compose_launch(project: &Project) -> Launch {
    Launch::Compose {
        project: project.compose_project().to_owned(),
        file: project.root.join("docker-compose.yml"),
    }
}

/// How many of a service are wanted, deliberate deviations included.
pub fn replicas(name: &str, grounds: &Grounds<'_>) -> u16 {
    let limit = contained(grounds).and_then(|contained| contained.limits.get(name).copied());
    unlimited(name, grounds).min(limit.unwrap_or(u16::MAX))
}

/// How many of a service are wanted where nothing is held back.
pub fn unlimited(name: &str, grounds: &Grounds<'_>) -> u16 {
    let described = grounds.project.odoo.services.get(name).map_or(0, |service| service.replicas);
    scale(grounds).0.get(name).map_or(described, |scaled| scaled.replicas)
}

/// What is held back while an incident goes on; `None` where nothing is.
pub fn contained(grounds: &Grounds<'_>) -> Option<Contained> {
    let path = grounds.project.state().contained();
    // One that cannot be understood has ended the observation.
    Contained::read(grounds.seen.files.get(&path).and_then(FileSeen::text)).ok().flatten()
}

/// A service as wanted; `None` when the engine cannot run Odoo.
pub fn service(name: &str, grounds: &Grounds<'_>) -> Option<ServiceSpec> {
    let command = match grounds.project.engine {
        EngineKind::Docker => Vec::new(),
        EngineKind::Local => odoo_command(name, grounds)?,
    };
    service_from(name, command, grounds)
}

/// A service for a step that stops it: what runs is stopped without Odoo's source, which may be gone.
pub fn service_to_stop(name: &str, grounds: &Grounds<'_>) -> Option<ServiceSpec> {
    service(name, grounds).or_else(|| service_from(name, Vec::new(), grounds))
}

/// The command line of a process of this machine; `None` without Odoo's source or a Python.
fn odoo_command(name: &str, grounds: &Grounds<'_>) -> Option<Vec<String>> {
    let Grounds { project, seen, .. } = *grounds;
    let wanted = project.odoo.services.get(name)?;
    let source = project.odoo.source.as_ref()?;
    let mut command = vec![seen.engine.odoo.get()?.display().to_string()];
    command.push(source.join("odoo-bin").display().to_string());
    command.extend(["-c".to_owned(), project.odoo_conf().display().to_string()]);
    let cron = project.odoo.services.get("odoo-cron").is_some_and(|cron| cron.replicas > 0);
    command.extend(role_arguments(name, cron));
    if let Some(port) = wanted.port.filter(|_| name != "odoo") {
        command.push(format!("--http-port={port}"));
    }
    command.extend(wanted.args.iter().cloned());
    Some(command)
}

fn service_from(name: &str, command: Vec<String>, grounds: &Grounds<'_>) -> Option<ServiceSpec> {
    let Grounds { project, seen, .. } = *grounds;
    let wanted = project.odoo.services.get(name)?;
    let launch = match project.engine {
        EngineKind::Docker => compose_launch(project),
        EngineKind::Local => Launch::Local(Terms {
            bin_dir: project.odoo.source.clone().unwrap_or_default(),
            config_file: project.odoo_conf(),
            run_dir: seen.engine.socket_dir.clone(),
            log: project.state().log().join(format!("{name}.log")),
            run_as: None,
        }),
    };
    Some(ServiceSpec {
        name: name.to_owned(),
        service: project.service_name(name),
        replicas: replicas(name, grounds),
        port: wanted.port,
        config: match project.engine {
            EngineKind::Local => Digest::of_json(&(&command, &launch, conf_text(grounds))),
            EngineKind::Docker => compose_config(name, grounds),
        },
        start_timeout: wanted.start_timeout,
        command,
        env: Default::default(),
        launch,
    })
}

/// How the Odoo shell is run; `None` where there is no Odoo.
pub fn shell(grounds: &Grounds<'_>) -> Option<ServiceSpec> {
    let mut spec = service("odoo", grounds)?;
    if grounds.project.engine == EngineKind::Local {
        let source = grounds.project.odoo.source.as_ref()?.join("odoo-bin");
        let python = spec.command.first()?.clone();
        let conf = grounds.project.odoo_conf();
        spec.command = [python, source.display().to_string(), "shell".to_owned()].to_vec();
        spec.command.extend(["-c".to_owned(), conf.display().to_string()]);
    }
    Some(spec)
}

/// `odoo.conf` as it will be, without the values of secrets: they must not leave a trace, not even a digest
/// that could be guessed at.
fn conf_text(grounds: &Grounds<'_>) -> String {
    let before = grounds.seen.files.get(&grounds.project.odoo_conf()).and_then(FileSeen::text);
    let masked = |_: &SecretRef| Ok(Secret::new("***"));
    let after = odoo_conf::apply_edits(before, &conf_edits(grounds), &masked).unwrap_or_default();
    OdooConf::parse(&after).map_or(after, |conf| conf.redacted())
}

/// The options of `odoo.conf` that are not as wanted.
pub fn conf_edits(grounds: &Grounds<'_>) -> Vec<ConfEdit> {
    let Grounds { project, seen, .. } = *grounds;
    let text = seen.files.get(&project.odoo_conf()).and_then(FileSeen::text);
    let conf = text.and_then(|text| OdooConf::parse(text).ok());
    odoo_conf::pending(conf.as_ref(), odoo_conf::desired(project), &seen.stale_secrets)
}

/// Where the server is reached from here.
pub fn endpoint(project: &Project) -> Endpoint {
    match &project.postgres.external {
        None => {
            Endpoint { host: "127.0.0.1".to_owned(), port: project.postgres.port, tls: None, container: None }
        }
        Some(external) => Endpoint {
            host: external.host.clone(),
            port: external.port,
            tls: Some(external.tls.clone()),
            container: None,
        },
    }
}

/// The role that looks after the others; on a server elsewhere only where the project names one.
pub fn admin_role(project: &Project) -> Option<&str> {
    match &project.postgres.external {
        None => Some(ADMIN_ROLE),
        Some(external) => external.admin_role.as_deref(),
    }
}

/// The role that looks after databases, and its password: the administrative one, else the application's.
pub fn login(project: &Project) -> (&str, SecretRef) {
    match admin_role(project) {
        Some(role) => (role, SecretRef::AdminPassword),
        None => (project.postgres.role.as_str(), SecretRef::AppPassword),
    }
}

/// The roles and extensions as wanted.
pub fn ensure_roles(project: &Project) -> EnsureRoles {
    EnsureRoles {
        endpoint: endpoint(project),
        admin_role: admin_role(project).unwrap_or(ADMIN_ROLE).to_owned(),
        admin: SecretRef::AdminPassword,
        app_role: project.postgres.role.clone(),
        app: SecretRef::AppPassword,
        extensions: EXTENSIONS.map(str::to_owned).to_vec(),
    }
}

/// The login that proves the baseline.
pub fn verify_login(project: &Project) -> VerifyLogin {
    VerifyLogin {
        endpoint: endpoint(project),
        role: project.postgres.role.clone(),
        secret: SecretRef::AppPassword,
        database: "postgres".to_owned(),
    }
}

/// The Odoo services, in the order in which they start.
pub const SERVICES: [&str; 3] = ["odoo", "odoo-cron", "odoo-worker"];

/// The plain names of the Odoo services that run, in the order in which they start.
pub fn running(grounds: &Grounds<'_>) -> Vec<&'static str> {
    let Some(services) = grounds.seen.engine.services.get() else { return Vec::new() };
    let runs = |name: &&str| services.get(*name).is_some_and(|seen| seen.running > 0);
    SERVICES.into_iter().filter(runs).collect()
}

/// Who looks after databases; `None` as long as the engine has no programs of PostgreSQL.
pub fn operator(grounds: &Grounds<'_>) -> Option<Operator> {
    let Grounds { project, seen, .. } = *grounds;
    let (role, secret) = login(project);
    let programs = match project.engine {
        EngineKind::Local => Programs::Local { bin_dir: seen.engine.binaries.get()?.dir.clone() },
        EngineKind::Docker => Programs::Image {
            image: project.postgres.image.clone(),
            project: project.compose_project().to_owned(),
            service: project.postgres.external.is_none().then(|| project.postgres_service()),
        },
    };
    Some(Operator {
        endpoint: endpoint(project),
        role: role.to_owned(),
        secret,
        app_role: project.postgres.role.clone(),
        app: SecretRef::AppPassword,
        programs,
    })
}

/// Has the server archive its log up to now; `None` as long as the engine has no programs of PostgreSQL, and where no log is kept.
pub fn archive_log(grounds: &Grounds<'_>) -> Option<ArchiveLog> {
    let sign = grounds.project.archive.as_ref()?.sign();
    operator(grounds).map(|operator| ArchiveLog { operator, timeout: ARCHIVING, sign })
}

/// The folder above the databases' folders of files.
pub fn filestore(project: &Project) -> PathBuf {
    project.odoo.data_dir.join("filestore")
}

/// The folders with addons that this machine has, and the image with Odoo's own.
pub fn addons(project: &Project) -> (Vec<PathBuf>, Option<PullImage>) {
    let mut folders = Vec::new();
    if let Some(source) = &project.odoo.source {
        folders.extend([source.join("odoo/addons"), source.join("addons")]);
    }
    folders.extend(project.odoo.addons.iter().cloned());
    let image = PullImage { image: project.odoo.image.clone() };
    (folders, (project.engine == EngineKind::Docker).then_some(image))
}

/// Where drills are recorded.
pub fn drills(project: &Project) -> PathBuf {
    project.state().drills()
}
