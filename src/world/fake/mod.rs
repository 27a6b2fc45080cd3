//! A world in memory that can stop dead at any durable point.
//!
//! Every change is preceded and followed by a point. When the fuse burns down at one of them, that call
//! and all later ones fail, as they do for a process that was killed: the state stays as it was just then.

mod clusters;
mod databases;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use jiff::Timestamp;

use super::{Clock, Database, Files, Log, Secrets, World};
use crate::base::{Meter, PgMajor, Secret, SecretRef};
use crate::engine::{Engine, EngineFuture, LogLine, LogQuery, Looking, PythonTask, Visit};
use crate::error::{Error, Kind, Result};
use crate::facts::{Baseline, Companion, DataDir, EngineSeen, Known, Owner};
use crate::plan::{Entry, Journal, Record};
use crate::project::Project;
use crate::step::{
    EnsureRoles, MakeDir, PullImage, RecordBaseline, ReplaceData, ServerSpec, ServiceSpec, ShareFiles,
    Sidecar, VerifyLogin,
};

/// What is durable in the fake world; two runs came to the same end when these are equal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Durable {
    pub files: BTreeMap<PathBuf, String>,
    pub folders: BTreeSet<PathBuf>,
    pub images: BTreeSet<String>,
    pub shared: BTreeSet<PathBuf>,
    pub cluster: Option<(PgMajor, u64)>,
    pub server: Option<ServerSpec>,
    pub services: BTreeMap<String, ServiceSpec>,
    pub roles: BTreeMap<String, String>,
    pub secrets: BTreeMap<String, String>,
    /// Databases by name, with what is in them; files of the filestore go with their database.
    pub databases: BTreeMap<String, Vec<&'static str>>,
    pub backups: BTreeSet<PathBuf>,
    /// Sidecars by name, and how they are.
    pub sidecars: BTreeMap<String, &'static str>,
    pub drills: u32,
    /// Files as the run found them; `None` for no file.
    pub copies: BTreeMap<PathBuf, Option<String>>,
    /// How often something was made that must be made once.
    pub once: BTreeMap<&'static str, u32>,
}

#[derive(Default)]
struct Inner {
    durable: Durable,
    journal: Vec<Record>,
    points: u32,
    fuse: Option<u32>,
    dead: bool,
}

/// A handle on the fake world.
#[derive(Clone, Default)]
pub struct Fake(Rc<RefCell<Inner>>);

impl Fake {
    /// The whole world in the form that `apply` wants, over this state.
    pub fn world(&self) -> World {
        World {
            files: Box::new(self.clone()),
            engine: Box::new(self.clone()),
            database: Box::new(self.clone()),
            databases: Box::new(self.clone()),
            clusters: Box::new(self.clone()),
            secrets: Box::new(self.clone()),
            meter: Meter::default(),
            clock: Box::new(self.clone()),
        }
    }

    /// Dies at the given point, counted from now; never when `None`. The dead rise.
    pub fn fuse(&self, at: Option<u32>) {
        let mut inner = self.0.borrow_mut();
        inner.fuse = at;
        inner.points = 0;
        inner.dead = false;
    }

    /// Whether the fuse has burnt down.
    pub fn died(&self) -> bool {
        self.0.borrow().dead
    }

    /// How many points were passed since the fuse was set.
    pub fn points(&self) -> u32 {
        self.0.borrow().points
    }

    pub fn durable(&self) -> Durable {
        self.0.borrow().durable.clone()
    }

    pub fn change(&self, change: impl FnOnce(&mut Durable)) {
        change(&mut self.0.borrow_mut().durable);
    }

    pub fn records(&self) -> Vec<Record> {
        self.0.borrow().journal.clone()
    }

    /// The journal as the next process reads it.
    pub fn journal(&self) -> Option<Journal> {
        let at = "2026-11-20T21:13:33+00:00".to_owned();
        Journal::read(self.records().into_iter().map(|record| Entry { at: at.clone(), record }))
    }

