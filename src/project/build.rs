//! From the file to the [`Project`]: defaults, absolute paths, and what the schema cannot say.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::file::{ExternalFile, OdooFile, PostgresFile, ProjectFile, ServiceFile, ServicesFile, Word};
use super::model::{
    Backup, EngineKind, External, Keep, Odoo, OdooService, Postgres, Project, Scenario, SslMode, Tls, Volume,
};
use super::rules::Rules;
use super::variables::Variables;
use super::{archive, checks, incident, migrate, upgrade, watchdog};
use crate::base::{Digest, PgMajor, Secret};

/// How many seconds a start may take unless the file says otherwise.
const START_TIMEOUT: u32 = 300;

/// What the environment may set over the file.
pub struct Overrides {
    /// `ODPM_SCENARIO`.
    pub scenario: Option<Scenario>,
    /// `POSTGRES_SERVICE_NAME`.
    pub service: Option<String>,
    /// `ODPM_COMPOSE_PREFIX`.
    pub prefix: Option<String>,
}

/// Where the file is.
pub struct Origin<'a> {
    /// The folder of `odpm.yaml`, canonical.
    pub root: &'a Path,
    /// The path of `odpm.yaml`.
    pub file: &'a Path,
}

/// The project; everything that is wrong with it goes into `rules`.
pub fn build(
    file: ProjectFile,
    over: Overrides,
    origin: &Origin<'_>,
    variables: &mut Variables<'_>,
    rules: &mut Rules<'_>,
) -> Project {
    let paths = Paths { root: origin.root, home: variables.get("HOME").map(PathBuf::from) };
    let postgres = postgres(file.postgres, over.service, &paths, rules);
    let odoo = odoo(file.odoo, &paths);
    let backup = file.backup.unwrap_or_default();
    let keep = backup.keep.unwrap_or_default();
    let project = Project {
        root: origin.root.to_owned(),
        file: origin.file.to_owned(),
        name: file.name.clone(),
        scenario: over.scenario.or(file.scenario).unwrap_or(Scenario::Developer),
        engine: file.engine.unwrap_or(EngineKind::Docker),
        prefix: over.prefix,
        odoo,
        postgres,
        backup: Backup {
            path: paths.absolute(given(backup.path).as_deref().unwrap_or("./backups")),
            keep: Keep {
                last: keep.last.unwrap_or(3),
                daily: keep.daily.unwrap_or(7),
                weekly: keep.weekly.unwrap_or(4),
                monthly: keep.monthly.unwrap_or(6),
            },
        },
        archive: file.archive.map(|archive| archive::build(archive, &file.name, &paths, rules)),
        watchdog: watchdog::build(file.watchdog, rules),
        incident: incident::build(file.incident, rules),
        upgrade: upgrade::build(file.upgrade, rules),
        migrate: migrate::build(file.migrate),
        checks: checks::build(file.checks, &paths, rules),
        inputs: Digest::of(""),
    };
    rules.check(&project);
    project
}

fn odoo(file: OdooFile, paths: &Paths<'_>) -> Odoo {
    let modules = file.modules.unwrap_or_default();
    let version = file.version.0;
    let volume = given(file.volume).as_deref().map(Volume::parse);
    Odoo {
        image: given(file.image).unwrap_or_else(|| format!("odoo:{version}")),
        version,
        source: given(file.source).map(|path| paths.absolute(&path)),
        addons: folders(file.addons, paths),
        data_dir: paths.data(given(file.data_dir), volume.as_ref(), "./data/odoo"),
        volume,
        database: given(file.database),
        install: modules.install.unwrap_or_default(),
        update: modules.update.unwrap_or_default(),
        services: services(file.services.unwrap_or_default()),
        conf: words(file.conf),
    }
}

/// Folders; what a variable left empty is none.
fn folders(given: Option<Vec<String>>, paths: &Paths<'_>) -> Vec<PathBuf> {
    let given = given.unwrap_or_default();
    given.iter().filter(|path| !path.is_empty()).map(|path| paths.absolute(path)).collect()
}

