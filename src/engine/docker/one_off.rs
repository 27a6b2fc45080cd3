//! A container for one command: made, run to its end, read, removed.

use std::path::Path;
use std::time::Duration;

use bollard::models::{ContainerCreateBody, ContainerSummaryStateEnum, HostConfig};
use bollard::query_parameters::{
    CreateContainerOptions, ListContainersOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder,
    StartContainerOptions, WaitContainerOptions,
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

/// Marks a container for one command with the process that made it.
pub const LABEL: &str = "odpm.one-off";

/// Removes what an odpm that was killed has left: containers of ours that do not run, whose maker is gone.
pub async fn sweep(client: &bollard::Docker) {
    let filters = std::collections::HashMap::from([("label".to_owned(), vec![LABEL.to_owned()])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    // A sweep that fails leaves things as they are; the work itself will say what is wrong.
    let Ok(found) = client.list_containers(Some(options)).await else { return };
    for container in found.into_iter().filter(|c| c.state != Some(ContainerSummaryStateEnum::RUNNING)) {
        let maker = container.labels.as_ref().and_then(|labels| labels.get(LABEL)?.parse().ok());
        if let (Some(id), Some(false)) = (&container.id, maker.map(crate::process::lives)) {
            remove(client, id).await;
        }
    }
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
        labels: Some([(LABEL.to_owned(), std::process::id().to_string())].into()),
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
