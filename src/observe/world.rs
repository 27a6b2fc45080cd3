//! Gathers the [`Observation`].

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::{Loaded, author, ports};
use crate::base::{PgMajor, SecretRef};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::facts::{
    BaselineSeen, ClusterFiles, Contained, DataDir, EngineSeen, FileSeen, Known, Live, Observation, PidFile,
    Scale, ServerSeen,
};
use crate::grounds::specs;
use crate::odoo_conf::{self, ConfValue, OdooConf};
use crate::postgres::{Probe, data_dir, live};
use crate::project::{Archive, Project};
use crate::state;

/// How long one question to the server may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// How far to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Files only: the engine and the server are not asked.
    Files,
    /// Everything.
    Live,
}

/// Everything that a planner may know, and the baseline.
pub async fn observe(
    loaded: &Loaded,
    engine: &dyn Engine,
    depth: Depth,
) -> Result<(Observation, BaselineSeen)> {
    let Loaded { project, state, secrets } = loaded;
    let baseline = state::read_baseline(state)?;
    let data_path = resolve(&project.postgres.data);
    let recorded = baseline
        .get()
        .map(|b| PathBuf::from(&b.compose.data_path_abs))
        .filter(|p| *p != data_path && p.is_absolute());
    let (data_dir, left_behind, engine) = match depth {
        Depth::Files => {
            let look = |path: &Path| data_dir::inspect(path);
            (look(&project.postgres.data), recorded.as_deref().map(look), EngineSeen::unknown("not asked"))
        }
        Depth::Live => {
            let left_behind = match &recorded {
                Some(path) => Some(engine.data_dir(path).await),
                None => None,
            };
            let (data_dir, seen) =
                futures_util::join!(engine.data_dir(&project.postgres.data), engine.look(project));
            (data_dir, left_behind, seen)
        }
    };
    let live = match depth {
        Depth::Files => Live::unknown("not asked"),
        Depth::Live => ask(loaded, &engine).await?,
    };
    let data_dir = match &project.postgres.external {
        Some(_) => elsewhere(&live),
        None => data_dir,
    };
    let ports = match depth {
        Depth::Files => Vec::new(),
        Depth::Live => ports::ports(project, &engine),
    };
    let files = files(loaded);
    understood(&files, &specs::scale_file(project), &SCALED, |text| Scale::read(text).map(drop))?;
    understood(&files, &state.contained(), &CONTAINED, |text| Contained::read(text).map(drop))?;
    let stale_secrets = stale_secrets(loaded, &files)?;
    let observation = Observation {
        at: Timestamp::now(),
        author: author(),
        data_path,
        data_dir,
        recorded_data_dir: left_behind,
        live,
        ports,
        files,
        folders: folders(project),
        app_secret: secrets.find(&SecretRef::AppPassword)?.is_some(),
        admin_secret: secrets.find(&SecretRef::AdminPassword)?.is_some(),
        stale_secrets,
        modes: modes(&loaded.project),
        unfinished: state::unfinished_journal(state)?.map(|journal| journal.summary()),
        free_bytes: free_bytes(&project.postgres.data),
        engine,
    };
    Ok((observation, baseline))
}

/// What can be said of the data directory of a server elsewhere.
fn elsewhere(live: &Live) -> DataDir {
    let major = live.version.get().and_then(|version| PgMajor::from_tag(version));
    match (major, live.system_identifier.get()) {
        (Some(major), Some(identifier)) => DataDir::Cluster(ClusterFiles {
            major,
            system_identifier: Some(*identifier),
            uid: 0,
            gid: 0,
            mode: 0o700,
            pid: PidFile::None,
            has_hba: true,
            in_recovery: false,
        }),
        _ => DataDir::Unreadable { why: "the server elsewhere does not answer".to_owned(), owner: None },
    }
}

/// Asks the server, where one of ours runs, or the one elsewhere.
async fn ask(loaded: &Loaded, engine: &EngineSeen) -> Result<Live> {
    let external = loaded.project.postgres.external.is_some();
    let port = match &engine.server {
        _ if external => specs::endpoint(&loaded.project).port,
        Known::Unknown(why) => return Ok(Live::unknown(why)),
        Known::Known(ServerSeen::Stopped) => return Ok(Live::stopped()),
        Known::Known(ServerSeen::Foreign { .. }) => {
            return Ok(Live::unknown("a server of somebody else runs there"));
        }
        Known::Known(ServerSeen::Running { port, .. }) => *port,
    };
    let (app, admin) =
        (loaded.secrets.find(&SecretRef::AppPassword)?, loaded.secrets.find(&SecretRef::AdminPassword)?);
    let endpoint = crate::step::Endpoint { port, ..specs::endpoint(&loaded.project) };
    let probe = Probe {
        endpoint: &endpoint,
        app_role: &loaded.project.postgres.role,
        app: app.as_ref(),
        admin_role: specs::admin_role(&loaded.project).unwrap_or(specs::ADMIN_ROLE),
        admin: admin.as_ref(),
        extensions: &specs::EXTENSIONS.map(str::to_owned),
        deadline: DEADLINE,
    };
    Ok(live(&probe).await)
}

