//! Sidecars as containers without a network.

use std::path::Path;

use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{
    CreateContainerOptions, InspectContainerOptions, StartContainerOptions, StopContainerOptionsBuilder,
};

use super::client::{connected, failed};
use super::one_off;
use crate::error::{Error, Result};
use crate::facts::Owner;
use crate::step::{Sidecar, SidecarLaunch};

/// How many seconds one may take to write everything to its files.
const SHUTDOWN: i32 = 600;

/// Marks a sidecar's container with its name.
const LABEL: &str = "odpm.sidecar";

/// Its output goes where a local one's does.
const SCRIPT: &str = r#"exec postgres "$@" >>"$0" 2>&1"#;

fn container(sidecar: &Sidecar) -> Result<(&str, &str, Option<Owner>)> {
    match &sidecar.launch {
        SidecarLaunch::Container { image, name, run_as } => Ok((image, name, *run_as)),
        SidecarLaunch::Local { .. } => {
            Err(Error::internal("a sidecar of processes came to the docker engine"))
        }
    }
}

pub async fn start(sidecar: &Sidecar, log: Option<&Path>) -> Result<()> {
    let (image, name, run_as) = container(sidecar)?;
    let client = connected()?;
    // One that was left behind by an attempt before.
    one_off::remove(&client, name).await;
    let own = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let (uid, gid) = run_as.map_or(own, |owner| (owner.uid, owner.gid));
    // Everything appears where it is, so that one configuration fits both engines.
    let bind = |path: &Path, how: &str| format!("{0}:{0}{how}", path.display());
    let mut binds = vec![bind(&sidecar.place, ""), bind(&sidecar.socket, "")];
    binds.extend(log.map(|log| bind(log, ":ro")));
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        user: Some(format!("{uid}:{gid}")),
        entrypoint: Some(["sh", "-c", SCRIPT].map(str::to_owned).to_vec()),
        cmd: Some(vec![
            sidecar.log().display().to_string(),
            "-D".to_owned(),
            sidecar.data().display().to_string(),
            "-c".to_owned(),
            format!("config_file={}", sidecar.place.join("postgresql.conf").display()),
            "-c".to_owned(),
            format!("data_directory={}", sidecar.data().display()),
        ]),
        stop_signal: Some("SIGINT".to_owned()),
        network_disabled: Some(true),
        labels: Some([(LABEL.to_owned(), sidecar.name.clone())].into()),
        host_config: Some(HostConfig {
            binds: Some(binds),
            network_mode: Some("none".to_owned()),
            shm_size: Some(256 << 20),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let options = CreateContainerOptions { name: Some(name.to_owned()), ..CreateContainerOptions::default() };
    client
        .create_container(Some(options), body)
        .await
        .map_err(|e| failed(&format!("cannot make a container of {image}"), &e))?;
    client
        .start_container(name, None::<StartContainerOptions>)
        .await
        .map_err(|e| failed(&format!("cannot start {name}"), &e))
}

pub async fn runs(sidecar: &Sidecar) -> Result<bool> {
    let (_, name, _) = container(sidecar)?;
    match connected()?.inspect_container(name, None::<InspectContainerOptions>).await {
        Ok(found) => Ok(found.state.and_then(|state| state.running).unwrap_or(false)),
        Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => Ok(false),
        Err(e) => Err(failed(&format!("cannot look at {name}"), &e)),
    }
}

/// The container goes with its server: its files are outside.
pub async fn stop(sidecar: &Sidecar) -> Result<()> {
    let (_, name, _) = container(sidecar)?;
    one_off::remove(&connected()?, name).await;
    if runs(sidecar).await? {
        return Err(Error::environment(format!("the container {name} cannot be removed"))
            .hint(format!("See why: docker rm -f {name}")));
    }
    Ok(())
}

/// Stops it in order: what it wrote is of worth.
pub async fn shut_down(sidecar: &Sidecar) -> Result<()> {
    let (_, name, _) = container(sidecar)?;
    let options = StopContainerOptionsBuilder::new().t(SHUTDOWN).build();
    connected()?
        .stop_container(name, Some(options))
        .await
        .map_err(|e| failed(&format!("cannot stop {name}"), &e))?;
    stop(sidecar).await
}