fn services(file: ServicesFile) -> BTreeMap<String, OdooService> {
    let service = |file: Option<ServiceFile>, port: Option<u16>, replicas: u16| {
        let file = file.unwrap_or_default();
        OdooService {
            port: file.port.or(port),
            replicas: file.replicas.unwrap_or(replicas),
            args: file.args.unwrap_or_default().into_iter().map(|word| word.0).collect(),
            memory: given(file.memory.map(|word| word.0)),
            start_timeout: file.start_timeout.unwrap_or(START_TIMEOUT),
        }
    };
    BTreeMap::from([
        ("odoo".to_owned(), service(file.odoo, Some(8069), 1)),
        ("odoo-cron".to_owned(), service(file.odoo_cron, None, 1)),
        ("odoo-worker".to_owned(), service(file.odoo_worker, None, 0)),
    ])
}

fn postgres(
    file: PostgresFile,
    service: Option<String>,
    paths: &Paths<'_>,
    rules: &mut Rules<'_>,
) -> Postgres {
    let version = file.version.0;
    let major = PgMajor::from_tag(&version).unwrap_or_else(|| {
        rules.no_major(&version);
        PgMajor(0)
    });
    let volume = given(file.volume).as_deref().map(Volume::parse);
    Postgres {
        image: given(file.image).unwrap_or_else(|| format!("postgres:{version}")),
        version,
        major,
        service: service.or(given(file.service)).unwrap_or_else(|| "db".to_owned()),
        data: paths.data(given(file.data), volume.as_ref(), "./data/postgres"),
        volume,
        port: file.port.unwrap_or(5432),
        role: given(file.role).unwrap_or_else(|| "odoo".to_owned()),
        // `password: ${POSTGRES_PASSWORD:-}` with nothing behind it gives none.
        password: file.password.map(|word| word.0).filter(|word| !word.is_empty()).map(Secret::new),
        memory: given(file.memory.map(|word| word.0)),
        start_timeout: file.start_timeout.unwrap_or(START_TIMEOUT),
        settings: words(file.settings),
        external: file.external.map(|file| external(file, paths)),
        bin_dir: given(file.bin_dir).map(|path| paths.absolute(&path)),
    }
}

fn external(file: ExternalFile, paths: &Paths<'_>) -> External {
    let root = given(file.sslrootcert).map(|path| paths.absolute(&path));
    let usual = if root.is_some() { SslMode::VerifyFull } else { SslMode::Require };
    External {
        host: file.host,
        port: file.port.unwrap_or(5432),
        tls: Tls { mode: file.sslmode.unwrap_or(usual), root },
        admin_role: given(file.admin_role),
        admin_password: given(file.admin_password.map(|word| word.0)).map(Secret::new),
    }
}

/// A value that is there: `${VAR:-}` with nothing behind it gives none.
pub(super) fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// Words as they are written.
pub(super) fn words(map: Option<BTreeMap<String, Word>>) -> BTreeMap<String, String> {
    map.unwrap_or_default().into_iter().map(|(name, word)| (name, word.0)).collect()
}

/// How paths of the file are understood.
pub(super) struct Paths<'a> {
    root: &'a Path,
    home: Option<PathBuf>,
}

impl Paths<'_> {
    /// The folder of data: as given, else in its volume, else the usual one.
    fn data(&self, given: Option<String>, volume: Option<&Volume>, usual: &str) -> PathBuf {
        match (given, volume) {
            (Some(path), _) => self.absolute(&path),
            (None, Some(volume)) => volume.usual_place(),
            (None, None) => self.absolute(usual),
        }
    }

    /// An absolute path: relative ones begin at the file, `~/` at home. `.` and `..` are resolved as words.
    pub(super) fn absolute(&self, path: &str) -> PathBuf {
        let start = match (path.strip_prefix("~/"), &self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => self.root.join(path),
        };
        let mut clean = PathBuf::new();
        for part in start.components() {
            match part {
                Component::CurDir => {}
                Component::ParentDir => drop(clean.pop()),
                part => clean.push(part),
            }
        }
        clean
    }
}
