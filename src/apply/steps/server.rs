//! Steps on the server and the services.

use crate::error::Result;
use crate::facts::DataDir;
use crate::plan::Outcome;
use crate::step::{BootstrapRoles, InitCluster, PullImage, ServerSpec, ServiceSpec, ShareFiles, Step};
use crate::world::World;

pub async fn pull_image(step: &PullImage, world: &mut World) -> Result<Outcome> {
    world.engine.pull_image(step).await?;
    Ok(Outcome::stays("the image stays on this machine"))
}

pub async fn share_files(step: &ShareFiles, world: &mut World) -> Result<Outcome> {
    world.engine.share_files(step).await?;
    Ok(Outcome::stays("owners and groups stay as the image needs them"))
}

pub async fn init_cluster(step: &InitCluster, world: &mut World) -> Result<Outcome> {
    let admin = world.secret(&step.admin)?;
    world.engine.init_cluster(&step.server, &step.admin_role, &admin).await?;
    Ok(made())
}

/// A finished cluster is moved to its place whole, so one that is there is this step's work.
pub async fn probe_init(step: &InitCluster, world: &World) -> Option<Outcome> {
    match world.engine.data_dir(&step.server.data).await {
        DataDir::Cluster(files) if files.major == step.server.major => Some(made()),
        _ => None,
    }
}

fn made() -> Outcome {
    Outcome::stays("the data directory stays: odpm deletes no databases to take back an apply")
}

pub async fn bootstrap_roles(step: &BootstrapRoles, world: &mut World) -> Result<Outcome> {
    let admin = world.secret(&step.admin)?;
    let statements = world.database.bootstrap_statements(&step.admin_role, &admin)?;
    world.engine.single_user(&step.server, &statements).await?;
    Ok(Outcome::stays("the administrative role keeps its password"))
}

pub async fn start_server(step: &ServerSpec, world: &mut World) -> Result<Outcome> {
    world.engine.start_server(step).await?;
    Ok(Outcome::changed(vec![Step::StopServer(step.clone())]))
}

pub async fn stop_server(step: &ServerSpec, world: &mut World) -> Result<Outcome> {
    world.engine.stop_server(step).await?;
    Ok(Outcome::changed(vec![Step::StartServer(step.clone())]))
}

pub async fn start_service(step: &ServiceSpec, world: &mut World) -> Result<Outcome> {
    world.engine.start_service(step).await?;
    Ok(Outcome::changed(vec![Step::StopService(step.clone())]))
}

pub async fn stop_service(step: &ServiceSpec, world: &mut World) -> Result<Outcome> {
    world.engine.stop_service(step).await?;
    Ok(Outcome::changed(vec![Step::StartService(step.clone())]))
}
