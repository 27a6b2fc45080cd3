//! Services up and down through Compose, waited for by their health.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use bollard::Docker;
use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::{ContainerStateStatusEnum, ExecConfig, HealthStatusEnum};
use bollard::query_parameters::{CreateImageOptionsBuilder, InspectContainerOptions, LogsOptionsBuilder};
use futures_util::StreamExt;

use super::client::{connected, failed};
use super::containers::Container;
use super::{compose, containers, one_off, stack};
use crate::engine::deadline::Deadline;
use crate::engine::tenancy;
use crate::error::{Error, Result};
use crate::step::{ServerSpec, ServiceSpec};

/// How long one health check may take.
const CHECK: Duration = Duration::from_secs(10);

/// How long a container without a health check has to live to count as started.
const SETTLE: Duration = Duration::from_secs(2);

const BEAT: Duration = Duration::from_millis(150);

/// Brings an image to this machine.
pub async fn pull(image: &str) -> Result<()> {
    let client = connected()?;
    if client.inspect_image(image).await.is_ok() {
        return Ok(());
    }
    let options = CreateImageOptionsBuilder::new().from_image(image).build();
    let mut progress = client.create_image(Some(options), None, None);
    while let Some(step) = progress.next().await {
        step.map_err(|e| {
            failed(&format!("cannot pull the image {image}"), &e)
                .hint("Check its name and tag, and that its registry can be reached from here.")
        })?;
    }
    Ok(())
}

/// Starts the server and waits until it is healthy and its port answers.
pub async fn start_server(server: &ServerSpec) -> Result<()> {
    let (project, file) = stack(&server.launch)?;
    let own = of_service(project, &server.service).await?;
    let _tenancy = tenancy::take(&server.data, &own).await?;
    let deadline = Deadline::of(server.start_timeout);
    up(project, file, &server.service, 1, deadline).await?;
    while tokio::net::TcpStream::connect(("127.0.0.1", server.port)).await.is_err() {
        if deadline.is_over() {
            return Err(Error::environment(format!(
                "nothing answers on port {} of this machine",
                server.port
            )));
        }
        tokio::time::sleep(BEAT).await;
    }
    Ok(())
}

/// Starts as many of a service as wanted.
pub async fn start_service(service: &ServiceSpec) -> Result<()> {
    let (project, file) = stack(&service.launch)?;
    one_off::end_left(project).await?;
    up(project, file, &service.service, service.replicas, Deadline::of(service.start_timeout)).await
}

/// Stops a service and removes its containers; what they mount stays.
pub async fn stop(service: &str, launch: &crate::step::Launch) -> Result<()> {
    let (project, file) = stack(launch)?;
    let compose = flavour(project).await?;
    compose.run(project, file, &["rm", "--stop", "--force", service]).await
}

async fn up(project: &str, file: &Path, service: &str, replicas: u16, deadline: Deadline) -> Result<()> {
    let compose = flavour(project).await?;
    let scale = format!("{service}={replicas}");
    let before = restarts(&connected()?, project, service).await?;
    compose.run(project, file, &["up", "-d", "--no-deps", "--scale", &scale, service]).await?;
    let wanted = Wanted { project, service, replicas, before, deadline };
    healthy(&connected()?, &wanted).await
}

/// How often the engine has restarted each container of a service that runs, by their ids. For one that is started
/// again it counts from nought.
async fn restarts(client: &Docker, project: &str, service: &str) -> Result<BTreeMap<String, i64>> {
    let mut restarts = BTreeMap::new();
    for container in of_service(project, service).await?.into_iter().filter(|container| container.running) {
        // One that is gone by now has none that count.
        if let Ok(seen) = client.inspect_container(&container.id, None::<InspectContainerOptions>).await {
            restarts.insert(container.id, seen.restart_count.unwrap_or_default());
        }
    }
    Ok(restarts)
}

/// The Compose that this project's stack belongs to.
pub async fn flavour(project: &str) -> Result<compose::Compose> {
    let all = containers::list(project).await?;
    compose::find(all.iter().find_map(|container| container.compose.as_deref())).await
}

/// Odoo once, in a container of its own beside the service's.
pub async fn odoo_command(service: &ServiceSpec, args: &[String]) -> Result<std::process::Command> {
    once(service, &[], args).await
}

/// Odoo's server once, in a container of its own. Its port is published to this machine alone, as those of the services are: what
/// odpm looks at is reached there on every engine that it works with, and a question from within would be another client.
pub async fn server_command(
    service: &ServiceSpec,
    args: &[String],
    port: u16,
) -> Result<std::process::Command> {
    let mut args = args.to_vec();
    args.extend(["--http-interface=0.0.0.0", "--http-port=8069"].map(str::to_owned));
    let mut command = once(service, &["--publish", &format!("127.0.0.1:{port}:8069")], &args).await?;
    // Ctrl-C in odpm's terminal is for odpm, which ends it.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    Ok(command)
}

/// Ends what this odpm has started for a while.
pub async fn end_command(service: &ServiceSpec) -> Result<()> {
    let (project, _) = stack(&service.launch)?;
    one_off::end_own(project).await
}