    fn point(&self) -> Result<()> {
        let mut inner = self.0.borrow_mut();
        if !inner.dead {
            inner.points += 1;
            inner.dead = inner.fuse.is_some_and(|at| inner.points > at);
        }
        if inner.dead { Err(Error::new(Kind::Interrupted, "killed")) } else { Ok(()) }
    }

    fn effect(&self, change: impl FnOnce(&mut Durable)) -> Result<()> {
        self.point()?;
        self.change(change);
        self.point()
    }

    fn fails(&self, why: &str) -> Error {
        Error::environment(why)
    }
}

impl Files for Fake {
    fn read(&self, path: &Path) -> Result<Option<String>> {
        let inner = self.0.borrow();
        Ok(inner.durable.files.get(path).cloned())
    }

    fn write(&self, path: &Path, text: &str, _mode: u32) -> Result<()> {
        self.effect(|d| drop(d.files.insert(path.to_owned(), text.to_owned())))
    }

    fn write_private(&self, path: &Path, text: &str, _: Option<Owner>) -> Result<()> {
        self.write(path, text, 0o600)
    }

    fn keep(&self, path: &Path) -> Result<()> {
        self.effect(|d| {
            let now = d.files.get(path).cloned();
            d.copies.entry(path.to_owned()).or_insert_with(|| now.clone());
            if let Some(text) = d.copies[path].clone() {
                d.files.entry(copy(path)).or_insert(text);
            }
        })
    }

    fn kept(&self, path: &Path) -> Option<PathBuf> {
        self.0.borrow().durable.copies.get(path)?.as_ref().map(|_| copy(path))
    }

    fn remove(&self, path: &Path) -> Result<()> {
        self.effect(|d| drop(d.files.remove(path)))
    }

    fn make_dir(&self, step: &MakeDir) -> Result<bool> {
        let new = !self.0.borrow().durable.folders.contains(&step.path);
        self.effect(|d| {
            d.folders.insert(step.path.clone());
        })?;
        Ok(new)
    }

    fn record(&self, baseline: &Baseline, companion: &Companion) -> Result<()> {
        let [one, two] = self.baseline_files();
        let (baseline, companion) =
            (serde_json::to_string(baseline).unwrap(), serde_json::to_string(companion).unwrap());
        self.effect(|d| drop(d.files.insert(two, companion)))?;
        self.effect(|d| drop(d.files.insert(one, baseline)))
    }

    fn baseline_files(&self) -> [PathBuf; 2] {
        ["last_run.json", "companion.json"].map(PathBuf::from)
    }
}

fn copy(path: &Path) -> PathBuf {
    Path::new("copies").join(path.file_name().unwrap_or_default())
}

impl Engine for Fake {
    fn tools<'a>(&'a self, _: &'a Project) -> Looking<'a, Vec<(String, Known<String>)>> {
        unreachable!("the interpreter looks for no tools")
    }

    fn tool<'a>(&'a self, _: crate::engine::Tool<'a>) -> EngineFuture<'a, ()> {
        unreachable!("the databases of this world need no programs")
    }

