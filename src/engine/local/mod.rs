//! The engine `local`: PostgreSQL and Odoo as processes of this machine.
//!
//! The server's own files tell what runs: `postmaster.pid` which process, `postmaster.opts` with which
//! command line, and in it the digest of its configuration. So a server that was started just before a
//! crash is recognised without a record of ours. Odoo processes write their pid files themselves, before
//! they become Odoo, for the same reason.

mod account;
mod binaries;
mod cluster;
mod daemon;
mod logs;
mod once;
mod python;
mod replace;
mod server;
mod service;
mod sidecar;
mod tool;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Engine, EngineFuture, LogLine, LogQuery, Looking, PythonTask, Tool, Visit, tenancy};
use crate::archive_file;
use crate::base::{Digest, Secret};
use crate::error::{Error, Result};
use crate::facts::{DataDir, EngineSeen, Known};
use crate::postgres::data_dir;
use crate::project::{Archive, Project};
use crate::step::{PullImage, ReplaceData, ServerSpec, ServiceSpec, ShareFiles, Sidecar};

pub use binaries::{majors, programs};
pub use service::interpreter;

/// Processes of this machine.
#[derive(Clone, Debug, Default)]
pub struct Local;

/// The longest path of a socket's folder that leaves room for `/.s.PGSQL.65535.lock`, with some to spare.
const LONGEST_SOCKET_DIR: usize = 80;

/// Where the server's socket and the pid files of a project are: in `.odpm/run`, or in a short place of
/// its own where that path is too long for a socket.
pub fn run_dir(project: &Project) -> PathBuf {
    let usual = project.state().run();
    if usual.as_os_str().len() <= LONGEST_SOCKET_DIR {
        return usual;
    }
    let uid = rustix::process::geteuid().as_raw();
    let name = Digest::of(project.root.as_os_str().as_encoded_bytes());
    Path::new("/tmp").join(format!("odpm-{uid}-{}", name.short()))
}

impl Engine for Local {
    fn look<'a>(&'a self, project: &'a Project) -> Looking<'a, EngineSeen> {
        Box::pin(async move {
            let data = &project.postgres.data;
            let majors = binaries::majors();
            let archive = project.archive.as_ref().map(Archive::places).unwrap_or_default();
            let state = project.state().path().to_owned();
            let further: Vec<&Path> = std::iter::once(&state).chain(&archive).map(PathBuf::as_path).collect();
            EngineSeen {
                available: Known::Known("local".to_owned()),
                binaries: binaries::find(project.postgres.major, project.postgres.bin_dir.as_deref()),
                majors,
                image_major: Known::unasked(),
                missing_images: Vec::new(),
                volumes: BTreeMap::new(),
                orphans: Vec::new(),
                compose_taken_by: None,
                in_use_by: tenancy::mounting(data, &[], &tenancy::containers().await),
                run_as: account::run_as(data, &further),
                pgbackrest: pgbackrest(project).await,
                socket_dir: run_dir(project),
                server: server::look(data, &data_dir::inspect(data)),
                services: Known::Known(service::look(project, &run_dir(project))),
                odoo: service::interpreter(project),
            }
        })
    }

    fn data_dir<'a>(&'a self, path: &'a Path) -> Looking<'a, DataDir> {
        Box::pin(std::future::ready(data_dir::inspect(path)))
    }

    fn pull_image<'a>(&'a self, _: &'a PullImage) -> EngineFuture<'a, ()> {
        Box::pin(std::future::ready(Err(misdirected())))
    }

    fn share_files<'a>(&'a self, _: &'a ShareFiles) -> EngineFuture<'a, ()> {
        Box::pin(std::future::ready(Err(misdirected())))
    }

