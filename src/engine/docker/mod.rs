//! The engine `docker`: what is observed or executed inside containers goes through the Engine API, bringing
//! services up and down through Compose, so that the rendered file works by hand as well.
//!
//! Containers are found by Compose's labels, never by their names; what they were started with is the label
//! `odpm.config`. Looking starts no process and no container, but for a data directory that only a container
//! may read.

mod client;
mod cluster;
mod compose;
mod containers;
mod logs;
mod look;
mod one_off;
mod python;
mod replace;
mod sidecar;
mod tool;
mod up;

use std::path::Path;

use super::{Engine, EngineFuture, LogLine, LogQuery, Looking, PythonTask, Tool, Visit};
use crate::base::Secret;
use crate::error::{Error, Result};
use crate::facts::{DataDir, EngineSeen, Known};
use crate::project::Project;
use crate::step::{Launch, PullImage, ReplaceData, ServerSpec, ServiceSpec, ShareFiles, Sidecar};

pub use client::client;
pub use containers::{Container, all};

/// Containers.
#[derive(Clone, Debug)]
pub struct Docker {
    /// The PostgreSQL image of the project.
    image: String,
}

impl Docker {
    /// The engine of a project with this PostgreSQL image.
    pub fn new(image: &str) -> Self {
        Self { image: image.to_owned() }
    }
}

impl Engine for Docker {
    fn look<'a>(&'a self, project: &'a Project) -> Looking<'a, EngineSeen> {
        Box::pin(look::look(project))
    }

    fn data_dir<'a>(&'a self, path: &'a Path) -> Looking<'a, DataDir> {
        Box::pin(cluster::data_dir(&self.image, path))
    }

    fn pull_image<'a>(&'a self, step: &'a PullImage) -> EngineFuture<'a, ()> {
        Box::pin(up::pull(&step.image))
    }

    fn share_files<'a>(&'a self, step: &'a ShareFiles) -> EngineFuture<'a, ()> {
        Box::pin(cluster::share(step))
    }

    fn init_cluster<'a>(
        &'a self,
        server: &'a ServerSpec,
        admin_role: &'a str,
        admin: &'a Secret,
    ) -> EngineFuture<'a, ()> {
        Box::pin(cluster::init(&self.image, server, admin_role, admin))
    }

    fn single_user<'a>(&'a self, server: &'a ServerSpec, statements: &'a [String]) -> EngineFuture<'a, ()> {
        Box::pin(cluster::run_single_user(&self.image, server, statements))
    }

    fn start_server<'a>(&'a self, server: &'a ServerSpec) -> EngineFuture<'a, ()> {
        Box::pin(up::start_server(server))
    }

    fn stop_server<'a>(&'a self, server: &'a ServerSpec) -> EngineFuture<'a, ()> {
        Box::pin(up::stop(&server.service, &server.launch))
    }

    fn start_sidecar<'a>(&'a self, sidecar: &'a Sidecar, log: Option<&'a Path>) -> EngineFuture<'a, ()> {
        Box::pin(sidecar::start(sidecar, log))
    }

    fn sidecar_runs<'a>(&'a self, sidecar: &'a Sidecar) -> EngineFuture<'a, bool> {
        Box::pin(sidecar::runs(sidecar))
    }

    fn stop_sidecar<'a>(&'a self, sidecar: &'a Sidecar) -> EngineFuture<'a, ()> {
        Box::pin(sidecar::stop(sidecar))
    }

    fn shut_sidecar_down<'a>(&'a self, sidecar: &'a Sidecar) -> EngineFuture<'a, ()> {
        Box::pin(sidecar::shut_down(sidecar))
    }

    fn replace_data<'a>(&'a self, step: &'a ReplaceData) -> EngineFuture<'a, u64> {
        Box::pin(replace::replace(&self.image, step))
    }

    fn put_data_back<'a>(&'a self, step: &'a ReplaceData) -> EngineFuture<'a, bool> {
        Box::pin(replace::put_back(&self.image, step))
    }

    fn start_service<'a>(&'a self, service: &'a ServiceSpec) -> EngineFuture<'a, ()> {
        Box::pin(up::start_service(service))
    }

    fn stop_service<'a>(&'a self, service: &'a ServiceSpec) -> EngineFuture<'a, ()> {
        Box::pin(up::stop(&service.service, &service.launch))
    }

    fn tool<'a>(&'a self, tool: Tool<'a>) -> EngineFuture<'a, ()> {
        Box::pin(tool::run(tool))
    }

    fn odoo_command<'a>(
        &'a self,
        service: &'a ServiceSpec,
        args: &'a [String],
    ) -> EngineFuture<'a, std::process::Command> {
        Box::pin(up::odoo_command(service, args))
    }

    fn server_command<'a>(
        &'a self,
        service: &'a ServiceSpec,
        args: &'a [String],
        port: u16,
    ) -> EngineFuture<'a, std::process::Command> {
        Box::pin(up::server_command(service, args, port))
    }

    fn end_command<'a>(&'a self, service: &'a ServiceSpec) -> EngineFuture<'a, ()> {
        Box::pin(up::end_command(service))
    }

    fn neutralize_scripts<'a>(
        &'a self,
        image: &'a str,
        modules: &'a [String],
    ) -> EngineFuture<'a, Vec<(String, String)>> {
        Box::pin(tool::neutralize_scripts(image, modules))
    }

    fn python<'a>(&'a self, task: &'a PythonTask<'a>) -> EngineFuture<'a, String> {
        Box::pin(python::run(task))
    }

    fn image_id<'a>(&'a self, image: &'a str) -> EngineFuture<'a, Option<String>> {
        Box::pin(python::image_id(image))
    }

    fn command_in<'a>(&'a self, visit: &'a Visit<'a>) -> EngineFuture<'a, std::process::Command> {
        Box::pin(logs::command_in(visit))
    }

    fn tools<'a>(&'a self, project: &'a Project) -> Looking<'a, Vec<(String, Known<String>)>> {
        Box::pin(async move {
            let compose = match up::flavour(project.compose_project()).await {
                Ok(compose) => Known::Known(compose.to_string()),
                Err(e) => Known::Unknown(e.to_string()),
            };
            vec![("Docker".to_owned(), look::version().await), ("Compose".to_owned(), compose)]
        })
    }

    fn logs<'a>(&'a self, query: &'a LogQuery<'a>, tell: &'a mut dyn FnMut(LogLine)) -> EngineFuture<'a, ()> {
        Box::pin(logs::logs(query, tell))
    }
}

/// The Compose project and file of a launch; one of another engine is a bug of the caller.
fn stack(launch: &Launch) -> Result<(&str, &Path)> {
    match launch {
        Launch::Compose { project, file } => Ok((project, file)),
        Launch::Local(_) => Err(Error::internal("a step for processes came to the docker engine")),
    }
}