/// The files that odpm renders, edits or records.
fn files(loaded: &Loaded) -> BTreeMap<PathBuf, FileSeen> {
    let Loaded { project, state, .. } = loaded;
    let rendered = ["postgresql.conf", "pg_hba.conf", "archive.sh", "pgbackrest.conf"]
        .map(|name| specs::rendered(project, name));
    let own = [
        specs::scale_file(project),
        state.contained(),
        project.odoo_conf(),
        project.root.join("docker-compose.yml"),
        state.baseline(),
        state.companion(),
    ];
    own.into_iter().chain(rendered).map(|path| (path.clone(), file(&path))).collect()
}

/// What a file of ours is for, and what to do about one that says nothing.
type Meant = [&'static str; 2];

const SCALED: Meant = [
    "it holds the services of which more or fewer run on purpose",
    "Correct it; or remove it, and as many run as odpm.yaml says: odpm scale sets it anew",
];

const CONTAINED: Meant = [
    "it holds what an incident keeps from running",
    "Correct it; or remove it once nothing is to be held back any more",
];

/// Taking a file that cannot be understood for none would start what somebody has stopped.
fn understood(
    files: &BTreeMap<PathBuf, FileSeen>,
    path: &Path,
    [what, remedy]: &Meant,
    read: fn(Option<&str>) -> Result<(), String>,
) -> Result<()> {
    let read = match files.get(path) {
        Some(FileSeen::Unreadable(why)) => Err(why.clone()),
        seen => read(seen.and_then(FileSeen::text)),
    };
    read.map_err(|why| {
        let error = Error::input(format!("{} cannot be understood", path.display()));
        error.because(why).because(*what).hint(*remedy)
    })
}

fn file(path: &Path) -> FileSeen {
    match fs::read_to_string(path) {
        Ok(text) => FileSeen::Text(text),
        Err(e) if e.kind() == io::ErrorKind::NotFound => FileSeen::Absent,
        Err(e) => FileSeen::Unreadable(e.to_string()),
    }
}

/// The permission bits of what users of images are let at.
fn modes(project: &Project) -> BTreeMap<PathBuf, u32> {
    let archive = project.archive.as_ref().map(Archive::places).unwrap_or_default();
    let mode = |path: PathBuf| fs::metadata(&path).ok().map(|metadata| (path, metadata.mode() & 0o7777));
    std::iter::once(project.odoo_conf()).chain(archive).filter_map(mode).collect()
}

/// The secret options of `odoo.conf`, and the keys of pgBackRest's repositories, whose value is another one than the project's.
fn stale_secrets(loaded: &Loaded, files: &BTreeMap<PathBuf, FileSeen>) -> Result<BTreeSet<String>> {
    let mut stale = stale_keys(&loaded.project);
    let text = files.get(&loaded.project.odoo_conf()).and_then(FileSeen::text);
    let Some(conf) = text.and_then(|text| OdooConf::parse(text).ok()) else { return Ok(stale) };
    for edit in odoo_conf::desired(&loaded.project) {
        let ConfValue::Secret(secret) = &edit.value else { continue };
        let wanted = loaded.secrets.find(secret)?;
        if conf.get(&edit.option) != wanted.as_ref().map(|secret| secret.reveal()) {
            stale.insert(edit.option);
        }
    }
    Ok(stale)
}

fn stale_keys(project: &Project) -> BTreeSet<String> {
    let Some(all) = project.archive.as_ref().and_then(Archive::repositories) else { return BTreeSet::new() };
    let path = specs::keys_file(&specs::pgbackrest(project, all, None));
    let text = fs::read_to_string(path).unwrap_or_default();
    let written =
        |option: &str, key: &str| text.lines().any(|line| line.split_once('=') == Some((option, key)));
    let all = all.keys().into_iter();
    all.filter(|(option, key)| !written(option, key.reveal())).map(|(option, _)| option).collect()
}

/// The folders that a plan might make and that are there already.
fn folders(project: &Project) -> Vec<PathBuf> {
    let mut wanted = vec![project.odoo.data_dir.clone()];
    wanted.extend(project.postgres.data.parent().map(Path::to_owned));
    wanted.extend(project.archive.as_ref().map(Archive::places).unwrap_or_default());
    if let Some(all) = project.archive.as_ref().and_then(Archive::repositories) {
        wanted.push(specs::pgbackrest(project, all, None).keys);
        wanted.extend(all.folders().map(|folder| all.place_in(folder)));
    }
    wanted.into_iter().filter(|path| path.is_dir()).collect()
}

/// The path with every link resolved, as far as it exists.
fn resolve(path: &Path) -> PathBuf {
    for ancestor in path.ancestors() {
        if let Ok(real) = fs::canonicalize(ancestor) {
            return match path.strip_prefix(ancestor) {
                Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
                _ => real,
            };
        }
    }
    path.to_owned()
}

/// Free bytes at a path, or at what exists above it.
pub(super) fn free_bytes(path: &Path) -> Known<u64> {
    let existing = path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(Path::new("/"));
    match rustix::fs::statvfs(existing) {
        Ok(fs) => Known::Known(fs.f_bavail.saturating_mul(fs.f_frsize)),
        Err(e) => Known::Unknown(e.to_string()),
    }
}
