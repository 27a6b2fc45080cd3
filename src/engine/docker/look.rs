//! What the engine has and runs, asked concurrently.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use bollard::Docker;

use super::client::{client, why};
use super::containers::{self, Container};
use crate::base::PgMajor;
use crate::engine::tenancy;
use crate::facts::{EngineSeen, Known, ServerSeen, ServiceSeen};
use crate::project::Project;

/// How long the engine may take to answer one question.
const DEADLINE: Duration = Duration::from_secs(5);

/// What there is of the project.
pub async fn look(project: &Project) -> EngineSeen {
    let client = match client() {
        Ok(client) => client,
        Err(why) => return nothing(project, &why),
    };
    let names = project.odoo.services.keys().map(|name| project.service_name(name));
    let names: Vec<String> = names.chain([project.postgres_service()]).collect();
    let (all, volumes, postgres, odoo) = tokio::join!(
        timely(containers::all(&client)),
        volumes(&client, project),
        image(&client, &project.postgres.image),
        async { image(&client, &project.odoo.image).await.map(drop) },
    );
    let all = match all {
        Ok(all) => all,
        Err(why) => return nothing(project, &why),
    };
    let orphans = containers::left_over(&all, &project.root, project.compose_project(), &names);
    // Nothing but our own containers is ever looked at as ours, let alone stopped.
    let stranger = |container: &Container| !container.is_of(&project.root);
    let (strangers, own): (Vec<&Container>, Vec<&Container>) =
        all.iter().filter(|c| c.serves(project.compose_project())).partition(|c| stranger(c));
    let mut missing_images = Vec::new();
    let image_major = match postgres {
        Ok(major) => major,
        Err(Missing) => {
            missing_images.push(project.postgres.image.clone());
            Known::Unknown("the image is not on this machine".to_owned())
        }
    };
    if odoo.is_err() {
        missing_images.push(project.odoo.image.clone());
    }
    let service = project.postgres_service();
    let of_server = own.iter().filter(|container| container.service == service);
    let servers: Vec<Container> = of_server.map(|container| (*container).clone()).collect();
    EngineSeen {
        available: Known::Known("docker".to_owned()),
        image_major,
        missing_images,
        volumes,
        orphans,
        compose_taken_by: strangers.first().and_then(|container| container.folder.clone()),
        in_use_by: tenancy::others(&project.postgres.data, &servers, &all),
        server: Known::Known(server(&own, &service)),
        services: Known::Known(services(&own, project)),
        ..nothing(project, "containers bring their own")
    }
}

/// The engine's version and that of its API. Takes longer than all else: it starts programs for it.
pub async fn version() -> Known<String> {
    let client = match client() {
        Ok(client) => client,
        Err(why) => return Known::Unknown(why),
    };
    match timely(client.version()).await {
        Ok(version) => Known::Known(format!(
            "{} (API {})",
            version.version.unwrap_or_default(),
            version.api_version.unwrap_or_default()
        )),
        Err(why) => Known::Unknown(why),
    }
}

/// What is so of every project in containers.
fn nothing(project: &Project, why: &str) -> EngineSeen {
    EngineSeen {
        run_as: Known::Known(None),
        socket_dir: project.state().run(),
        odoo: Known::Known("odoo".into()),
        ..EngineSeen::unknown(why)
    }
}

async fn timely<T>(question: impl Future<Output = Result<T, bollard::errors::Error>>) -> Result<T, String> {
    match tokio::time::timeout(DEADLINE, question).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(e)) => Err(why(&e)),
        Err(_) => Err(format!("the engine does not answer within {} s", DEADLINE.as_secs())),
    }
}

/// Where the engine keeps the project's volumes; one that cannot be asked for is left out.
async fn volumes(client: &Docker, project: &Project) -> BTreeMap<String, Option<PathBuf>> {
    let mut seen = BTreeMap::new();
    for volume in [&project.postgres.volume, &project.odoo.volume].into_iter().flatten() {
        match tokio::time::timeout(DEADLINE, client.inspect_volume(&volume.name)).await {
            Ok(Ok(found)) => drop(seen.insert(volume.name.clone(), Some(found.mountpoint.into()))),
            Ok(Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. })) => {
                seen.insert(volume.name.clone(), None);
            }
            Ok(Err(_)) | Err(_) => {}
        }
    }
    seen
}

/// The image is not on this machine.
struct Missing;

/// The major that an image tells by PG_MAJOR.
async fn image(client: &Docker, name: &str) -> Result<Known<PgMajor>, Missing> {
    match tokio::time::timeout(DEADLINE, client.inspect_image(name)).await {
        Ok(Ok(image)) => {
            let env = image.config.and_then(|config| config.env).unwrap_or_default();
            let major = env.iter().find_map(|line| line.strip_prefix("PG_MAJOR=")?.parse().ok().map(PgMajor));
            Ok(major
                .map_or_else(|| Known::Unknown("the image does not tell its major".to_owned()), Known::Known))
        }
        Ok(Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. })) => Err(Missing),
        Ok(Err(e)) => Ok(Known::Unknown(why(&e))),
        Err(_) => Ok(Known::Unknown("the engine does not answer in time".to_owned())),
    }
}

fn server(all: &[&Container], service: &str) -> ServerSeen {
    match all.iter().find(|container| container.service == service && container.running) {
        None => ServerSeen::Stopped,
        Some(container) => ServerSeen::Running {
            id: container.id.chars().take(12).collect(),
            port: container.port.unwrap_or_default(),
            config: container.config.clone(),
        },
    }
}

fn services(all: &[&Container], project: &Project) -> BTreeMap<String, ServiceSeen> {
    let seen = |name: &String| {
        let service = project.service_name(name);
        let (alive, dead): (Vec<&Container>, Vec<&Container>) =
            all.iter().copied().filter(|c| c.service == service).partition(|c| c.running);
        let config = alive.first().and_then(|c| c.config.clone());
        let seen = ServiceSeen {
            running: u16::try_from(alive.len()).unwrap_or(u16::MAX),
            ids: alive.iter().map(|c| c.id.chars().take(12).collect()).collect(),
            config: config.filter(|config| alive.iter().all(|c| c.config.as_ref() == Some(config))),
            exited: dead.iter().map(|c| c.status.clone()).collect(),
        };
        (name.clone(), seen)
    };
    project.odoo.services.keys().map(seen).collect()
}
