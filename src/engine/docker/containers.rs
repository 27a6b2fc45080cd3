//! Containers as odpm sees them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use bollard::Docker;
use bollard::models::{ContainerSummary, ContainerSummaryStateEnum};
use bollard::query_parameters::ListContainersOptionsBuilder;

use super::client::{connected, failed};
use crate::error::Result;

/// A running container and the folders of this machine that it mounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mounts {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The folders.
    pub sources: Vec<PathBuf>,
}

/// The running containers with their mounts.
pub async fn mounts(client: &Docker) -> Result<Vec<Mounts>, bollard::errors::Error> {
    let running = client.list_containers(None::<bollard::query_parameters::ListContainersOptions>).await?;
    let mounts = running.into_iter().map(|container| Mounts {
        name: name(&container),
        id: container.id.unwrap_or_default(),
        sources: container
            .mounts
            .unwrap_or_default()
            .into_iter()
            .filter_map(|m| m.source.map(PathBuf::from))
            .collect(),
    });
    Ok(mounts.collect())
}

fn name(container: &ContainerSummary) -> String {
    let first = container.names.as_ref().and_then(|names| names.first());
    first.map_or_else(|| "without a name".to_owned(), |name| name.trim_start_matches('/').to_owned())
}

/// One container of a Compose project.
#[derive(Clone, Debug)]
pub struct Container {
    /// Its id.
    pub id: String,
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
    /// Whether the project in this folder made it, as far as it tells: nothing else is ever ours.
    pub fn is_of(&self, root: &Path) -> bool {
        self.folder.as_ref().is_none_or(|folder| folder == root)
    }
}

/// Every container of a Compose project, from the engine of this machine.
pub async fn list(project: &str) -> Result<Vec<Container>> {
    of_project(&connected()?, project).await.map_err(|e| failed("cannot list containers", &e))
}

/// Every container of a Compose project, running or not; one-off ones are left out.
pub async fn of_project(client: &Docker, project: &str) -> Result<Vec<Container>, bollard::errors::Error> {
    let label = format!("com.docker.compose.project={project}");
    let filters = HashMap::from([("label".to_owned(), vec![label])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    let listing = client.list_containers(Some(options)).await?;
    Ok(listing.into_iter().filter_map(container).collect())
}

/// The names of containers that a project folder has under another project name than `project`, or under a
/// service that is not in `services`.
pub async fn left_over(
    client: &Docker,
    folder: &Path,
    project: &str,
    services: &[String],
) -> Result<Vec<String>, bollard::errors::Error> {
    let label = format!("com.docker.compose.project.working_dir={}", folder.display());
    let filters = HashMap::from([("label".to_owned(), vec![label])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    let old = |container: &ContainerSummary| {
        let labels = container.labels.as_ref();
        let is =
            |name: &str| labels.and_then(|labels| labels.get(name)).map(String::as_str).unwrap_or_default();
        is("com.docker.compose.project") != project
            || !services.iter().any(|service| service == is("com.docker.compose.service"))
    };
    let listing = client.list_containers(Some(options)).await?;
    Ok(listing.iter().filter(|container| old(container)).map(name).collect())
}

fn container(summary: ContainerSummary) -> Option<Container> {
    let labels = summary.labels.unwrap_or_default();
    let label = |name: &str| labels.get(name).cloned();
    if label("com.docker.compose.oneoff").is_some_and(|value| value == "True") {
        return None;
    }
    let ports = summary.ports.unwrap_or_default();
    Some(Container {
        id: summary.id?,
        service: label("com.docker.compose.service")?,
        running: summary.state == Some(ContainerSummaryStateEnum::RUNNING),
        status: summary.status.unwrap_or_default(),
        port: ports.iter().filter(|port| port.private_port == 5432).find_map(|port| port.public_port),
        config: label("odpm.config"),
        folder: label("com.docker.compose.project.working_dir").map(PathBuf::from),
        compose: label("com.docker.compose.version"),
    })
}
