//! A container for one command: made, run to its end, read, removed.

use std::path::Path;
use std::time::Duration;

use bollard::models::{ContainerCreateBody, ContainerSummary, ContainerSummaryStateEnum, HostConfig};
use bollard::query_parameters::{
    CreateContainerOptions, InspectContainerOptions, ListContainersOptionsBuilder, LogsOptionsBuilder,
    RemoveContainerOptionsBuilder, StartContainerOptions, StopContainerOptionsBuilder, WaitContainerOptions,
};
use futures_util::StreamExt;

use super::client::{connected, failed};
use crate::error::{Error, Result};

/// What to run.
pub struct OneOff<'a> {
    /// The image.
    pub image: &'a str,
    /// `root`, a name of the image, or `UID:GID`.
    pub user: &'a str,
    /// A script for `sh`.
    pub script: &'a str,
    /// Its parameters, from `$1` on.
    pub args: &'a [&'a str],
    /// Variables.
    pub env: Vec<String>,
    /// Folders and files of this machine, and where they appear.
    pub binds: Vec<(&'a Path, &'a str)>,
}

/// What it said.
pub struct Said {
    /// Its exit code.
    pub code: i64,
    /// Both of its streams.
    pub text: String,
}

/// How long a command in a container may take.
const DEADLINE: Duration = Duration::from_secs(300);

/// How many seconds Odoo may take to end what it is at.
const PATIENCE: i32 = 60;

/// Marks a container for one command with the process that made it.
pub const LABEL: &str = "odpm.one-off";

/// Removes what an odpm that was killed has left: containers of ours that do not run, whose maker is gone.
pub async fn sweep(client: &bollard::Docker) {
    let filters = std::collections::HashMap::from([("label".to_owned(), vec![LABEL.to_owned()])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    // A sweep that fails leaves things as they are; the work itself will say what is wrong.
    let Ok(found) = client.list_containers(Some(options)).await else { return };
    for container in found.into_iter().filter(|c| c.state != Some(ContainerSummaryStateEnum::RUNNING)) {
        if let Some(id) = container.id.as_ref().filter(|_| is_left(&container)) {
            remove(client, id).await;
        }
    }
}

/// Whether the process that made a container for one command is gone.
fn is_left(container: &ContainerSummary) -> bool {
    let maker = container.labels.as_ref().and_then(|labels| labels.get(LABEL));
    maker.is_some_and(|maker| !crate::process::is_at_work(maker))
}

/// Ends what an odpm that was killed has left at work in a Compose project: Odoo writes on without it, and a second one beside it
/// would spoil what both do.
pub async fn end_left(project: &str) -> Result<()> {
    end(project, is_left).await
}

/// Ends what this odpm has at work in a Compose project.
pub async fn end_own(project: &str) -> Result<()> {
    let me = crate::process::me();
    end(project, |container| container.labels.as_ref().and_then(|labels| labels.get(LABEL)) == Some(&me))
        .await
}

async fn end(project: &str, is_meant: impl Fn(&ContainerSummary) -> bool) -> Result<()> {
    let client = connected()?;
    let labels = vec![LABEL.to_owned(), format!("com.docker.compose.project={project}")];
    let filters = std::collections::HashMap::from([("label".to_owned(), labels)]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    let found = client.list_containers(Some(options)).await;
    let found = found.map_err(|e| failed("cannot look for what an odpm that is gone has left", &e))?;
    for container in found.iter().filter(|container| is_meant(container)) {
        let Some(id) = &container.id else { continue };
        // Asked first, so that what it has begun in the database is rolled back in order.
        let stop = StopContainerOptionsBuilder::new().t(PATIENCE).build();
        let _ = client.stop_container(id, Some(stop)).await;
        remove(&client, id).await;
        gone(&client, id).await?;
    }
    Ok(())
}

/// That something is gone has to be seen: what could not be ended is at work still.
async fn gone(client: &bollard::Docker, id: &str) -> Result<()> {
    let running = match client.inspect_container(id, None::<InspectContainerOptions>).await {
        Ok(seen) => seen.state.and_then(|state| state.running).unwrap_or_default(),
        Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => false,
        Err(e) => return Err(failed("cannot look at a container", &e)),
    };
    if !running {
        return Ok(());
    }
    Err(Error::environment(format!("the container {id} does not end"))
        .because("an odpm that is gone has started Odoo in it, which is at work on a database still")
        .hint(format!("End it: docker rm --force {id}; then resume.")))
}

/// Removes a container; what was learned counts more than one that could not be removed.
pub async fn remove(client: &bollard::Docker, id: &str) {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    let _ = client.remove_container(id, Some(options)).await;
}

/// Runs it, without a network, and removes the container whatever happens.
pub async fn run(one_off: &OneOff<'_>) -> Result<Said> {
    let client = connected()?;
    sweep(&client).await;
    let binds = one_off.binds.iter().map(|(path, inside)| format!("{}:{inside}", path.display()));
    let body = ContainerCreateBody {
        image: Some(one_off.image.to_owned()),
        user: Some(one_off.user.to_owned()),
        entrypoint: Some(["sh", "-c", one_off.script, "odpm"].map(str::to_owned).to_vec()),
        cmd: Some(one_off.args.iter().map(|arg| (*arg).to_owned()).collect()),
        env: Some(one_off.env.clone()),
        network_disabled: Some(true),
        labels: Some([(LABEL.to_owned(), crate::process::me())].into()),
        host_config: Some(HostConfig {
            binds: Some(binds.collect()),
            network_mode: Some("none".to_owned()),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let made = client
        .create_container(None::<CreateContainerOptions>, body)
        .await
        .map_err(|e| failed(&format!("cannot make a container of {}", one_off.image), &e))?;
    let work = async {
        client
            .start_container(&made.id, None::<StartContainerOptions>)
            .await
            .map_err(|e| failed("cannot start a container", &e))?;
        let code = match client.wait_container(&made.id, None::<WaitContainerOptions>).next().await {
            Some(Ok(end)) => end.status_code,
            Some(Err(bollard::errors::Error::DockerContainerWaitError { code, .. })) => code,
            Some(Err(e)) => return Err(failed("cannot wait for a container", &e)),
            None => return Err(Error::environment("a container ended without a word")),
        };
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).build();
        let mut text = String::new();
        let mut lines = client.logs(&made.id, Some(options));
        while let Some(line) = lines.next().await {
            text.push_str(&line.map_err(|e| failed("cannot read from a container", &e))?.to_string());
        }
        Ok(Said { code, text })
    };
    let result = tokio::time::timeout(DEADLINE, work).await;
    remove(&client, &made.id).await;
    result.unwrap_or_else(|_| {
        Err(Error::environment(format!(
            "a container of {} did not end within {} s",
            one_off.image,
            DEADLINE.as_secs()
        )))
    })
}

impl Said {
    /// The text of a command that succeeded; else an error with its last lines.
    pub fn success(self, what: &str) -> Result<String> {
        if self.code == 0 {
            return Ok(self.text);
        }
        let error = Error::environment(format!("{what} failed in its container (exit code {})", self.code));
        Err(error.because_last(self.text.lines()))
    }
}
