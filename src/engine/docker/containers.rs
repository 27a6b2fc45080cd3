//! Containers as odpm sees them.

use std::path::{Path, PathBuf};

use bollard::Docker;
use bollard::models::{ContainerSummary, ContainerSummaryStateEnum};
use bollard::query_parameters::ListContainersOptionsBuilder;

use super::client::{connected, failed};
use crate::error::Result;

fn name(container: &ContainerSummary) -> String {
    let first = container.names.as_ref().and_then(|names| names.first());
    first.map_or_else(|| "without a name".to_owned(), |name| name.trim_start_matches('/').to_owned())
}

/// A container of the engine, whoever made it.
#[derive(Clone, Debug)]
pub struct Container {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The folders of this machine that it mounts.
    pub sources: Vec<PathBuf>,
    /// The Compose project; empty where Compose did not make it.
    pub project: String,
    /// Whether Compose made it for one command.
    pub one_off: bool,
    /// The Compose service.
    pub service: String,
    /// Whether it runs.
    pub running: bool,
    /// Docker's own words on its state: `Exited (1) 3 minutes ago`.
    pub status: String,
    /// The port of this machine that leads to PostgreSQL's.
    pub port: Option<u16>,
    /// What it was started with.
    pub config: Option<String>,
    /// The folder of the project that made it.
    pub folder: Option<PathBuf>,
    /// The version of Compose that made it.
    pub compose: Option<String>,
}

impl Container {
    /// Whether it runs a service of this Compose project.
    pub fn serves(&self, project: &str) -> bool {
        self.project == project && !self.one_off
    }

    /// Whether the project in this folder made it, as far as it tells: nothing else is ever ours.
    pub fn is_of(&self, root: &Path) -> bool {
        self.folder.as_ref().is_none_or(|folder| folder == root)
    }
}

/// Every container of the engine, running or not.
pub async fn all(client: &Docker) -> Result<Vec<Container>, bollard::errors::Error> {
    let options = ListContainersOptionsBuilder::new().all(true).build();
    Ok(client.list_containers(Some(options)).await?.into_iter().filter_map(container).collect())
}

/// The services' containers of a Compose project, from the engine of this machine.
pub async fn list(project: &str) -> Result<Vec<Container>> {
    let mut all = all(&connected()?).await.map_err(|e| failed("cannot list containers", &e))?;
    all.retain(|container| container.serves(project));
    Ok(all)
}

/// The names of containers that a project folder has under another project name than `project`, or under a
/// service that is not in `services`.
pub fn left_over(all: &[Container], folder: &Path, project: &str, services: &[String]) -> Vec<String> {
    let of_folder = all.iter().filter(|container| container.folder.as_deref() == Some(folder));
    let old = of_folder.filter(|c| c.project != project || !services.contains(&c.service));
    old.map(|container| container.name.clone()).collect()
}

fn container(summary: ContainerSummary) -> Option<Container> {
    let name = name(&summary);
    let labels = summary.labels.unwrap_or_default();
    let label = |name: &str| labels.get(name).cloned();
    let ports = summary.ports.unwrap_or_default();
    let mounts = summary.mounts.unwrap_or_default();
    Some(Container {
        id: summary.id?,
        name,
        sources: mounts.into_iter().filter_map(|mount| mount.source.map(PathBuf::from)).collect(),
        project: label("com.docker.compose.project").unwrap_or_default(),
        one_off: label("com.docker.compose.oneoff").is_some_and(|value| value == "True"),
        service: label("com.docker.compose.service").unwrap_or_default(),
        running: summary.state == Some(ContainerSummaryStateEnum::RUNNING),
        status: summary.status.unwrap_or_default(),
        port: ports.iter().filter(|port| port.private_port == 5432).find_map(|port| port.public_port),
        config: label("odpm.config"),
        folder: label("com.docker.compose.project.working_dir").map(PathBuf::from),
        compose: label("com.docker.compose.version"),
    })
}
