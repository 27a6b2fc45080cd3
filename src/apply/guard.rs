//! Checks guards against the live world.

use crate::error::{Error, Result};
use crate::facts::DataDir;
use crate::plan::{Guard, PlannedStep};
use crate::world::World;

/// Checks every guard of a step; the error names the first that does not hold.
pub async fn check(step: &PlannedStep, world: &World) -> Result<()> {
    for guard in &step.guards {
        holds(guard, world).await.map_err(|error| {
            error
                .because(format!("the world has changed since the plan was made; {} was not begun", step.id))
                .hint("Look at what is different with `odpm plan`; then resume or abandon this run.")
        })?;
    }
    Ok(())
}

async fn holds(guard: &Guard, world: &World) -> Result<()> {
    match guard {
        Guard::FileIs { path, any_of } => {
            let now = world.files.read(path)?.map(crate::base::Digest::of);
            if any_of.contains(&now) {
                return Ok(());
            }
            let what = if now.is_none() { "is gone" } else { "is not the file that was planned for" };
            Err(Error::refused(format!("{} {what}", path.display())))
        }
        Guard::NoCluster { path } => match world.engine.data_dir(path).await {
            DataDir::Absent | DataDir::Empty => Ok(()),
            _ => Err(Error::refused(format!("{} is no longer empty", path.display()))),
        },
        Guard::ClusterIs { path, major, system_identifier } => {
            let DataDir::Cluster(files) = world.engine.data_dir(path).await else {
                return Err(Error::refused(format!("there is no whole cluster in {}", path.display())));
            };
            if files.major != *major {
                return Err(Error::refused(format!(
                    "{} is of PostgreSQL {}, not {major}; no server was started on it",
                    path.display(),
                    files.major
                )));
            }
            let now = files.system_identifier.map(|id| id.to_string());
            match (system_identifier, now) {
                (Some(wanted), Some(now)) if *wanted != now => Err(Error::refused(format!(
                    "another cluster stands in {}: {now} instead of {wanted}",
                    path.display()
                ))),
                _ => Ok(()),
            }
        }
    }
}