    fn odoo_command<'a>(
        &'a self,
        _: &'a ServiceSpec,
        _: &'a [String],
    ) -> EngineFuture<'a, std::process::Command> {
        unreachable!("the databases of this world run no Odoo")
    }

    fn server_command<'a>(
        &'a self,
        _: &'a ServiceSpec,
        _: &'a [String],
        _: u16,
    ) -> EngineFuture<'a, std::process::Command> {
        unreachable!("the databases of this world run no Odoo")
    }

    fn end_command<'a>(&'a self, _: &'a ServiceSpec) -> EngineFuture<'a, ()> {
        unreachable!("the databases of this world run no Odoo")
    }

    fn neutralize_scripts<'a>(
        &'a self,
        _: &'a str,
        _: &'a [String],
    ) -> EngineFuture<'a, Vec<(String, String)>> {
        unreachable!("the databases of this world have no modules")
    }

    fn python<'a>(&'a self, _: &'a PythonTask<'a>) -> EngineFuture<'a, String> {
        unreachable!("the databases of this world have no modules")
    }

    fn image_id<'a>(&'a self, _: &'a str) -> EngineFuture<'a, Option<String>> {
        unreachable!("this world has no images")
    }

    fn command_in<'a>(&'a self, _: &'a Visit<'a>) -> EngineFuture<'a, std::process::Command> {
        unreachable!("the interpreter runs no commands for people")
    }

    fn logs<'a>(&'a self, _: &'a LogQuery<'a>, _: &'a mut dyn FnMut(LogLine)) -> EngineFuture<'a, ()> {
        unreachable!("the interpreter reads no logs")
    }

    fn data_dir<'a>(&'a self, _path: &'a Path) -> Looking<'a, DataDir> {
        let seen = match self.0.borrow().durable.cluster {
            None => DataDir::Absent,
            Some((major, id)) => crate::facts::samples::cluster(major, id),
        };
        Box::pin(std::future::ready(seen))
    }

    fn pull_image<'a>(&'a self, step: &'a PullImage) -> EngineFuture<'a, ()> {
        Box::pin(async move {
            self.effect(|d| {
                d.images.insert(step.image.clone());
            })
        })
    }

    fn share_files<'a>(&'a self, step: &'a ShareFiles) -> EngineFuture<'a, ()> {
        Box::pin(async move {
            if !self.durable().images.contains(&step.image) {
                return Err(self.fails("there is no such image"));
            }
            self.effect(|d| d.shared.extend(step.own.iter().chain(&step.read).cloned()))
        })
    }

    fn start_sidecar<'a>(&'a self, _: &'a Sidecar, _: Option<&'a Path>) -> EngineFuture<'a, ()> {
        unreachable!("sidecars are of `Clusters`")
    }

    fn sidecar_runs<'a>(&'a self, _: &'a Sidecar) -> EngineFuture<'a, bool> {
        unreachable!("sidecars are of `Clusters`")
    }

    fn stop_sidecar<'a>(&'a self, _: &'a Sidecar) -> EngineFuture<'a, ()> {
        unreachable!("sidecars are of `Clusters`")
    }

    fn shut_sidecar_down<'a>(&'a self, _: &'a Sidecar) -> EngineFuture<'a, ()> {
        unreachable!("sidecars are of `Clusters`")
    }

    fn replace_data<'a>(&'a self, _: &'a ReplaceData) -> EngineFuture<'a, u64> {
        unreachable!("data directories are of `Clusters`")
    }

    fn put_data_back<'a>(&'a self, _: &'a ReplaceData) -> EngineFuture<'a, bool> {
        unreachable!("data directories are of `Clusters`")
    }

    fn look<'a>(&'a self, _project: &'a Project) -> Looking<'a, EngineSeen> {
        unreachable!("the interpreter does not observe")
    }

    fn init_cluster<'a>(
        &'a self,
        server: &'a ServerSpec,
        role: &'a str,
        admin: &'a Secret,
    ) -> EngineFuture<'a, ()> {
        Box::pin(async move {
            self.effect(|d| {
                let times = d.once.entry("clusters").or_default();
                *times += 1;
                d.cluster = Some((server.major, u64::from(*times)));
                d.roles.insert(role.to_owned(), admin.reveal().to_owned());
            })
        })
    }

    fn single_user<'a>(&'a self, _server: &'a ServerSpec, statements: &'a [String]) -> EngineFuture<'a, ()> {
        Box::pin(async move {
            if self.durable().server.is_some() {
                return Err(self.fails("a server runs on this data directory"));
            }
            for statement in statements {
                let (role, password) = statement.split_once(' ').unwrap_or_default();
                self.effect(|d| drop(d.roles.insert(role.to_owned(), password.to_owned())))?;
            }
            Ok(())
        })
    }

    fn start_server<'a>(&'a self, server: &'a ServerSpec) -> EngineFuture<'a, ()> {
        Box::pin(async move { self.effect(|d| d.server = Some(server.clone())) })
    }

    fn stop_server<'a>(&'a self, _server: &'a ServerSpec) -> EngineFuture<'a, ()> {
        Box::pin(async move { self.effect(|d| d.server = None) })
    }

    fn start_service<'a>(&'a self, service: &'a ServiceSpec) -> EngineFuture<'a, ()> {
        Box::pin(
            async move { self.effect(|d| drop(d.services.insert(service.name.clone(), service.clone()))) },
        )
    }

    fn stop_service<'a>(&'a self, service: &'a ServiceSpec) -> EngineFuture<'a, ()> {
        Box::pin(async move { self.effect(|d| drop(d.services.remove(&service.name))) })
    }
}