    fn init_cluster<'a>(
        &'a self,
        server: &'a ServerSpec,
        admin_role: &'a str,
        admin: &'a Secret,
    ) -> EngineFuture<'a, ()> {
        Box::pin(cluster::init(server, admin_role, admin))
    }

    fn single_user<'a>(&'a self, server: &'a ServerSpec, statements: &'a [String]) -> EngineFuture<'a, ()> {
        Box::pin(cluster::run_single_user(server, statements))
    }

    fn start_server<'a>(&'a self, server: &'a ServerSpec) -> EngineFuture<'a, ()> {
        Box::pin(server::start(server))
    }

    fn stop_server<'a>(&'a self, server: &'a ServerSpec) -> EngineFuture<'a, ()> {
        Box::pin(server::stop(server))
    }

    fn start_sidecar<'a>(&'a self, sidecar: &'a Sidecar, _: Option<&'a Path>) -> EngineFuture<'a, ()> {
        Box::pin(sidecar::start(sidecar))
    }

    fn sidecar_runs<'a>(&'a self, sidecar: &'a Sidecar) -> EngineFuture<'a, bool> {
        Box::pin(std::future::ready(Ok(sidecar::runs(sidecar))))
    }

    fn stop_sidecar<'a>(&'a self, sidecar: &'a Sidecar) -> EngineFuture<'a, ()> {
        Box::pin(sidecar::stop(sidecar))
    }

    fn shut_sidecar_down<'a>(&'a self, sidecar: &'a Sidecar) -> EngineFuture<'a, ()> {
        Box::pin(sidecar::shut_down(sidecar))
    }

    fn replace_data<'a>(&'a self, step: &'a ReplaceData) -> EngineFuture<'a, u64> {
        Box::pin(replace::replace(step))
    }

    fn put_data_back<'a>(&'a self, step: &'a ReplaceData) -> EngineFuture<'a, bool> {
        Box::pin(replace::put_back(step))
    }

    fn start_service<'a>(&'a self, service: &'a ServiceSpec) -> EngineFuture<'a, ()> {
        Box::pin(service::start(service))
    }

    fn stop_service<'a>(&'a self, service: &'a ServiceSpec) -> EngineFuture<'a, ()> {
        Box::pin(service::stop(service))
    }

    fn tool<'a>(&'a self, tool: Tool<'a>) -> EngineFuture<'a, ()> {
        Box::pin(tool::run(tool))
    }

    fn odoo_command<'a>(
        &'a self,
        service: &'a ServiceSpec,
        args: &'a [String],
    ) -> EngineFuture<'a, std::process::Command> {
        Box::pin(once::command(service, args))
    }

    fn server_command<'a>(
        &'a self,
        service: &'a ServiceSpec,
        args: &'a [String],
        port: u16,
    ) -> EngineFuture<'a, std::process::Command> {
        Box::pin(once::server(service, args, port))
    }

    fn end_command<'a>(&'a self, service: &'a ServiceSpec) -> EngineFuture<'a, ()> {
        Box::pin(once::end_own(service))
    }

    fn neutralize_scripts<'a>(
        &'a self,
        _: &'a str,
        _: &'a [String],
    ) -> EngineFuture<'a, Vec<(String, String)>> {
        // Processes of this machine run from folders that are looked into themselves.
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn python<'a>(&'a self, task: &'a PythonTask<'a>) -> EngineFuture<'a, String> {
        Box::pin(python::run(task))
    }

    fn image_id<'a>(&'a self, _: &'a str) -> EngineFuture<'a, Option<String>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn command_in<'a>(&'a self, visit: &'a Visit<'a>) -> EngineFuture<'a, std::process::Command> {
        Box::pin(async move {
            let (program, rest) =
                visit.words.split_first().ok_or_else(|| Error::usage("there is nothing to run"))?;
            // The programs of the project's own PostgreSQL before any other of this machine.
            let postgres = &visit.project.postgres;
            let found = binaries::find(postgres.major, postgres.bin_dir.as_deref());
            let own = found.get().map(|binaries| binaries.dir.join(program)).filter(|path| path.exists());
            let mut command = std::process::Command::new(own.unwrap_or_else(|| program.into()));
            command.args(rest).current_dir(&visit.project.root);
            Ok(command)
        })
    }

    fn tools<'a>(&'a self, project: &'a Project) -> Looking<'a, Vec<(String, Known<String>)>> {
        let found = binaries::find(project.postgres.major, project.postgres.bin_dir.as_deref());
        let psql = found.get().map(|binaries| binaries.dir.join("psql")).filter(|path| path.exists());
        let psql = psql.map_or_else(
            || Known::Unknown("there is no psql beside the server's programs".to_owned()),
            |path| Known::Known(path.display().to_string()),
        );
        Box::pin(async move {
            let pgbackrest = project.archive.as_ref().and_then(Archive::repositories).is_some();
            let mut tools = vec![("psql".to_owned(), psql)];
            if pgbackrest {
                tools.push(("pgbackrest".to_owned(), self::pgbackrest(project).await));
            }
            tools
        })
    }

    fn logs<'a>(&'a self, query: &'a LogQuery<'a>, tell: &'a mut dyn FnMut(LogLine)) -> EngineFuture<'a, ()> {
        Box::pin(logs::logs(query, tell))
    }
}

/// The version of pgBackRest, where the project asks for it.
async fn pgbackrest(project: &Project) -> Known<String> {
    match project.archive.as_ref().and_then(Archive::repositories) {
        None => Known::unasked(),
        Some(_) => match archive_file::pgbackrest::version().await {
            Ok(version) => Known::Known(version),
            Err(e) => Known::Unknown(e.report().why.join(": ")),
        },
    }
}

/// The terms of a launch by this engine; a launch of another engine is a bug of the caller.
fn terms(launch: &crate::step::Launch) -> Result<&crate::step::Terms> {
    match launch {
        crate::step::Launch::Local(terms) => Ok(terms),
        crate::step::Launch::Compose { .. } => Err(misdirected()),
    }
}

/// A plan for containers never comes to this engine.
fn misdirected() -> Error {
    Error::internal("a step for containers came to the local engine")
}

/// The services of a project by their plain names.
type Services = BTreeMap<String, crate::facts::ServiceSeen>;