/// Odoo once, with further flags of Compose's.
async fn once(service: &ServiceSpec, flags: &[&str], args: &[String]) -> Result<std::process::Command> {
    let (project, file) = stack(&service.launch)?;
    one_off::end_left(project).await?;
    let maker = format!("{}={}", one_off::LABEL, crate::process::me());
    let (begin, end) = (["run", "--rm", "--no-deps", "-T", "--label", &maker], [&service.service, "odoo"]);
    let words = begin.iter().chain(flags).chain(&end);
    let mut words: Vec<String> = words.map(|word| (*word).to_owned()).collect();
    words.extend(args.iter().cloned());
    Ok(flavour(project).await?.command(project, file, &words))
}

async fn of_service(project: &str, service: &str) -> Result<Vec<Container>> {
    let mut all = containers::list(project).await?;
    all.retain(|container| container.service == service);
    Ok(all)
}

/// How a container is doing.
enum Doing {
    Well,
    Starting,
    Badly(String),
}

/// What is waited for after a start.
struct Wanted<'a> {
    project: &'a str,
    service: &'a str,
    replicas: u16,
    /// The restarts of each container before this start, which say nothing about it.
    before: BTreeMap<String, i64>,
    deadline: Deadline,
}

/// Waits until the wanted number is healthy; one that dies is told with its last words.
async fn healthy(client: &Docker, wanted: &Wanted<'_>) -> Result<()> {
    let Wanted { project, service, deadline, .. } = *wanted;
    loop {
        let mut well = 0;
        let seen = of_service(project, service).await?;
        for Container { id, .. } in &seen {
            let before = wanted.before.get(id).copied().unwrap_or_default();
            match doing(client, id, before, deadline.elapsed()).await? {
                Doing::Well => well += 1,
                Doing::Starting => {}
                Doing::Badly(how) => return Err(last_words(client, id, &format!("{service} {how}")).await),
            }
        }
        if well >= usize::from(wanted.replicas) {
            return Ok(());
        }
        if deadline.is_over() {
            let what = format!("{service} is not healthy after {} s", deadline.seconds);
            let error = match seen.first() {
                Some(container) => last_words(client, &container.id, &what).await,
                None => Error::environment(what),
            };
            return Err(error
                .hint("Look at it: odpm logs")
                .hint("If it only needs longer, give it time in odpm.yaml: start_timeout"));
        }
        tokio::time::sleep(BEAT).await;
    }
}

async fn doing(client: &Docker, id: &str, restarts_before: i64, since: Duration) -> Result<Doing> {
    let seen = match client.inspect_container(id, None::<InspectContainerOptions>).await {
        Ok(seen) => seen,
        // Compose replaces containers; the list tells of the next one.
        Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => {
            return Ok(Doing::Starting);
        }
        Err(e) => return Err(failed("cannot look at a container", &e)),
    };
    let restarts = seen.restart_count.unwrap_or_default();
    let Some(state) = seen.state else { return Ok(Doing::Starting) };
    let code = state.exit_code.unwrap_or_default();
    Ok(match (state.status, state.health.and_then(|health| health.status)) {
        (Some(ContainerStateStatusEnum::EXITED | ContainerStateStatusEnum::DEAD), _) => {
            Doing::Badly(format!("ended with exit code {code}"))
        }
        (Some(ContainerStateStatusEnum::RESTARTING), _) => Doing::Badly("ends again and again".to_owned()),
        _ if restarts > restarts_before => Doing::Badly("ends again and again".to_owned()),
        (_, Some(HealthStatusEnum::HEALTHY)) => Doing::Well,
        (_, Some(HealthStatusEnum::UNHEALTHY)) => Doing::Badly("fails its health check".to_owned()),
        (_, Some(HealthStatusEnum::STARTING)) => {
            // The engine asks for the first time after a whole interval; the same question may be put at once.
            let check = seen.config.and_then(|config| config.healthcheck?.test).unwrap_or_default();
            if passes(client, id, &check).await { Doing::Well } else { Doing::Starting }
        }
        (Some(ContainerStateStatusEnum::RUNNING), _) if since > SETTLE => Doing::Well,
        _ => Doing::Starting,
    })
}

/// Runs a container's own health check in it. Whatever goes wrong, the engine's verdict still comes.
async fn passes(client: &Docker, id: &str, check: &[String]) -> bool {
    let words = match check.split_first() {
        Some((kind, words)) if kind == "CMD" => words.to_vec(),
        Some((kind, [script])) if kind == "CMD-SHELL" => ["sh", "-c", script].map(str::to_owned).to_vec(),
        _ => return false,
    };
    let ask = async {
        let exec = ExecConfig { cmd: Some(words), attach_stdout: Some(true), ..ExecConfig::default() };
        let exec = client.create_exec(id, exec).await?;
        let options = StartExecOptions { detach: false, ..StartExecOptions::default() };
        if let StartExecResults::Attached { mut output, .. } =
            client.start_exec(&exec.id, Some(options)).await?
        {
            while output.next().await.is_some() {}
        }
        client.inspect_exec(&exec.id).await
    };
    let answer = tokio::time::timeout(CHECK, ask).await;
    matches!(answer, Ok(Ok(seen)) if seen.exit_code == Some(0))
}

/// An error with the last lines of the container's log.
async fn last_words(client: &Docker, id: &str, what: &str) -> Error {
    let options = LogsOptionsBuilder::new().stdout(true).stderr(true).tail("8").build();
    let mut error = Error::environment(what);
    let mut lines = client.logs(id, Some(options));
    while let Some(Ok(line)) = lines.next().await {
        let line = line.to_string();
        if !line.trim().is_empty() {
            error = error.because(line.trim_end());
        }
    }
    error
}