impl Database for Fake {
    fn ensure_roles<'a>(
        &'a self,
        step: &'a EnsureRoles,
        admin: &'a Secret,
        app: &'a Secret,
    ) -> EngineFuture<'a, Vec<String>> {
        Box::pin(async move {
            let now = self.durable();
            if now.server.is_none()
                || now.roles.get(&step.admin_role).map(String::as_str) != Some(admin.reveal())
            {
                return Err(self.fails("the administrative role cannot log in"));
            }
            if now.roles.get(&step.app_role).map(String::as_str) == Some(app.reveal()) {
                return Ok(Vec::new());
            }
            self.effect(|d| drop(d.roles.insert(step.app_role.clone(), app.reveal().to_owned())))?;
            Ok(vec![format!("created {}", step.app_role)])
        })
    }

    fn verify_login<'a>(&'a self, step: &'a VerifyLogin, secret: &'a Secret) -> EngineFuture<'a, ()> {
        Box::pin(async move {
            let now = self.durable();
            if now.server.is_some() && now.roles.get(&step.role).map(String::as_str) == Some(secret.reveal())
            {
                return Ok(());
            }
            Err(self.fails("the role cannot log in"))
        })
    }

    fn system_identifier<'a>(
        &'a self,
        _step: &'a RecordBaseline,
        _secret: &'a Secret,
    ) -> EngineFuture<'a, u64> {
        Box::pin(async move {
            self.durable().cluster.map(|(_, id)| id).ok_or_else(|| self.fails("there is no cluster"))
        })
    }

    fn bootstrap_statements(&self, role: &str, admin: &Secret) -> Result<Vec<String>> {
        Ok(vec![format!("{role} {}", admin.reveal())])
    }
}

impl Secrets for Fake {
    fn find(&self, secret: &SecretRef) -> Result<Option<Secret>> {
        Ok(self.0.borrow().durable.secrets.get(&format!("{secret:?}")).map(Secret::new))
    }

    fn generate(&self, secret: &SecretRef) -> Result<bool> {
        let name = format!("{secret:?}");
        let new = !self.0.borrow().durable.secrets.contains_key(&name);
        if new {
            self.effect(|d| drop(d.secrets.insert(name.clone(), format!("secret of {name}"))))?;
        }
        Ok(new)
    }
}

impl Clock for Fake {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}

impl Log for Fake {
    fn append(&mut self, record: Record) -> Result<()> {
        self.point()?;
        self.0.borrow_mut().journal.push(record);
        self.point()
    }
}

impl Fake {
    /// Adds to what is in a database; that it is there already is no harm, as with an idempotent statement.
    fn put(&self, database: &str, what: &'static str) -> Result<()> {
        if !self.durable().databases.contains_key(database) {
            return Err(self.fails("there is no such database"));
        }
        self.effect(|d| {
            let inside = d.databases.entry(database.to_owned()).or_default();
            if !inside.contains(&what) {
                inside.push(what);
            }
        })
    }
}
